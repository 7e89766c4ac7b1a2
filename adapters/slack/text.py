"""Text between Slack and the core: nothing pings, nothing hides where it leads, nothing is cut in a code block."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

PIECE = 11_000
"""Characters of Markdown in one message; Slack takes 12,000."""
LONGEST_FENCE, LONGEST_LANGUAGE = 7, 20
"""What is longer was never meant as the fence or the language of a block of code."""
FALLBACK = 3_000
"""Characters of the text that stands for a message's blocks in notifications."""

JOINER = "\u2060"
"""Invisible and without width: keeps "<" and "@" from beginning a mention."""

_MENTION = re.compile(r"<@(?P<user>[UW][A-Z0-9]+)(?:\|(?P<name>[^<>]*))?>")
_CHANNEL = re.compile(r"<#(?P<id>[A-Z0-9]+)(?:\|(?P<name>[^<>]*))?>")
_SPECIAL = re.compile(r"<(?=[@!#])")
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
_SLACK_LINK = re.compile(r"<(?P<url>(?:https?|mailto|tel):[^<>|\s]+)(?:\|(?P<label>[^<>]*))?>")
_LINK = re.compile(
    r"(?P<image>!?)\[(?P<label>[^\[\]\n]*)\]\(\s*<?(?P<url>[^()\s<>]*(?:\([^()\s]*\))?[^()\s<>]*)>?[^()\n]*\)"
)
_WEB_LINK = re.compile(r"\[(?P<label>[^\[\]\n]+)\]\((?P<url>https?://[^()\s<>|]+)\)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?=[/:?#\s]|$)", re.IGNORECASE)
_UNFINISHED = re.compile(r"(?:<[^<>\s]{0,120}|@\w{0,9}|!?\[[^\[\]\n]{0,300}(?:\](?:\([^()\n]{0,600})?)?|!)\Z")
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)
_SERVER = re.compile(r"\b([Tt]he|[Tt]his) server\b")
_SEAMS = ("\n\n", "\n", ". ", " ")


def safe(text: str, names: Mapping[str, str] | None = None) -> str:
    """`text` as it may stand in a Markdown block. `names`: what people are called, by their Slack ids."""
    named = names or {}
    text = _MENTION.sub(lambda match: f"@{JOINER}{named.get(match['user']) or match['name'] or match['user']}", text)
    text = _CHANNEL.sub(lambda match: f"#{match['name'] or match['id']}", text)
    text = _SLACK_LINK.sub(lambda match: _honest(match["label"] or match["url"], match["url"]), text)
    text = _LINK.sub(_link, text)
    return _BROADCAST.sub(f"@{JOINER}", _SPECIAL.sub(f"<{JOINER}", text))


def _link(match: re.Match[str]) -> str:
    label, url = match["label"], match["url"]
    if _SCHEME.match(url) is None and not url.startswith("//"):
        return match[0] if not match["image"] else match[0][1:]  # code such as f[i](x), or a place in a document
    return _honest(label or url, url)


def _honest(label: str, url: str) -> str:
    """A link whose label does not name another place than it leads to."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in ("http", "https", "mailto", "tel"):
        return label
    shown = _ADDRESS.search(label)
    if label == url or (shown is not None and _host(shown[0]) != _host(url)):
        return url if label == url else f"{label} ({url})"
    return f"[{label}]({url})"


def _host(address: str) -> str:
    whole = address if "//" in address else f"//{address}"
    return (urlsplit(whole).hostname or "").removeprefix("www.")


class SafeStream:
    """`safe` for text that comes in pieces: what may become a mention or a link waits until it is whole."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = names
        self._raw = ""

    def feed(self, delta: str) -> None:
        """Say more."""
        self._raw += delta

    @property
    def text(self) -> str:
        """All safe text so far; worth its price only when it is shown."""
        unfinished = _UNFINISHED.search(self._raw)
        return safe(self._raw[: unfinished.start()] if unfinished else self._raw, self._names)


def fallback(text: str) -> str:
    """The text beside blocks, for notifications and old clients: Slack's escapes, no markup that it would read."""
    short = text if len(text) <= FALLBACK else text[: FALLBACK - 1] + "…"
    return html.escape(short, quote=False)


def mrkdwn(text: str, most: int = 2_900) -> str:
    """Short text for a section or context block, where Slack has a markup of its own."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"*\1*", safe(text))
    short = bold if len(bold) <= most else bold[: most - 1] + "…"
    made, end = "", 0
    for match in _WEB_LINK.finditer(short):
        label = html.escape(match["label"], quote=False).replace("|", "¦")
        made += f"{html.escape(short[end : match.start()], quote=False)}<{match['url']}|{label}>"
        end = match.end()
    return made + html.escape(short[end:], quote=False)


def split(text: str, most: int = PIECE) -> list[str]:
    """`text` in pieces of at most `most` (at least 100) characters; a code block that is cut is closed and goes on."""
    pieces: list[str] = []
    rest = text
    while len(rest) > most:
        room = most - 8  # for a closing fence
        cut = _cut(rest, room)
        piece, rest = rest[:cut].rstrip(), rest[cut:].lstrip("\n")
        fence = _open_fence(piece)
        if fence and len(fence[0]) < LONGEST_FENCE:
            mark, language = fence
            piece += f"\n{mark}"
            rest = f"{mark}{language}\n{rest}"
        pieces.append(piece)
    return [*pieces, rest] if rest or not pieces else pieces


def _cut(text: str, room: int) -> int:
    for seam in _SEAMS:
        found = text.rfind(seam, room // 2, room)
        if found > 0:
            return found + len(seam)
    return room


def _open_fence(text: str) -> tuple[str, str] | None:
    """The fence that `text` leaves open, as its mark and language."""
    mark = language = ""
    for match in _FENCE.finditer(text):
        if not mark:
            # A line that goes on is no fence but code on one line: its language is a word.
            mark, language = match[1], (match[2].split() or [""])[0][:LONGEST_LANGUAGE]
        elif match[1][0] == mark[0] and len(match[1]) >= len(mark) and not match[2].strip():
            mark = ""
    return (mark, language) if mark else None


def incoming(text: str) -> str:
    """What a person wrote, as Markdown: links and entities opened, mentions left as they are."""
    text = re.sub(r"<!(channel|here|everyone)(?:\|[^<>]*)?>", r"@\1", text)
    text = re.sub(r"<!(?:subteam|date)\^[^<>|]*(?:\|([^<>]*))?>", lambda match: match[1] or "", text)
    text = _CHANNEL.sub(lambda match: f"#{match['name'] or match['id']}", text)

    def link(match: re.Match[str]) -> str:
        url, label = match["url"], match["label"]
        bare = url.removeprefix("mailto:").removeprefix("tel:")
        return f"[{label}]({url})" if label and label not in (url, bare) else bare

    return html.unescape(_SLACK_LINK.sub(link, text)).strip()


def mentioned(text: str) -> list[str]:
    """The ids of the people named in a text, each once."""
    return list(dict.fromkeys(match["user"] for match in _MENTION.finditer(text)))


def without_lead(text: str, user: str) -> str:
    """`text` without the mention of `user` that begins it, or that ends it."""
    mark = rf"<@{user}(?:\|[^<>]*)?>"
    text = re.sub(rf"\A\s*(?:{mark}[\s,:]*)+", "", text)
    return re.sub(rf"\s*{mark}\s*\Z", "", text).strip()


def own_words(text: str, names: Collection[str], prefix: str) -> str:
    """The bot's own words as they are right here: "/parley translate" for `/translate`, and a workspace's."""
    if prefix and names:
        known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        text = re.sub(r"(?<![\w/.:])/chat\b", prefix, text)  # talk has no command of its own here
        text = re.sub(rf"(?<![\w/.:])/({known})\b", rf"{prefix} \1", text)
    return _SERVER.sub(r"\1 workspace", text)
