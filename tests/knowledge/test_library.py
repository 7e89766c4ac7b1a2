"""The library on both databases: kept once, replaced whole, each server's own."""

from __future__ import annotations

import asyncio

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.knowledge.library import Library
from tests.knowledge.engines import WordEncoder

PUMP = b"# Pump\n\nThe pump starts when the red button is pressed for three seconds.\n"
FILTER = b"# Filter\n\nWash the filter every month in cold water and let it dry.\n"


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def library(database: Database, encoder: WordEncoder) -> Library:
    return Library(database, encoder)


async def test_what_is_added_is_found_with_its_source(library: Library) -> None:
    parts: list[float] = []
    added = await library.add("", "docs/pump.md", PUMP, parts.append)
    await library.add("", "docs/filter.md", FILTER)
    assert (added.outcome, added.title, added.passages) == ("added", "Pump", 1)
    assert parts[-1] == 1.0
    found = await library.search("", "how do i start the pump with the red button")
    assert (found.sure, found.lexical, found.hits[0].title, found.hits[0].path) == (True, False, "Pump", "docs/pump.md")
    assert [(one.title, one.path, one.passages) for one in await library.list("")] == [
        ("Filter", "docs/filter.md", 1),
        ("Pump", "docs/pump.md", 1),
    ]


async def test_adding_again_changes_nothing_and_asks_for_nothing(library: Library, encoder: WordEncoder) -> None:
    await library.add("", "pump.md", PUMP)
    calls = encoder.calls
    assert (await library.add("", "pump.md", PUMP)).outcome == "same"
    assert encoder.calls == calls
    assert len(await library.list("")) == 1


async def test_a_changed_file_replaces_its_passages(library: Library) -> None:
    await library.add("", "pump.md", PUMP)
    await library.search("", "pump")
    changed = await library.add("", "pump.md", PUMP.replace(b"red", b"green"))
    assert changed.outcome == "changed"
    (hit,) = (await library.search("", "which button starts the pump")).hits
    assert "green" in hit.text
    assert "red" not in hit.text.split()


async def test_a_file_that_became_unreadable_leaves_the_old_one(library: Library) -> None:
    await library.add("", "pump.md", PUMP)
    with pytest.raises(UserError):
        await library.add("", "pump.md", b"\0\1\2\3" * 50)
    assert (await library.search("", "pump red button")).hits


async def test_no_server_sees_another_ones(library: Library) -> None:
    await library.add("guild-1", "pump.md", PUMP)
    await library.add("guild-2", "filter.md", FILTER)
    assert not any("pump" in hit.text for hit in (await library.search("guild-2", "pump red button")).hits)
    assert not (await library.search("guild-2", "pump red button")).sure
    assert (await library.search("", "pump red button")).hits == ()
    assert await library.list("") == []
    assert not await library.remove("guild-2", "pump.md")
    assert len(await library.list("guild-1")) == 1


async def test_the_hosts_documents_are_everybodys(library: Library) -> None:
    await library.add("", "pump.md", PUMP)
    await library.add("guild-1", "filter.md", FILTER)
    assert (await library.search("guild-1", "pump red button")).sure
    assert (await library.search("guild-2", "pump red button")).sure
    assert [row.path for row in await library.list("guild-1")] == ["filter.md"]
    assert await library.remove("", "pump.md")
    assert not (await library.search("guild-2", "pump red button")).hits


async def test_removed_by_id_or_path(library: Library) -> None:
    await library.add("", "pump.md", PUMP)
    await library.add("", "filter.md", FILTER)
    (pump,) = [one for one in await library.list("") if one.title == "Pump"]
    assert await library.remove("", pump.id)
    assert await library.remove("", "filter.md")
    assert not await library.remove("", "filter.md")
    found = await library.search("", "pump")
    assert (found.hits, found.sure) == ((), False)


async def test_an_import_that_was_cut_off_goes_on(library: Library, encoder: WordEncoder) -> None:
    files = {f"{number}.md": PUMP + f"Part {number}.".encode() for number in range(6)}
    encoder.fail_after = 3
    for path in list(files)[:3]:
        await library.add("", path, files[path])
    with pytest.raises(UserError, match="not ready"):
        await library.add("", "3.md", files["3.md"])
    assert len(await library.list("")) == 3
    encoder.fail_after = None
    outcomes = [(await library.add("", path, content)).outcome for path, content in files.items()]
    assert outcomes == ["same"] * 3 + ["added"] * 3


async def test_without_an_encoder_words_are_searched_and_it_says_so(database: Database) -> None:
    library = Library(database, WordEncoder(absent=True))
    await library.add("", "pump.md", PUMP)
    await library.add("", "filter.md", FILTER)
    found = await library.search("", "wash the filter in cold water")
    assert (found.lexical, found.sure, found.hits[0].title) == (True, True, "Filter")
    assert await library.stale("") == 2


async def test_an_engine_that_is_away_leaves_the_search_by_words(library: Library, encoder: WordEncoder) -> None:
    await library.add("", "filter.md", FILTER)
    encoder.away = True
    found = await library.search("", "wash the filter in cold water")
    assert (found.lexical, found.hits[0].title) == (True, "Filter")
    assert "Wash the filter" in await library.quote("wash the filter", found.hits)


async def test_another_encoder_is_noticed_and_reindexed(database: Database, encoder: WordEncoder) -> None:
    before = Library(database, encoder, "old")
    await before.add("", "pump.md", PUMP)
    await before.add("", "filter.md", FILTER)
    after = Library(database, encoder, "new")
    assert (await after.search("", "pump red button")).lexical
    assert await after.stale("") == 2
    parts: list[float] = []
    assert await after.reindex("", parts.append) == 2
    assert (parts, await after.stale("")) == ([0.5, 1.0], 0)
    assert not (await after.search("", "pump red button")).lexical
    assert (await after.add("", "pump.md", PUMP)).outcome == "same"


async def test_reindex_without_an_encoder_does_nothing(database: Database) -> None:
    library = Library(database, WordEncoder(absent=True))
    await library.add("", "pump.md", PUMP)
    assert await library.reindex("") == 0


async def test_the_same_file_added_twice_at_once_is_one_document(library: Library) -> None:
    await asyncio.gather(*(library.add("", "pump.md", PUMP) for _ in range(4)), return_exceptions=True)
    assert len(await library.list("")) == 1
    assert len((await library.search("", "pump")).hits) == 1


async def test_two_libraries_on_one_store_see_each_others_work(database: Database, encoder: WordEncoder) -> None:
    one, other = Library(database, encoder), Library(database, encoder)
    await one.add("", "pump.md", PUMP)
    assert (await other.search("", "pump red button")).hits
    await one.remove("", "pump.md")
    await one.add("", "filter.md", FILTER)
    assert [hit.title for hit in (await other.search("", "filter")).hits] == ["Filter"]


async def test_hostile_names_and_questions_are_only_text(library: Library) -> None:
    await library.add("", "a'; DROP TABLE passages; --.md", PUMP)
    for question in ("'; DROP TABLE passages; --", '"pump" AND NEAR(*', "%_", "", "pump" * 100_000):
        await library.search("", question)
    assert len(await library.list("")) == 1


async def test_a_quote_carries_its_marker(library: Library) -> None:
    await library.add("", "pump.md", PUMP)
    found = await library.search("", "how do i start the pump")
    assert await library.quote("how do i start the pump", found.hits) == (
        "From “Pump”:\nThe pump starts when the red button is pressed for three seconds [1]."
    )
    assert await library.quote("anything", ()) == ""
