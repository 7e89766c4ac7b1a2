"""What the server and the runner ask of a model in memory, whatever its architecture; and its requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.dialect import Message, Piece, Sampling, Usage
from models.serving.detokenizing import Detokenizer
from models.serving.lookup import Lookup
from models.serving.lora import AdapterWeights
from models.serving.sampling import Sampler
from models.serving.waiting import Generation

RATE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Failure:
    """The request could not be computed. `detail` is for the log; `busy`: for want of room, so later it may go."""

    detail: str
    busy: bool = False


Outcome = Piece | Failure


@dataclass(eq=False, kw_only=True)
class Answering(Generation):
    """A generation with what turns its tokens into text, and where the text goes."""

    sampler: Sampler
    text: Detokenizer
    deliver: Callable[[Outcome], None]
    adapter: AdapterWeights | None = None
    lookup: Lookup | None = None
    _logprobs: list[tuple[str, float]] = field(default_factory=list)

    def take(self, token: int, ends: frozenset[int]) -> Piece:
        """The next token was drawn: the text that is certain now, and why it ends if it does."""
        self.answer.append(token)
        if self.lookup is not None:
            self.lookup.feed(token)
        if token in ends:
            return self.finish("stop")
        if self.sampler.logprob is not None:
            self._logprobs.append((self.text.alone(token), self.sampler.logprob))
        text = self.text.feed(token)
        if self.text.stopped:
            return self.finish("stop", text)
        if len(self.answer) >= self.most:
            return self.finish("length", text)
        return Piece(text, logprobs=self._told() if text else ())

    def finish(self, reason: str, text: str = "") -> Piece:
        """The last piece: `text` and what was held back."""
        text += self.text.end()
        usage = Usage(len(self.prompt), len(self.answer))
        reason = "stop" if self.text.stopped else reason
        return Piece(text, finish_reason=reason, usage=usage, logprobs=self._told())

    def _told(self) -> tuple[tuple[str, float], ...]:
        """What no piece has told yet."""
        told, self._logprobs = tuple(self._logprobs), []
        return told

    def expire(self) -> Outcome:
        """What to tell when its deadline has passed."""
        return self.finish("length") if self.answer else Failure("not begun by its deadline", busy=True)


@dataclass(slots=True)
class Counts:
    """Totals since the start, for /metrics."""

    steps: int = 0
    read: int = 0
    written: int = 0
    failed: int = 0
    guessed: int = 0
    right: int = 0
    _past: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RATE_SECONDS))

    def note(self, now: float) -> None:
        """Remember once a second how far it has come; `now` in seconds."""
        if not self._past or now - self._past[-1][0] >= 1:
            self._past.append((now, self.written))

    def rate(self, now: float) -> float:
        """Tokens a second over the last `RATE_SECONDS`."""
        past = next(((at, written) for at, written in list(self._past) if now - at <= RATE_SECONDS), None)
        return 0.0 if past is None or now - past[0] < 0.5 else (self.written - past[1]) / (now - past[0])


@dataclass(frozen=True, slots=True)
class Status:
    """How full a model is, for /health and /metrics. `reused` tokens were not read again, in `hits` prompts."""

    running: int
    waiting: int
    free_slots: int
    cache_tokens: int
    cache_budget: int
    reused: int = 0
    hits: int = 0
    shortages: int = 0


class Resident(Protocol):
    """One model in memory. `step` is called from the runner's thread only, the rest from any.

    `searches`: it can search with beams.
    """

    context: int
    counts: Counts
    searches: bool

    @property
    def busy(self) -> bool: ...

    def status(self) -> Status: ...

    def window(self, prompt_tokens: int) -> int:
        """Tokens that a prompt of this length and its answer may have together."""
        ...

    def encode(self, messages: Sequence[Message], source: str = "", target: str = "") -> list[int]:
        """The prompt's tokens. Raises ValueError when the model refuses the messages or the languages."""
        ...

    def submit(
        self, prompt: list[int], sampling: Sampling, deliver: Callable[[Outcome], None], priority: int = 0,
        deadline: float = ..., adapter: AdapterWeights | None = None,
    ) -> Answering: ...  # fmt: skip

    def cancel(self, answering: Answering) -> None: ...

    def step(self) -> None: ...
