"""Forms: what some controls ask for before they do something."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.slack.blocks import Block, plain
from bot.controls import Control
from bot.learning.flags import Reason, Report
from bot.request import Press

PRESS_FORM = "press_form"
TITLES = {
    Control.DOWN: "What was wrong?",
    Control.EDIT: "Edit the answer",
    Control.FLAG: "Flag this answer",
    Control.CORRECT: "The better answer",
}
MOST = 3000
"""Characters that Slack takes in one box."""


def press_form(turn_id: str, control: str, asks: str, kept: Mapping[str, Any], initial: str = "") -> Block:
    """The form of a control that asks for words. `kept` comes back with it; `initial` stands in its box already."""
    blocks: list[Block] = []
    if control in (Control.DOWN, Control.FLAG):
        blocks.append(
            ticks("reasons", "What is wrong?", [(reason.value, reason.label.capitalize()) for reason in Reason])
        )
    if control == Control.FLAG:
        blocks.append(box("note", "What should the moderators know?", optional=True))
        asks = "What should it have said?"
    optional = control in (Control.DOWN, Control.FLAG)
    # Slack says itself that a box may stay empty.
    blocks.append(box("words", asks.removesuffix(" (may stay empty)"), initial=initial, optional=optional))
    title = TITLES.get(Control(control), "One question")
    return modal(PRESS_FORM, title, blocks, {"turn": turn_id, "control": control, **kept})


def press_in(view: Mapping[str, Any]) -> Press:
    """The press that a form sent in stands for."""
    kept, values = json.loads(view["private_metadata"]), view["state"]["values"]
    words, note = text_in(values, "words"), text_in(values, "note")
    reasons = picked_in(values, "reasons")
    if kept["control"] != Control.FLAG:
        return Press(kept["turn"], kept["control"], words, reasons)
    known = [Reason(reason) for reason in reasons if reason in list(Reason)]
    return Press(kept["turn"], Control.FLAG, Report(tuple(known), note, words).value)


def modal(callback: str, title: str, blocks: Sequence[Block], kept: Mapping[str, Any], submit: str = "Send") -> Block:
    """A form. `kept` comes back with what is sent in."""
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain("Cancel", 24),
        "private_metadata": json.dumps(kept),
        "blocks": list(blocks),
    }


def box(name: str, label: str, *, initial: str = "", optional: bool = False, lines: bool = True) -> Block:
    """A box to write in; with `lines` for several of them."""
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": lines, "max_length": MOST}
    if initial:
        element["initial_value"] = initial[:MOST]
    return {"type": "input", "block_id": name, "optional": optional, "label": plain(label, 2000), "element": element}


def ticks(name: str, label: str, choices: Sequence[tuple[str, str]], ticked: Sequence[str] = ()) -> Block:
    """Boxes to tick, some of them ticked already."""
    options = [{"text": plain(words), "value": value} for value, words in choices]
    boxes: Block = {"type": "checkboxes", "action_id": name, "options": options}
    if initial := [option for option in options if option["value"] in ticked]:
        boxes["initial_options"] = initial
    return {"type": "input", "block_id": name, "optional": True, "label": plain(label), "element": boxes}


def text_in(values: Mapping[str, Any], name: str) -> str:
    """What was typed into a box, "" for nothing."""
    return str(values.get(name, {}).get(name, {}).get("value") or "")


def picked_in(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """What was ticked."""
    options = values.get(name, {}).get(name, {}).get("selected_options") or []
    return tuple(str(option["value"]) for option in options)
