"""Vouching: what the sources say stays, with its source's number; what nobody wrote goes."""

from __future__ import annotations

import numpy as np
import pytest

from bot.knowledge.library import Hit, Library
from bot.knowledge.quoting import Line
from bot.knowledge.vouching import vouched
from tests.knowledge.engines import WordEncoder

SOURCES = [Line(1, "Press the red button."), Line(2, "Wash the filter in cold water.")]


def near(*rows: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, dtype=np.float32)


def asked(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_a_faithful_sentence_stays_under_its_own_sources_number() -> None:
    said = [Line(1, "Wash the filter [1]."), Line(1, "It is made in Peru.")]
    assert vouched(said, SOURCES, near((0.2, 0.9), (0.1, 0.3)), asked(0.8, 0.1)) == "Wash the filter [2]."


def test_faithful_and_beside_the_point_is_no_answer() -> None:
    assert vouched([Line(1, "Wash the filter.")], SOURCES, near((0.2, 0.9)), asked(0.1)) == ""


def test_code_stands_and_falls_with_the_sentence_before_it() -> None:
    code = Line(1, "```\nwash --cold\n```")
    said = [Line(1, "Wash it:"), code]
    assert vouched(said, SOURCES, near((0.1, 0.9), (0, 0)), asked(0.9, 0)) == f"Wash it [2]:\n{code.text}"
    assert vouched(said, SOURCES, near((0.1, 0.2), (0, 0)), asked(0.9, 0)) == ""


def test_items_of_a_list_stay_under_each_other() -> None:
    said = [Line(1, "Do this:"), Line(1, "- press the button"), Line(1, "- wash the filter")]
    text = vouched(said, SOURCES, near((0.9, 0), (0.9, 0), (0, 0.9)), asked(0.9, 0, 0))
    assert text == "Do this [1]:\n- press the button [1]\n- wash the filter [2]"


@pytest.mark.parametrize("state", ["there", "away", "absent"])
async def test_without_an_encoder_the_grounded_answer_stays(sqlite: object, state: str) -> None:
    encoder = WordEncoder(absent=state == "absent")
    encoder.away = state == "away"
    hits = [Hit("d", "Pump", "", "Press the red button for three seconds to start the pump.", 1.0, "pump.md")]
    said = "Press the red button for three seconds to start the pump. The pump was invented by a king of France."
    text = await Library(sqlite, encoder).vouch("how do I start the pump", hits, said)  # type: ignore[arg-type]
    assert text == ("Press the red button for three seconds to start the pump [1]." if state == "there" else said)
