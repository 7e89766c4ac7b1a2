"""Consent: whose words may train. Off until the owner, the server and the member have each said yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.database import Database
from bot.learning.examples import Example
from bot.learning.lessons import Lesson
from bot.members import members
from bot.places import Places
from bot.settings import Settings

PREFERENCE = "training"
"""The member's own word, in `members`: "on", "off", or "" for none yet."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the owner has set, which servers have said yes, and what members have said."""

    platforms: Mapping[str, bool]
    servers: frozenset[tuple[str, str]]
    members: Mapping[str, str]

    def refusal(self, lesson: Lesson) -> str:
        """Why a lesson may not train, "" when it may."""
        turn = lesson.example.turn
        if not self.platforms.get(turn.platform, False):
            return f"training from {turn.platform} is off in the settings"
        if turn.platform == "import":
            return ""  # each row of a file said so itself
        if turn.server and (turn.platform, turn.server) not in self.servers:
            return "its server has not switched training on"
        if self.members.get(lesson.author) == "off":
            return "the person who wrote the better answer does not want to train me"
        if self.members.get(turn.user) != "on" and not _rewritten(lesson.example):
            return "the person who asked has not said that their words may train"
        return ""


async def consent_for(database: Database, places: Places, settings: Settings, examples: list[Example]) -> Consent:
    """The consent that stands now for these examples."""
    asked = members.select().where(members.c.key == PREFERENCE)
    async with database.read() as connection:
        said = {row.user: row.value for row in (await connection.execute(asked)).all()}
    there = {(one.turn.platform, one.turn.server) for one in examples if one.turn.server}
    willing = [place for place in sorted(there) if (await places.server(*place)).training]
    return Consent(settings.training_platforms, frozenset(willing), said)


def _rewritten(example: Example) -> bool:
    """Whether a reviewer has put the question in words of their own."""
    return example.review is not None and bool(example.review.question)
