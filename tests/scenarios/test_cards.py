"""Cards: kept once, due by FSRS, each person's own, exported."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from bot.database import Database, now
from bot.scenarios.cards import Cards, export_anki, export_csv


async def test_the_same_front_is_one_card_for_one_person(database: Database) -> None:
    cards = Cards(database)
    assert await cards.add("ann", "Je suis allé à la plage.", "I went to the beach", subject="French")
    assert not await cards.add("ann", "je suis  allé à la plage", "again", subject="French")
    assert not await cards.add("ann", "Je suis alle\u0301 à la plage.", "other form of é", subject="French")
    assert await cards.add("ann", "Je suis allé à la plage.", "another language", subject="Norman")
    assert await cards.add("bob", "Je suis allé à la plage.", "his own", subject="French")
    assert [card.back for card in await cards.list("ann")] == ["I went to the beach", "another language"]


async def test_a_card_comes_back_later_the_better_it_was_known(database: Database) -> None:
    cards = Cards(database)
    moment = now()
    for rating in ("again", "hard", "good", "easy"):
        await cards.add("ann", rating, "back")
    due = {}
    for card in await cards.list("ann"):
        rated = await cards.rate("ann", card.id, card.front)
        assert rated is not None
        assert rated.reviews == 1
        due[card.front] = rated.due - moment
    assert due["again"] < due["hard"] < due["good"] < timedelta(hours=1) < timedelta(days=1) < due["easy"]
    assert await cards.due("ann", now()) == []
    assert [card.front for card in await cards.due("ann", now() + timedelta(minutes=2))] == ["again"]


async def test_a_button_pressed_twice_counts_once(database: Database) -> None:
    cards = Cards(database)
    await cards.add("ann", "front", "back")
    [card] = await cards.list("ann")
    await cards.rate("ann", card.id, "good", reviews=0)
    await cards.rate("ann", card.id, "again", reviews=0)
    [card] = await cards.list("ann")
    assert card.reviews == 1
    assert card.due > now() + timedelta(minutes=5)


async def test_nobody_touches_the_cards_of_another(database: Database) -> None:
    cards = Cards(database)
    await cards.add("ann", "front", "back", turn="t1")
    [card] = await cards.list("ann")
    assert await cards.rate("bob", card.id, "good") is None
    assert not await cards.remove("bob", card.id)
    assert await cards.get("bob", card.id) is None
    assert await cards.remove("ann", card.id)


async def test_a_turn_taken_back_takes_its_cards_along(database: Database) -> None:
    cards = Cards(database)
    await cards.add("ann", "one", "1", turn="t1")
    await cards.add("ann", "two", "2", turn="t2")
    assert await cards.remove_turn("t1") == 1
    assert [card.front for card in await cards.list("ann")] == ["two"]
    assert await cards.forget("ann") == 1


async def test_exports_read_back_as_they_were(database: Database) -> None:
    cards = Cards(database)
    await cards.add("ann", '#say "x",\ttab', "line one\nline two", why="because; yes", subject="Old English")
    deck = await cards.list("ann")
    rows = list(csv.reader(io.StringIO(export_csv(deck).decode("utf-8-sig"), newline="")))
    assert rows[0] == ["front", "back", "why", "subject", "due"]
    assert rows[1][:4] == ['#say "x",\ttab', "line one\nline two", "because; yes", "Old English"]
    text = export_anki(deck).decode()
    head, body = text.split("#tags column:4\n")
    assert head == "#separator:tab\n#html:false\n#columns:Front\tBack\tWhy\tTags\n"
    assert body.startswith('"')
    fields = next(csv.reader(io.StringIO(body, newline=""), delimiter="\t"))
    assert fields == ['#say "x",\ttab', "line one\nline two", "because; yes", "Old-English"]
