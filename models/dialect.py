"""The words of the dialect: what goes over the engine seam, for the client and for the worker alike.

Apart from the client so that the worker need not load the client's library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, in the words of the OpenAI dialect. `images` are data URLs, for a model that sees."""

    role: Role
    content: str
    images: tuple[str, ...] = ()

    @property
    def wire(self) -> dict[str, Any]:
        """The message as it is sent."""
        if not self.images:
            return {"role": self.role, "content": self.content}
        parts: list[dict[str, Any]] = [{"type": "text", "text": self.content}]
        parts += [{"type": "image_url", "image_url": {"url": image}} for image in self.images]
        return {"role": self.role, "content": parts}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. `max_tokens` bounds the answer; `seed` makes it repeatable.

    A translation model wants the languages, by code or English name, and may search with `num_beams`. `logprobs`: each
    piece tells how likely its tokens were.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    seed: int | None = None
    repetition_penalty: float = 1.0
    num_beams: int = 1
    source_language: str = ""
    target_language: str = ""
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What a generation cost, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streamed answer. The last one carries `finish_reason` ("stop", "length") and `usage`.

    `logprobs`: its tokens with the logarithm of each one's probability, before penalties and temperature, where they
    were asked for and the server tells them.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    logprobs: tuple[tuple[str, float], ...] = ()
