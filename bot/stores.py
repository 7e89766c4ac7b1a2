"""Everything that is kept, handed to who may use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.copies import Copies
from bot.database import Database
from bot.installations import Installations
from bot.knowledge.gaps import Gaps
from bot.knowledge.library import Library
from bot.learning.feedback import Feedback
from bot.learning.flags import Flags
from bot.learning.golden import GoldenSet
from bot.learning.instant import InstantCorrections
from bot.learning.kept_files import KeptFiles
from bot.learning.notices import Notices
from bot.learning.registry import Registry
from bot.learning.reviews import Reviews
from bot.learning.runs import Runs
from bot.learning.splits import Splits
from bot.learning.wordings import Wordings
from bot.leases import Leases
from bot.members import Members
from bot.memory import Memory
from bot.places import Places
from bot.scenarios.cards import Cards
from bot.scenarios.glossary import Glossary
from bot.scenarios.parties import Parties
from bot.turns import Turns
from bot.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Stores:
    """One owner a table; `database` is what they share."""

    database: Database
    turns: Turns
    memory: Memory
    members: Members
    places: Places
    feedback: Feedback
    flags: Flags
    reviews: Reviews
    golden: GoldenSet
    splits: Splits
    wordings: Wordings
    runs: Runs
    registry: Registry
    notices: Notices
    leases: Leases
    cards: Cards
    glossary: Glossary
    parties: Parties
    library: Library
    gaps: Gaps
    installations: Installations
    visitors: Visitors
    copies: Copies
    files: KeptFiles
    instant: InstantCorrections


def stores_over(database: Database, library: Library, data_dir: Path | None = None) -> Stores:
    """All stores of one database, and the files of `data_dir` that are made from them."""
    instant = InstantCorrections(database, registry := Registry(database))
    reviews = Reviews(database)
    reviews.listen(instant.changed)
    return Stores(
        database=database,
        turns=Turns(database),
        memory=Memory(database),
        members=Members(database),
        places=Places(database),
        feedback=Feedback(database),
        flags=Flags(database),
        reviews=reviews,
        golden=GoldenSet(database),
        splits=Splits(database),
        wordings=Wordings(database),
        runs=Runs(database),
        registry=registry,
        notices=Notices(database),
        leases=Leases(database),
        cards=Cards(database),
        glossary=Glossary(database),
        parties=Parties(database),
        library=library,
        gaps=Gaps(database),
        installations=Installations(database),
        visitors=Visitors(database),
        copies=Copies(database),
        files=KeptFiles(data_dir),
        instant=instant,
    )
