"""Everything that is kept, handed to who may use it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Database
from bot.knowledge.gaps import Gaps
from bot.knowledge.library import Library
from bot.learning.feedback import Feedback
from bot.members import Members
from bot.memory import Memory
from bot.scenarios.cards import Cards
from bot.scenarios.glossary import Glossary
from bot.turns import Turns


@dataclass(frozen=True, slots=True)
class Stores:
    """One owner a table; `database` is what they share."""

    database: Database
    turns: Turns
    memory: Memory
    members: Members
    feedback: Feedback
    cards: Cards
    glossary: Glossary
    library: Library
    gaps: Gaps
