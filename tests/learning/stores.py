"""A store that files of feedback are taken into, and the datasets it gives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.database import Database
from bot.knowledge.library import Library
from bot.learning.curation import build
from bot.learning.dataset import Dataset
from bot.learning.imports import Imported, Importer, Rejected, batches, open_file
from bot.scenarios.catalogue import catalogue
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import EngineClient
from tests.learning.company import Row, write


def over(database: Database) -> Stores:
    """The stores; nothing here asks an engine."""
    return stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")))


async def take(stores: Stores, path: Path) -> tuple[Imported, list[Rejected]]:
    """Import a file."""
    counts, rejected = Imported(), []
    with closing(open_file(path)) as file:
        for batch in batches(file):
            await Importer(stores.database).take(batch, counts)
            rejected += batch.rejected
    return counts, rejected


async def take_rows(stores: Stores, folder: Path, rows: Sequence[Row]) -> Imported:
    """Import rows by way of a file."""
    counts, rejected = await take(stores, write(folder / "rows.jsonl", rows))
    assert rejected == []
    return counts


async def built(stores: Stores, scenario: str = "chat", **changed: Any) -> Dataset:
    """The dataset that the store gives now."""
    return await build(stores, Settings(_env_file=None, **changed), scenario, catalogue())
