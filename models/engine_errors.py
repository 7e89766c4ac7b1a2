"""What an engine may answer in place of an answer. Apart from the client, whose library takes a second to load."""

from __future__ import annotations


class EngineError(Exception):
    """The engine could not answer. `detail` is for the log, never for a user."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class EngineUnavailable(EngineError):
    """Nobody answers at the engine's address: it is starting, restarting or gone."""


class EngineBusy(EngineError):
    """The engine refused for load (429 or 503). `retry_after` in seconds, if it said so."""

    def __init__(self, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class PromptTooLong(EngineError):
    """The prompt and the answer asked for do not fit the model's context."""


class EngineDenied(EngineError):
    """The engine does not accept our key (401, 403)."""


class UnknownModel(EngineError):
    """The engine serves no model of this name (404)."""


class UnknownLanguage(EngineError):
    """The model was not taught to translate from or into this language."""


class AdapterRefused(EngineError):
    """The engine does not take this adapter. `words` say why, for the people who run the bot."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class EngineFailed(EngineError):
    """The engine broke while answering, or answered something that is not its dialect."""
