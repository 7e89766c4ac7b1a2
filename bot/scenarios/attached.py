"""Files sent along with plain words: text is read, with a clear word about what cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import UserError
from bot.knowledge.reading import read
from bot.request import Attachment, one_line

MOST_BYTES = 2_000_000
MOST_CHARACTERS = 3000
"""So much of a file goes beside the question; /summarize reads the whole."""
MOST_FILES = 5


@dataclass(frozen=True, slots=True)
class Attached:
    """What was read, a block for each file, and what the person should know of the rest."""

    text: str
    notes: tuple[str, ...]


async def attached(attachments: Sequence[Attachment]) -> Attached:
    """Read files for the model. Raises UserError where a file cannot be had."""
    blocks, notes = [], []
    for attachment in attachments[:MOST_FILES]:
        name = one_line(attachment.name)
        if unread := _unreadable(attachment, name):
            notes.append(unread)
            continue
        try:
            document = await asyncio.to_thread(read, attachment.name, await attachment.read())
        except UserError as error:
            notes.append(error.words)
            continue
        text = document.text[:MOST_CHARACTERS]
        if len(document.text) > MOST_CHARACTERS:
            notes.append(f"I read the first {MOST_CHARACTERS:,} characters of {name}; /summarize reads all of it.")
        blocks.append(f"The file {name} says:\n{text}")
    if len(attachments) > MOST_FILES:
        notes.append(f"I read {MOST_FILES} files at once; the others were left out.")
    return Attached("\n\n".join(blocks), tuple(notes))


def _unreadable(attachment: Attachment, name: str) -> str:
    """Why a file is not even fetched, "" where it is."""
    kind = attachment.mime.partition("/")[0]
    if kind == "image":
        return f"I cannot see pictures with this model, so I did not look at {name}; tell me what it shows."
    if kind in ("audio", "video"):
        return f"I cannot hear {name}: no speech model is set. Write it, please."
    if attachment.size > MOST_BYTES:
        return f"{name} is larger than {MOST_BYTES // 1_000_000} MB; send a smaller part of it."
    return ""
