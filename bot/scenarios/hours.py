"""Hours of the day as people give them: "18", "7:30 Europe/Paris"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from bot.commands import Choice
from bot.errors import UserError

MOST = 25
_FORM = re.compile(r"(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?\s*(?P<zone>[A-Za-z][\w/+-]*)?")


@dataclass(frozen=True, slots=True)
class Hour:
    """A time of day in a time zone; "" is the host's."""

    hour: int
    minute: int = 0
    zone: str = ""

    @classmethod
    def parse(cls, words: str) -> Hour:
        """Raises UserError."""
        found = _FORM.fullmatch(words.strip())
        zone = _zone(found["zone"] or "") if found is not None else None
        if found is None or zone is None:
            raise UserError(
                f"“{words[:40]}” is no time of day that I know; write it like 18:00 Europe/Paris, or off to end it."
            )
        return cls(int(found["hour"]), int(found["minute"] or 0), zone)

    def __str__(self) -> str:
        return f"{self.hour:02}:{self.minute:02} {self.zone}".strip()

    def since(self, moment: datetime) -> tuple[date, float]:
        """The day, at this hour's place, on which the hour came last, and the seconds since."""
        here = moment.astimezone(ZoneInfo(self.zone) if self.zone else None)
        due = datetime.combine(here.date(), time(self.hour, self.minute), here.tzinfo)
        if due > here:
            due -= timedelta(days=1)
        return due.date(), (here.astimezone(UTC) - due.astimezone(UTC)).total_seconds()


def suggest_hour(typed: str, locale: str) -> list[Choice]:
    """Completes an hour with a time zone, by the zone's name or its city's."""
    match = re.match(r"\s*(\d{1,2}(?::\d{0,2})?)?\s*(.*)", typed)
    clock, zone = (match[1] or "18:00", match[2]) if match else ("18:00", "")
    clock = clock if len(clock.partition(":")[2]) == 2 else f"{int(clock.partition(':')[0]):02}:00"
    wanted = zone.strip().lower().replace(" ", "_")
    found = [name for name in _zones() if wanted in name.lower()][: MOST - 1]
    return [Choice(f"{clock} {name}", f"{clock} {name}") for name in found] + [Choice("off", "off")]


def _zone(words: str) -> str | None:
    if not words:
        return ""
    wanted = words.lower()
    return next((name for name in _zones() if wanted in (name.lower(), name.rpartition("/")[2].lower())), None)


@cache
def _zones() -> tuple[str, ...]:
    """Zones of cities, and UTC; the others are old names of these."""
    areas = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in areas))
