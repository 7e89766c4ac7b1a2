"""Hours of the day: as people write them, in their own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bot.errors import UserError
from bot.scenarios.hours import Hour, suggest_hour


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("18", "18:00"),
        ("7:30 Europe/Paris", "07:30 Europe/Paris"),
        ("07:05 paris", "07:05 Europe/Paris"),
        ("20:00 america/new_york", "20:00 America/New_York"),
        ("9 UTC", "09:00 UTC"),
    ],
)
def test_what_is_written_is_read(words: str, read: str) -> None:
    assert str(Hour.parse(words)) == read
    assert Hour.parse(read) == Hour.parse(words)


@pytest.mark.parametrize("words", ["", "soon", "25", "18:60", "18:00 Europe/Atlantis", "18 pm"])
def test_what_is_no_hour_is_refused_with_an_example(words: str) -> None:
    with pytest.raises(UserError, match="18:00 Europe/Paris"):
        Hour.parse(words)


def test_the_day_is_the_readers() -> None:
    moment = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # the second of March in Tokyo
    assert Hour.parse("8 Asia/Tokyo").since(moment) == (date(2026, 3, 2), 1800.0)
    day, seconds = Hour.parse("8 America/New_York").since(moment)
    assert (day, seconds) == (date(2026, 3, 1), 10.5 * 3600)
    assert Hour.parse("23:45 UTC").since(moment) == (date(2026, 2, 28), 86_400.0 - 900.0)
    assert Hour.parse("23:30 UTC").since(moment) == (date(2026, 3, 1), 0.0)


def test_an_hour_before_midnight_is_not_forgotten_after_it() -> None:
    past_midnight = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    assert Hour.parse("23:30 UTC").since(past_midnight) == (date(2026, 2, 28), 2400.0)


def test_a_city_is_completed() -> None:
    assert "7:15 Europe/Berlin" in [choice.value for choice in suggest_hour("7:15 ber", "en")]
    assert suggest_hour("9 tok", "en")[0].value == "09:00 Asia/Tokyo"
    assert len(suggest_hour("", "en")) == 25
    assert suggest_hour("nowhere at all", "en")[-1].value == "off"
