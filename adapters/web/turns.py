"""A turn as the page gets it: one shape for an answer just given and for a stored one."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from adapters.web.markdown import render
from bot.commands import Command
from bot.controls import RETRY, USUAL, Button, Control, stored_buttons
from bot.turn import Answer, File, model_name
from bot.turns import TurnRow

ELSEWHERE = frozenset({Control.STOP, Control.SOURCES, Control.VERSION})
"""Controls for which the page has a place of its own."""

View = dict[str, object]


def live(answer: Answer, versions: Sequence[str]) -> View:
    """An answer as it was just given. `versions`: the ids of all tries, the first one first."""
    return {
        "turn": answer.turn_id,
        "scenario": answer.scenario,
        "state": "stopped" if answer.stopped else "broken" if answer.broken else "done",
        "text": answer.text,
        "blocks": render(answer.text),
        "action": answer.action,
        "sources": [asdict(source) for source in answer.sources],
        "buttons": [_button(button) for button in answer.buttons if button.control not in ELSEWHERE],
        "notes": [render(note) for note in answer.notes],
        "files": [_file(file) for file in answer.files],
        "private": answer.private,
        "model": model_name(answer.model, answer.adapter),
        "tokens": answer.tokens,
        "seconds": answer.seconds,
        "versions": list(versions),
    }


def stored(row: TurnRow, versions: Sequence[str], rating: str, commands: Mapping[str, Command]) -> View:
    """A turn from the store. `rating` is the reader's own thumb, "" for none."""
    return {
        "turn": row.id,
        "scenario": row.scenario,
        "state": row.state,
        "question": typed(row, commands.get(row.scenario)),
        "text": row.answer,
        "blocks": render(row.answer),
        "action": row.action,
        "sources": row.sources,
        "buttons": [_button(button) for button in _shown(row) if button.control not in ELSEWHERE],
        "notes": [render(note) for note in row.notes],
        "files": [],
        "private": False,
        "model": model_name(row.model, row.adapter),
        "tokens": row.tokens,
        "seconds": row.seconds,
        "versions": list(versions),
        "rating": rating,
        "created": row.created.isoformat(),
    }


def families(rows: Iterable[TurnRow]) -> list[tuple[TurnRow, list[str]]]:
    """One turn of each family of versions, in the order they began, with the ids of its tries.

    Shown is the version that is remembered, else the newest that has an answer, else the newest.
    What was taken back is not shown, nor what left no words because its person has memory off.
    """
    grouped: dict[str, list[TurnRow]] = {}
    for row in rows:
        grouped.setdefault(row.version_of or row.id, []).append(row)
    shown = []
    for family in grouped.values():
        tries = [row for row in family if row.state != "undone" and not _wordless(row)]
        if tries:
            best = max(tries, key=lambda row: (row.remembered, bool(row.answer), row.number))
            shown.append((best, [row.id for row in tries]))
    return shown


def _wordless(row: TurnRow) -> bool:
    return row.state == "done" and not row.question and not row.answer


def typed(row: TurnRow, command: Command | None) -> str:
    """The question as one would type it again, or the press that asked it."""
    control = row.options.get("@control", "")
    if control:
        said = control if control == Control.CONTINUE else row.options.get("@value", "") or control
        return said[:1].upper() + said[1:]
    if row.scenario == "chat" or command is None:
        return row.question
    words = [f"/{row.scenario}"]
    for name, value in row.options.items():
        option = command.option(name)
        if option is not None and not option.rest and value != option.default:
            words.append(f'{name}:"{value}"' if " " in value else f"{name}:{value}")
    return " ".join([*words, row.question]).strip()


def _shown(row: TurnRow) -> tuple[Button, ...]:
    """The buttons the answer was given with; a turn that did not end well can be tried again."""
    if row.state in ("failed", "broken") or not row.answer:
        return (RETRY,)
    return stored_buttons(row.buttons) or (USUAL if row.model else ())


def _button(button: Button) -> View:
    return {
        "control": button.control.value,
        "label": button.label,
        "value": button.value,
        "asks": button.asks,
        "primary": button.primary,
    }


def _file(file: File) -> View:
    content = base64.b64encode(file.content).decode()
    return {"name": file.name, "mime": file.mime, "size": len(file.content), "content": content}
