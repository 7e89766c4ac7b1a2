"""Feedback files: taken in once, each bad line told, nothing personal kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.learning.imports import LINE_BYTES, open_file
from bot.places import Moderator
from tests.learning.company import Row, golden, honest, replay, row, write
from tests.learning.planted import planted
from tests.learning.stores import over, take

OWNER = Moderator("web:owner", "Owner", everywhere=True)


async def test_rows_become_turns_with_what_was_said_of_them(database: Database, tmp_path: Path) -> None:
    stores = over(database)
    counts, rejected = await take(stores, write(tmp_path / "f.jsonl", [*honest(1), *replay(), *golden()]))
    assert (counts.lines, rejected) == (67, [])
    assert counts.outcomes == {"approved": 60, "golden": 7}
    items = await stores.reviews.queue("approved", most=100)
    assert len(items) == 40
    turn = await stores.turns.get(items[0].turn_id)
    assert turn is not None
    assert (turn.platform, turn.scenario, turn.state, turn.message) == ("import", "chat", "done", None)
    (flag,) = await stores.flags.of_turn(turn.id)
    assert flag.correction == items[0].correction
    assert len(await stores.reviews.verdicts(turn.id)) == 2
    assert len(await stores.reviews.queue("rejected", most=100)) == 20
    assert [one.reference for one in await stores.golden.of("chat")].count("Paris") == 1


async def test_the_same_file_twice_is_the_same_store(database: Database, tmp_path: Path) -> None:
    stores = over(database)
    rows = [*honest(2), *replay(), *golden()]
    await take(stores, write(tmp_path / "f.jsonl", rows))
    counts, _ = await take(stores, write(tmp_path / "again.jsonl", [*rows[::-1], *rows]))
    assert counts.outcomes == {"known": 134}
    assert len(await stores.turns.of_user("import:user-9")) == 20


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"correction": "It is the otter.", "reviewers": ["m"]}, "approved"),
        ({"correction": "It is the otter.", "reviewers": []}, "open"),
        ({"correction": "It costs 3 euros.", "reviewers": ["m"]}, "open"),
        ({"correction": "It costs 3 euros.", "reviewers": ["m", "m"]}, "open"),
        ({"correction": "It costs 3 euros.", "reviewers": ["m", "user-1"]}, "open"),
        ({"correction": "It costs 3 euros.", "reviewers": ["m", "n"]}, "approved"),
        ({"correction": None, "reviewers": ["m"]}, "approved"),
        ({"correction": None, "rating": "up", "reviewers": ["m"]}, "rejected"),
        ({"correction": None, "rating": "up", "reviewers": ["user-1"]}, None),
    ],
)
async def test_enough_reviewers_for_its_kind_approve_a_row(
    sqlite: Database, tmp_path: Path, changes: dict[str, Any], state: str | None
) -> None:
    stores = over(sqlite)
    await take(stores, write(tmp_path / "f.jsonl", [row("What is it?", "", "user-1") | changes]))
    (turn,) = await stores.turns.of_user("import:user-1")
    item = await stores.reviews.get(turn.id)
    assert (item and item.state) == state


async def test_a_second_reviewer_may_come_later_and_a_decision_made_here_stands(
    database: Database, tmp_path: Path
) -> None:
    stores = over(database)
    one = [row("What does it cost?", "It costs 3 euros.", "user-1", ["m"])]
    two = [row("What does it cost?", "It costs 3 euros.", "user-1", ["n"])]
    await take(stores, write(tmp_path / "1.jsonl", one))
    (item,) = await stores.reviews.queue()
    counts, _ = await take(stores, write(tmp_path / "2.jsonl", two))
    assert counts.outcomes == {"known": 1}
    decided = await stores.reviews.get(item.turn_id)
    assert decided is not None
    assert (decided.state, decided.correction, decided.decider) == ("approved", "It costs 3 euros.", "n")
    await stores.reviews.undo(item.turn_id, OWNER)
    await stores.reviews.reject(item.turn_id, OWNER)
    await take(stores, write(tmp_path / "1.jsonl", one + two))
    item = await stores.reviews.get(item.turn_id)  # type: ignore[assignment]
    assert item.state == "rejected"


LINES = [
    (b"{", "it is no JSON object on one line"),
    (b'"text"', "it is JSON, but no object"),
    (b"\xff\xfe{}", "it is no JSON object on one line"),
    (b"[" * 5000, "it is no JSON object on one line"),
    (b"{}", "scenario: field required"),
    (json.dumps(row("q", "c", "a", scenario="suport")).encode(), "scenario has to be one of chat, "),
    (json.dumps(row("q", "c", "a", consent=False)).encode(), "consent is not true"),
    (json.dumps(row("q", "c", "a", prompt=[])).encode(), "prompt: list should have at least 1 item"),
    (json.dumps(row(" ", "c", "a")).encode(), "prompt has to end with what a user said"),
    (json.dumps(row("q", "c", "a", rating="bad")).encode(), "rating: input should be 'up' or 'down'"),
    (json.dumps(row("q", "c", "a", reasons=["silly"])).encode(), "reasons.0: input should be 'wrong_fact', "),
    (json.dumps(row("q", None, "a", rating=None)).encode(), "there is nothing to learn from it"),
    (json.dumps(row("q", None, "a", answer="", golden=True)).encode(), "golden needs the right answer"),
    (json.dumps(row("q" * 60_000, "c", "a")).encode(), "it is longer than 50,000 characters"),
    (b'{"a": "' + b"x" * LINE_BYTES + b'"}', "it is longer than 1 MB"),
    (json.dumps(row("q", "lone \ud800", "a")).encode(), "it is no JSON object on one line"),
]


async def test_each_bad_line_is_told_with_its_number_and_the_others_are_taken(sqlite: Database, tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = json.dumps(row("q", "c", "a")).encode()
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n\n".join([good, *(line for line, _ in LINES), good]) + b"\n")
    counts, rejected = await take(over(sqlite), path)
    assert counts.outcomes == {"approved": 1, "known": 1}
    assert [one.number for one in rejected] == list(range(3, 3 + 2 * len(LINES), 2))
    for one, (_, words) in zip(rejected, LINES, strict=True):
        assert one.reason.startswith(words), one


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"", "is empty."),
        (b"PK\x03\x04\x00\x00", "is no text file"),
        (b'[{"scenario": "chat"}]', "is one JSON list"),
        (b"x" * (LINE_BYTES + 5), "has a first line of more than 1 MB"),
    ],
)
def test_what_is_no_feedback_file_is_one_sentence(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "f.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        open_file(path)
    with pytest.raises(UserError, match="is a folder"):
        open_file(tmp_path)


async def test_nothing_personal_reaches_the_store(sqlite: Database, tmp_path: Path) -> None:
    stores, pairs = over(sqlite), planted()
    rows: list[Row] = []
    for number, (thing, text) in enumerate(pairs):
        where, asked = number % 5, f"Question {number}?"
        rows.append(
            row(
                text if where == 0 else asked, text if where == 1 else "c", thing if where == 3 else "a",
                [thing, "m"] if where == 4 else ["m", "n"], answer=text if where == 2 else f"answer {number}",
                note=text,
            )
        )  # fmt: skip
    counts, rejected = await take(stores, write(tmp_path / "f.jsonl", rows))
    assert rejected == []
    assert counts.outcomes["approved"] >= len(pairs) - 20  # some secrets leave the same text behind
    assert sqlite.path is not None
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("parley.db*")).decode(errors="replace")
    assert [thing for thing, _ in pairs if len(thing) > 5 and thing in kept] == []
