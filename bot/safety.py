"""Safety of what goes out and what is logged: secrets are masked, chat text stays hidden."""

from __future__ import annotations

import re

MASK = "[secret]"

_SECRET = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}"  # model providers
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"  # Slack
    r"|gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"  # forges
    r"|hf_[A-Za-z0-9]{20,}"
    r"|AKIA[0-9A-Z]{16}"
    r"|[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"  # Discord
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
)
_WORD_END = re.compile(r"\s")
_HELD = 400
"""A run without a space longer than this is no token: it is let go so that long words still stream."""


_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line ends, and halves of characters: no database and no terminal wants them."""


def readable(text: str) -> str:
    """`text` without what nobody can read and a store or a terminal would trip over."""
    return _UNREADABLE.sub("", text)


def says_something(text: str) -> bool:
    """Whether there is anything to see in `text`: spaces and marks of no width are nothing."""
    return any(mark.isprintable() and not mark.isspace() for mark in text)


def mask_secrets(text: str) -> str:
    """`text` with everything that looks like a token replaced by [secret]."""
    return _SECRET.sub(MASK, text)


class SecretFilter:
    """`mask_secrets` for a stream: the word being written is held back only while it may be a token."""

    _START = re.compile(r"(?:sk-|xox|xapp|gh[opusr]_|github_pat|glpat|hf_|AKIA|[MNO][A-Za-z\d]{5}|eyJ)")

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        text = self._held + delta
        cut = max((match.end() for match in _WORD_END.finditer(text)), default=0)
        word = text[cut:]
        if len(word) > _HELD or not self._maybe(word):
            cut = len(text)
        self._held = text[cut:]
        return mask_secrets(text[:cut])

    def end(self) -> str:
        held, self._held = self._held, ""
        return mask_secrets(held)

    def _maybe(self, word: str) -> bool:
        """Whether `word` is, or may become, a token: long enough to tell, or too short to say no."""
        inner = word.lstrip("\"'`([{<=:*_")
        return (len(inner) < 6 and inner[:1] in tuple("sxghAMNOe")) or self._START.search(word) is not None
