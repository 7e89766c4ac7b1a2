"""Blocks: an answer, its sources, notes and controls as Slack draws them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from adapters.slack.text import mrkdwn
from bot.controls import Button, Control
from bot.turn import Answer, Source

Block = dict[str, Any]

PRESS = "press"
DELETE = "delete"
SHARE = "share"
RERUN = "rerun"
ELSEWHERE = frozenset({Control.UP, Control.DOWN, Control.SOURCES})
"""Controls that are not drawn as buttons: thumbs and sources have blocks of their own."""
MOST_BUTTONS = 25
MOST_SOURCES = 10


def markdown(text: str) -> Block:
    return {"type": "markdown", "text": text}


def plain(text: str, most: int = 75) -> dict[str, Any]:
    short = text if len(text) <= most else text[: most - 1] + "…"
    return {"type": "plain_text", "text": short, "emoji": False}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn(text)} for text in texts[:10]]}


def section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(text)}}


def value_of(turn_id: str, control: str, value: str = "", asks: str = "") -> str:
    """A press as it is kept in a control, so that it works after any restart."""
    whole = [turn_id, control, value, asks] if asks else [turn_id, control, value]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def press_of(value: str) -> tuple[str, str, str, str]:
    """Turn, control, value and question of a control. Raises ValueError for anything else."""
    parts = json.loads(value)
    if not isinstance(parts, list) or not 3 <= len(parts) <= 4 or not all(isinstance(part, str) for part in parts):
        raise ValueError("not a control of ours")
    turn_id, control, told, *asks = parts
    return turn_id, control, told, asks[0] if asks else ""


def foot(answer: Answer, asker: str, *, share: bool = False, versions: Sequence[str] = ()) -> list[Block]:
    """What stands below an answer's text. `asker`: who may delete it; `share`: it is shown to them alone.

    `versions`: the ids of all tries of it, the first one first.
    """
    blocks: list[Block] = []
    if answer.sources:
        blocks.append(sources(answer.sources))
    small = [*answer.notes, *(["Stopped."] if answer.stopped else [])]
    turned: list[Block] = []
    if len(versions) > 1 and answer.turn_id in versions:
        here = versions.index(answer.turn_id)
        small.append(f"Version {here + 1} of {len(versions)}")
        turned = [
            _turn(answer.turn_id, versions[there], label)
            for there, label in ((here - 1, "◀"), (here + 1, "▶"))
            if 0 <= there < len(versions)
        ]
    if small:
        blocks.append(context(*small))
    shareable = share and answer.text and not answer.private and not answer.broken
    extra = [own("Share", SHARE, answer.turn_id)] if shareable else []
    return blocks + controls(answer.turn_id, answer.buttons, asker, turned + extra)


def controls(turn_id: str, buttons: Sequence[Button], asker: str, extra: Sequence[Block] = ()) -> list[Block]:
    """The controls under an answer: buttons, then thumbs and the bin."""
    blocks: list[Block] = []
    drawn = [button for button in buttons if button.control not in ELSEWHERE][: MOST_BUTTONS - len(extra)]
    elements = [_button(turn_id, button, number) for number, button in enumerate(drawn)] + list(extra)
    if elements:
        blocks.append({"type": "actions", "elements": elements})
    kinds = {button.control: button for button in buttons}
    small: list[Block] = []
    if Control.UP in kinds and Control.DOWN in kinds:
        small.append(_thumbs(turn_id, kinds[Control.UP], kinds[Control.DOWN]))
    if buttons and asker:
        small.append(_bin(turn_id, asker))
    if small:
        blocks.append({"type": "context_actions", "elements": small})
    return blocks


def stop(turn_id: str) -> Block:
    """The Stop button of an answer that is being written without a stream."""
    return {"type": "actions", "elements": [_button(turn_id, Button(Control.STOP, "Stop"), 0)]}


def sources(found: Sequence[Source]) -> Block:
    """The sources, folded away until somebody opens them."""
    children = []
    for source in found[:MOST_SOURCES]:
        head = f"*[{source.number}]* {link_to(source.url, source.title)}"
        heading = f" · {mrkdwn(source.heading, 200)}" if source.heading else ""
        quoted = "\n".join(f"&gt; {line}" for line in mrkdwn(source.excerpt, 900).splitlines())
        text = {"type": "mrkdwn", "text": f"{head}{heading}\n{quoted}"}
        children.append({"type": "section", "text": text, "expand": True})
    count = "1 source" if len(found) == 1 else f"{len(found)} sources"
    return {
        "type": "container",
        "title": plain(count, 150),
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": children,
    }


def link_to(url: str, words: str) -> str:
    """A link in Slack's markup, or the words alone where there is nowhere to go."""
    label = mrkdwn(words, 300).replace("|", "¦").replace(">", "")
    return f"<{url}|{label}>" if url.startswith(("https://", "http://")) else label


def _button(turn_id: str, button: Button, number: int) -> Block:
    drawn: Block = {
        "type": "button",
        "action_id": f"{PRESS}:{button.control}:{number}",
        "text": plain(button.label),
        "value": value_of(turn_id, button.control, button.value, button.asks)[:2000],
    }
    if button.primary:
        drawn["style"] = "primary"
    return drawn


def _turn(turn_id: str, version: str, label: str) -> Block:
    words = "The version before" if label == "◀" else "The version after"
    return {
        "type": "button",
        "action_id": f"{PRESS}:{Control.VERSION}:{label}",
        "text": plain(label),
        "accessibility_label": words,
        "value": value_of(turn_id, Control.VERSION, version),
    }


def own(label: str, action: str, value: str) -> Block:
    """A button that is Slack's alone, and no control of the core's."""
    return {"type": "button", "action_id": action, "text": plain(label), "value": value}


def _thumbs(turn_id: str, up: Button, down: Button) -> Block:
    def thumb(button: Button) -> dict[str, Any]:
        value = value_of(turn_id, button.control, button.value)
        return {"text": plain(button.label), "accessibility_label": button.label, "value": value}

    return {
        "type": "feedback_buttons",
        "action_id": f"{PRESS}:thumb",
        "positive_button": thumb(up),
        "negative_button": thumb(down),
    }


def _bin(turn_id: str, asker: str) -> Block:
    return {
        "type": "icon_button",
        "action_id": DELETE,
        "icon": "trash",
        "text": plain("Delete"),
        "accessibility_label": "Delete this answer",
        "value": turn_id,
        "visible_to_user_ids": [asker],
        "confirm": {
            "title": plain("Delete this answer?"),
            "text": plain("I also take it out of my memory."),
            "confirm": plain("Delete"),
            "deny": plain("Keep it"),
        },
    }


def message(text: str, extra: Sequence[Block] = ()) -> list[Block]:
    """A message's blocks: Markdown, then what stands below it."""
    return [*([markdown(text)] if text.strip() else []), *extra]
