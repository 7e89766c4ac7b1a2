"""What an answer looks like on Discord: text, small print, and rows of controls that outlive a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import ui

from bot.controls import Button, Control
from bot.tongues import labelled
from bot.turn import Answer, Source

PREFIX = "parley"
ROW = 5
FITS = 100
"""Characters of a custom_id, which carries the turn, the control and its value."""
MOST_BUTTONS = 25
EMOJIS = {Control.UP: "👍", Control.DOWN: "👎"}
STOP = Button(Control.STOP, "Stop")
SHARE = "share"
RERUN = "rerun"

_CUSTOM_ID = re.compile(rf"{PREFIX}:(?P<turn>[^:]+):(?P<control>[a-z]+):(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a custom_id says."""

    turn_id: str
    control: str
    value: str = ""

    @property
    def custom_id(self) -> str:
        return f"{PREFIX}:{self.turn_id}:{self.control}:{self.value}"


def read_custom_id(custom_id: str) -> Pressed | None:
    """What was pressed, None for what is not one of these controls."""
    match = _CUSTOM_ID.fullmatch(custom_id)
    return Pressed(match["turn"], match["control"], match["value"]) if match else None


@dataclass(frozen=True, slots=True)
class Page:
    """One message: its text, the rows of controls below, and the names of files that come with it."""

    text: str
    rows: tuple[tuple[ui.Button[ui.LayoutView], ...], ...] = ()
    files: tuple[str, ...] = ()

    def view(self) -> ui.LayoutView:
        """The components to send. Nothing is kept for them in the library: presses are read by their custom_id."""
        view = ui.LayoutView(timeout=None)
        if self.text.strip():
            view.add_item(ui.TextDisplay(self.text))
        for name in self.files:
            view.add_item(ui.File(f"attachment://{name}"))
        for row in self.rows:
            view.add_item(ui.ActionRow(*row))
        view.stop()
        return view


def small_print(answer: Answer) -> str:
    """What stands below an answer: its sources, notes, and whether it was cut short."""
    lines = [_source(source) for source in answer.sources]
    lines += [line for note in answer.notes for line in note.splitlines() if line.strip()]
    if answer.stopped:
        lines.append("Stopped.")
    return "\n".join(f"-# {line}" for line in lines)


def running_rows(turn_id: str, locale: str = "en") -> tuple[tuple[ui.Button[ui.LayoutView], ...], ...]:
    """The controls of an answer that is being written."""
    return ((_button(turn_id, STOP, locale),),)


def answer_rows(
    turn_id: str,
    buttons: Sequence[Button],
    versions: Sequence[str] = (),
    *,
    shareable: bool = False,
    locale: str = "en",
) -> tuple[tuple[ui.Button[ui.LayoutView], ...], ...]:
    """The controls of a finished answer, its own first and its versions last, in the language of `locale`."""
    shown = [button for button in buttons if button.control is not Control.VERSION]
    drawn = [_button(turn_id, button, locale) for button in shown]
    if shareable:
        drawn.append(ui.Button(label=labelled("Share", locale), custom_id=Pressed(turn_id, SHARE).custom_id))
    # Discord refuses a message in which two controls would send the same.
    unique = {button.custom_id or "": button for button in reversed(drawn)}
    fitting = [button for custom_id, button in reversed(unique.items()) if len(custom_id) <= FITS][:MOST_BUTTONS]
    rows = [tuple(fitting[start : start + ROW]) for start in range(0, len(fitting), ROW)]
    if len(versions) > 1 and turn_id in versions:
        rows.append(_versions(turn_id, versions))
    return tuple(rows)


def turn_of(message: discord.Message) -> str:
    """The turn whose answer a message of the bot's is, by its controls; "" for none."""
    for component in message.components:
        for child in getattr(component, "children", ()):
            pressed = read_custom_id(getattr(child, "custom_id", None) or "")
            if pressed is not None:
                return pressed.turn_id
    return ""


def rerun_button(turn_id: str, message_id: int, locale: str = "en") -> ui.Button[ui.LayoutView]:
    """The offer to answer an edited question anew."""
    pressed = Pressed(turn_id, RERUN, str(message_id))
    return ui.Button(label=labelled("Answer the edited question", locale), custom_id=pressed.custom_id)


def _versions(turn_id: str, versions: Sequence[str]) -> tuple[ui.Button[ui.LayoutView], ...]:
    """◀ 2/3 ▶"""
    here = versions.index(turn_id)
    arrows = []
    for label, place in (("◀", here - 1), ("▶", here + 1)):
        there = versions[place] if 0 <= place < len(versions) else ""
        pressed = Pressed(turn_id, Control.VERSION, there or label)
        arrows.append(ui.Button[ui.LayoutView](label=label, custom_id=pressed.custom_id, disabled=not there))
    middle = Pressed(turn_id, Control.VERSION, "here")
    count = ui.Button[ui.LayoutView](label=f"{here + 1}/{len(versions)}", custom_id=middle.custom_id, disabled=True)
    return arrows[0], count, arrows[1]


def _button(turn_id: str, button: Button, locale: str) -> ui.Button[ui.LayoutView]:
    emoji = EMOJIS.get(button.control)
    style = discord.ButtonStyle.primary if button.primary else discord.ButtonStyle.secondary
    if button.control is Control.STOP:
        style = discord.ButtonStyle.danger
    return ui.Button(
        label=None if emoji else labelled(button.label, locale)[:80],
        emoji=emoji,
        style=style,
        custom_id=Pressed(turn_id, button.control, button.value).custom_id,
    )


def _source(source: Source) -> str:
    title = f"[{source.title}](<{source.url}>)" if source.url.startswith("https://") else source.title
    return f"[{source.number}] {title} {source.heading}".rstrip()
