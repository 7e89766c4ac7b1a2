"""Characters for role-play: built in, described in words, or read from a character card."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bot.errors import UserError
from bot.request import one_line

MOST_BYTES = 4_000_000
MOST_DESCRIPTION = 1_200
"""Characters of a card that reach the prompt: the story needs the rest of the model's context."""
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody the model plays. `greeting` opens the scene, `scene` says where it is."""

    name: str
    description: str
    scene: str = ""
    greeting: str = ""

    @property
    def key(self) -> str:
        """The name as it is looked up."""
        return " ".join(self.name.casefold().split())[:48]

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Character:
        return cls(**json.loads(text))


BUILT_IN = (
    Character(
        "Captain Mara",
        "an old pirate captain, gruff but kind",
        "a harbour tavern at night",
        '*looks up from her mug* "You have the face of someone with a question. Sit down, before the chair is gone."',
    ),
    Character(
        "Professor Quill",
        "an absent-minded professor of forgotten languages who loves riddles",
        "a library full of loose papers",
        '*searches for the glasses on his own nose* "Ah, a visitor. Did you come for the book, or about the book?"',
    ),
    Character(
        "Detective Lys",
        "a calm detective who notices every detail and asks short questions",
        "a small office above a bakery, in the rain",
        '"You walked here, though it rains. So it is urgent. Tell me what happened, from the beginning."',
    ),
    Character(
        "Pip",
        "a small and curious robot that has just learned to speak",
        "a workshop with the lights half on",
        '"Hello. I am Pip. I counted eleven screws today. What did you count?"',
    ),
)


def described(words: str) -> Character:
    """The character that `words` mean: a built-in name, "Nia: a shy botanist", or "a shy botanist"."""
    words = one_line(words, MOST_DESCRIPTION)
    for character in BUILT_IN:
        if words.casefold() in (character.name.casefold(), character.name.split()[-1].casefold()):
            return character
    name, colon, description = (part.strip() for part in words.partition(":"))
    if colon and name and description and len(name) <= 48:
        return Character(name, description)
    name, comma, description = (part.strip() for part in words.partition(","))
    if comma and name[:1].isupper() and description:
        return Character(name, description)
    short = one_line(words, 48)
    return Character(short[:1].upper() + short[1:], words)


def read_card(content: bytes) -> Character:
    """A character card: JSON of version 1 to 3, or a PNG that carries one. Raises UserError."""
    if len(content) > MOST_BYTES:
        raise UserError("That character card is larger than 4 MB, so I did not read it.")
    text = _text_of(content) if content.startswith(_PNG) else content
    try:
        card = json.loads(text)
        data: dict[str, Any] = card.get("data", card)
        name = one_line(str(data["name"]), 48)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise UserError("That file is no character card I can read: a JSON or PNG of version 1, 2 or 3.") from None
    parts = (str(data.get(field) or "") for field in ("description", "personality"))
    description = " ".join(" ".join(parts).split())[:MOST_DESCRIPTION]
    if not name or not description:
        raise UserError("That character card names no character, or does not describe it.")
    return Character(
        name,
        _filled(description, name),
        _filled(one_line(str(data.get("scenario") or ""), 400), name),
        _filled(str(data.get("first_mes") or "").strip()[:2_000], name),
    )


def _filled(text: str, name: str) -> str:
    """A card's text with its placeholders filled in."""
    for mark, value in (("{{char}}", name), ("{{user}}", "you"), ("<BOT>", name), ("<USER>", "you")):
        text = text.replace(mark, value)
    return text


def _text_of(png: bytes) -> bytes:
    """The newest card in a PNG's text chunks. Raises UserError."""
    found = dict(_text_chunks(png))
    for keyword in (b"ccv3", b"chara"):
        if keyword in found:
            try:
                return base64.b64decode(found[keyword], validate=True)
            except binascii.Error:
                break
    raise UserError("That picture carries no character card.")


def _text_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_PNG)
    while position + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        if kind == b"tEXt":
            keyword, _, text = png[position + 8 : position + 8 + length].partition(b"\0")
            yield keyword, text
        position += length + 12
