"""Look-up: what may come next, guessed from what stands in the prompt and the answer already.

Translations, corrections and quotations repeat their input. Guessed tokens are read along with the last one in the same
pass, and stay only where the sampler draws them itself, so that no answer changes (prompt look-up, Saxena 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

SEEN = 3
"""So many tokens have to be the same before what followed them is guessed."""
MOST = 8


class Lookup:
    """The tokens of one request. How many are guessed follows what came of the last guess."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self._length = 2
        for token in prompt:
            self.feed(token)

    def feed(self, token: int) -> None:
        """The next token of the prompt or of the answer."""
        # written down only now: the last tokens must not find themselves
        if len(self._tokens) >= SEEN:
            self._after[tuple(self._tokens[-SEEN:])] = len(self._tokens)
        self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """What may come next, at most `most` tokens; none where nothing like the last ones was there before."""
        at = self._after.get(tuple(self._tokens[-SEEN:]))
        return [] if at is None else self._tokens[at : at + min(most, self._length)]

    def note(self, guessed: int, right: int) -> None:
        """What came of a guess."""
        if guessed:
            self._length = min(MOST, 2 * self._length) if right == guessed else max(1, right)
