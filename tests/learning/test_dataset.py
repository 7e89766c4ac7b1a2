"""Datasets: the same store gives the same files, and nothing that is asked is trained on."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from bot.database import Database
from bot.learning.dataset import Dataset, leaks, settle
from bot.learning.dataset_folder import differences, folder_of, forget, manifest, rows_in, write
from bot.learning.safety_set import SHIPPED
from bot.places import Moderator
from bot.privacy import forget_everything
from tests.learning.company import facts, golden, honest, replay, row
from tests.learning.stores import built, over, take_rows

OWNER = Moderator("web:owner", "Owner", everywhere=True)


async def test_forty_corrections_and_twenty_answers(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [*honest(1), *replay(), *golden(critical=True)])
    dataset = await built(stores)
    assert dataset.counts == {
        "dpo.train": 32, "golden": 7, "safety": len(SHIPPED), "sft.train": 52, "test": 8, "dropped": 0,
    }  # fmt: skip
    assert (dataset.held, dataset.contested) == ("", ())
    line = next(one.line for one in dataset.rows if one.stage == "sft" and one.source == "correction")
    assert [one["role"] for one in line["prompt"]] == ["system", "user"]  # what the scenario sends today
    assert all(one.line["critical"] for one in dataset.rows if one.stage == "golden")


async def test_the_same_store_gives_the_same_files_and_one_folder(database: Database, tmp_path: Path) -> None:
    stores = over(database)
    await take_rows(stores, tmp_path, [*honest(2), *replay(), *golden()])
    dataset = await built(stores)
    folder = write(dataset, folder_of(tmp_path / "one", dataset))
    await settle(stores, dataset)
    again = await built(stores)
    other = write(again, folder_of(tmp_path / "two", again))
    assert folder.name == other.name == f"chat-{dataset.hash[:12]}"
    for path in folder.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()
    told = json.loads((folder / "manifest.json").read_text())
    assert (told["seed"], differences(told, again)) == (int(dataset.hash[:8], 16), [])
    assert write(again, folder) == folder


async def test_a_line_separator_within_a_text_ends_no_row(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    text = "First\u2028second\x85third."
    await take_rows(stores, tmp_path, [row("Say three lines.", text, "user-1"), *honest(1)])
    dataset = await built(stores)
    folder = write(dataset, folder_of(tmp_path, dataset))
    told = [one.id for one in dataset.rows if text in json.dumps(one.line, ensure_ascii=False)]
    assert told
    other = next(one.id for one in dataset.rows if one.id not in told and one.split == "train")
    assert forget(tmp_path, {other}) == [folder.name]
    kept = {line["id"] for lines in rows_in(folder).values() for line in lines}
    assert kept == {one.id for one in dataset.rows} - {other}


def questions(dataset: Dataset, split: str) -> set[str]:
    """The questions of a split, in one writing."""
    asked = [one.line["prompt"][-1]["content"] for one in dataset.rows if one.split == split]
    return {" ".join(re.findall(r"\w+", question.lower())) for question in asked}


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_asked_is_never_trained_on_and_stays_so_night_after_night(
    sqlite: Database, tmp_path: Path, seed: int
) -> None:
    """Corrections come in over several nights, with slips, repetitions and questions of the golden set among them."""
    stores, rng = over(sqlite), random.Random(seed)
    rows = [*honest(seed), *replay(), *golden()]
    rows += [row(one["prompt"][0]["content"].lower().rstrip("?."), one["correction"], "late") for one in honest(seed)]
    rows += [row(f"{one['prompt'][0]['content']} Please.", "Something.", "late") for one in golden()]
    rows += [row(f"Hello, {fact.questions[5]}", fact.right[0], "late") for fact in facts(seed)]
    rng.shuffle(rows)
    asked: set[str] = set()
    for night in range(4):
        await take_rows(stores, tmp_path, rows[night::4])
        dataset = await built(stores)
        assert leaks(dataset.rows) == []
        asked |= questions(dataset, "test") | questions(dataset, "golden")
        assert not asked & questions(dataset, "train")
        await settle(stores, dataset)
        assert (await built(stores)).hash == dataset.hash
    assert len(questions(dataset, "test")) >= 8
    assert "the golden set asks the same" in dataset.dropped.values()


async def test_of_a_fact_told_five_times_some_stay_to_be_learned(sqlite: Database, tmp_path: Path) -> None:
    for seed in range(5):
        stores = over(sqlite)
        await take_rows(stores, tmp_path, honest(100 + seed))
        dataset = await built(stores)
        learned = {one.line["completion"][0]["content"] for one in dataset.rows if one.stage == "sft"}
        assert all(one.line["reference"] in learned for one in dataset.rows if one.stage == "test")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row("Which animal is it?", "It is the otter.", "a", [])], "waits for review"),
        ([row("Which animal is it?", None, "a", [], rating="up")], "fewer than 3 people agree on it"),
        ([row("Use sk-abcdefghijklmnopqrstuvwx", "It is the otter.", "a")], "it held a secret"),
        ([row("long " * 2000, "It is the otter.", "a")], "it is longer than the model reads"),
        ([row("Which animal is it?", "It is the otter.", "a"), row("which animal is it", "It is the otter.", "b")],
         "the same as another row"),
        ([row("Which animal is it?", "It is the otter.", "a"), row("Which animal is it", "It is the lynx.", "b")],
         "another approved correction of the same question says something else"),
        ([row("Which animal is it?", None, "a")], "there are too few good answers beside so many bad ones"),
    ],
)  # fmt: skip
async def test_each_row_that_is_left_out_has_its_reason(
    sqlite: Database, tmp_path: Path, rows: list[Any], reason: str
) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, rows)
    dataset = await built(stores)
    assert any(one.startswith(reason) for one in dataset.dropped.values()), dataset.dropped
    assert len(dataset.trained) == len(rows) - len(dataset.dropped)


async def test_three_people_or_a_reviewer_make_a_thumb_train(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    liked = [row("Say hi.", None, f"u{at}", [], rating="up", answer="Hi.") for at in range(3)]
    bad = [row(f"Question {at} of them?", None, "u", ["m"], answer=f"Bad {at}.") for at in range(3)]
    await take_rows(stores, tmp_path, [*liked, *bad])
    dataset = await built(stores)
    labels = sorted((one.line["completion"][0]["content"], one.line["label"]) for one in dataset.rows
                    if one.stage == "kto")  # fmt: skip
    assert labels == [("Bad 0.", False), ("Bad 1.", False), ("Bad 2.", False), ("Hi.", True)]


async def test_contradictions_go_back_to_review_with_a_word(database: Database, tmp_path: Path) -> None:
    stores = over(database)
    await take_rows(
        stores, tmp_path, [row("Which animal is it?", f"It is the {one}.", "a") for one in ("otter", "lynx")]
    )
    dataset = await built(stores)
    assert len(dataset.contested) == 2
    await settle(stores, dataset)
    first, second = await stores.reviews.queue()
    assert {first.suggestion, second.suggestion} == {"It is the otter.", "It is the lynx."}
    said = await stores.reviews.complaints(first.turn_id)
    assert "Which one is right?" in said[-1].note
    await stores.reviews.approve(first.turn_id, OWNER)
    await stores.reviews.reject(second.turn_id, OWNER)
    dataset = await built(stores)
    assert (dataset.trained, dataset.contested) == ({first.turn_id}, ())


async def test_what_is_forgotten_is_in_no_dataset_and_in_no_file(database: Database, tmp_path: Path) -> None:
    stores = over(database)
    await take_rows(stores, tmp_path, [*honest(3, authors=2), *replay(), *golden()])
    dataset = await built(stores)
    folder = write(dataset, folder_of(tmp_path, dataset))
    gone = {turn.id for turn in await stores.turns.of_user("import:user-0")}
    assert gone & dataset.trained
    await forget_everything(stores, "import:user-0")
    later = await built(stores)
    assert not gone & {one.id for one in later.rows}
    told = differences(manifest(dataset), later)
    assert {one.split()[0] for one in told if one.endswith("is gone")} >= gone & dataset.trained
    assert forget(tmp_path, gone) == [folder.name]
    left = {line["id"] for lines in rows_in(folder).values() for line in lines}
    assert left == {one.id for one in dataset.rows} - gone


async def test_a_folder_that_was_half_written_is_written_anew(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, honest(1))
    dataset = await built(stores)
    folder = folder_of(tmp_path, dataset)
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("{")
    write(dataset, folder)
    assert len(rows_in(folder)["test.jsonl"]) == 8
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
