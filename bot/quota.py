"""Quota: the rule for how many answers a person gets in an hour or a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_FORM = re.compile(r"(\d+)\s*(?:/|per|an?|every)\s*(hour|day)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many answers in each window of `hours`."""

    turns: int
    hours: int

    @classmethod
    def parse(cls, text: str) -> Quota | None:
        """ "30/hour", "200/day", or None for "off". Raises ValueError."""
        if text.strip().lower() in ("", "off", "none"):
            return None
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f'a quota reads like "30/hour", "200/day" or "off", not "{text}"')
        return cls(int(match[1]), 1 if match[2].lower() == "hour" else 24)

    def window(self, moment: datetime) -> datetime:
        """When the window that holds `moment` began, in the host's time zone."""
        local = moment.astimezone()
        return local.replace(minute=0, second=0, microsecond=0, hour=local.hour if self.hours == 1 else 0)
