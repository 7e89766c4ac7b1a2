"""Every control of every scenario is offered on Discord and on Slack alike."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import bot.controls
import bot.learning.review_cards
import bot.scenarios
from adapters.discord.layout import answer_rows, read_custom_id
from adapters.slack.blocks import controls, press_of
from bot.controls import Button, Control

TURN = "1a20bcd3672aec115f6f773"
FOLDED = {Control.SOURCES}
"""On Slack the sources themselves stand folded below the answer, so that there is no button for them."""


def declared() -> Iterator[tuple[str, tuple[Button, ...]]]:
    """The buttons that the core and each scenario declare."""
    names = [f"bot.scenarios.{module.name}" for module in pkgutil.iter_modules(bot.scenarios.__path__)]
    for name in ("bot.controls", "bot.learning.review_cards", *names):
        module = importlib.import_module(name)
        found: dict[Button, None] = {}
        for value in vars(module).values():
            if isinstance(value, Button):
                found[value] = None
            elif isinstance(value, tuple):
                found |= {one: None for one in value if isinstance(one, Button)}
        if found:
            yield name, tuple(found)


def on_discord(buttons: tuple[Button, ...]) -> set[tuple[str, str]]:
    pressed = [read_custom_id(button.custom_id or "") for row in answer_rows(TURN, buttons) for button in row]
    return {(one.control, one.value) for one in pressed if one is not None and one.turn_id == TURN}


def on_slack(buttons: tuple[Button, ...]) -> set[tuple[str, str]]:
    offered = set()
    for block in controls(TURN, buttons, ""):
        for element in block["elements"]:
            sides = [element] if "value" in element else [element["positive_button"], element["negative_button"]]
            for side in sides:
                turn_id, control, value, _ = press_of(side["value"])
                assert turn_id == TURN
                offered.add((control, value))
    return offered


@pytest.mark.parametrize(
    ("name", "buttons"), list(declared()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_same_controls_on_both(name: str, buttons: tuple[Button, ...]) -> None:
    there = {(control, value) for control, value in on_discord(buttons) if control not in FOLDED}
    assert on_slack(buttons) == there
    assert there == {(str(one.control), one.value) for one in buttons if one.control not in FOLDED}


def test_every_kind_of_control_is_offered_somewhere() -> None:
    kinds = {button.control for _, buttons in declared() for button in buttons}
    made_as_needed = {Control.APPROVE, Control.STOP, Control.VERSION, Control.PICK, Control.CARD, Control.RUN}
    assert set(Control) - kinds <= made_as_needed
