"""Errors that carry words for a person, and the one place where every other error gets its words."""

from __future__ import annotations

from dataclasses import dataclass, field

from models import engine_errors as engine


class UserError(Exception):
    """Something the person can mend. `words` is one helpful sentence, shown as it is."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass
class StoreError(Exception):
    """The database could not do it. `detail` is for the log."""

    detail: str = ""

    def __str__(self) -> str:
        return self.detail


class StoreFull(StoreError):
    """No room on the database's disk."""


class StoreBusy(StoreError):
    """Another process held the database for too long."""


class StoreBroken(StoreError):
    """The database cannot be read or reached."""


@dataclass
class QueueTimeout(Exception):
    """A turn waited longer than it may. `seconds` is how long that was."""

    seconds: float


@dataclass
class QueueFull(Exception):
    """The line is as long as it may get. `most` is its length."""

    most: int


@dataclass
class Stopped(Exception):
    """Somebody pressed Stop on a turn. `text` is what had been said by then."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What the person reads, and whether it is worth an error in the log."""

    text: str
    severe: bool = field(default=True)


def words_for(error: BaseException, engine_words: str = "") -> Words:
    """The person's words for `error`. `engine_words`: what the worker's keeper knows of its state."""
    match error:
        case UserError():
            return Words(error.words, severe=False)
        case QueueTimeout():
            return Words(
                f"Nobody could get to your question within {error.seconds:.0f} seconds, so it left the line. "
                "Ask again in a while; nothing else was lost.",
                severe=False,
            )
        case QueueFull():
            return Words(f"{error.most} people are waiting already. Please ask again in a few minutes.", severe=False)
        case engine.EngineBusy():
            wait = f"in {error.retry_after:.0f} seconds" if error.retry_after else "in a minute"
            return Words(f"The model has more questions than it can take. Please ask again {wait}.")
        case engine.EngineUnavailable():
            return Words(f"{engine_words or 'The model cannot be reached just now.'} Your question is kept; try again.")
        case engine.PromptTooLong():
            return Words("That is more text than the model can read at once. Send a shorter part of it.", severe=False)
        case engine.UnknownLanguage():
            return Words(
                "The model that translates here does not know that language. Ask for another one, or ask the owner "
                "for a model that does.",
                severe=False,
            )
        case engine.EngineDenied():
            return Words("The model server does not accept this bot's key. The owner has to set ENGINE_API_KEY.")
        case engine.UnknownModel():
            return Words("The model set for this command is not being served. The owner can run doctor to see why.")
        case engine.EngineError():
            return Words("The model broke off while answering. Your question is kept; press Retry.")
        case StoreFull():
            return Words(
                "The disk that holds my memory is full, so I cannot keep a new answer. The owner has to free space."
            )
        case StoreBusy():
            return Words("My memory is busy with another job. Nothing was lost; ask again in a moment.")
        case StoreError():
            return Words(
                "I cannot reach my memory just now, so I did not answer. Nothing was lost; ask again in a minute."
            )
        case _:
            return Words(
                "Something in me broke on this one. It is in the log; your question is kept, and Retry may work."
            )
