"""A party's rules: turns, votes, who may hurry; and dice that code throws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.database import Database, now
from bot.errors import UserError
from bot.request import Place
from bot.scenarios import party as rules
from bot.scenarios.dice import line_of, rolled, told_of, without_dice
from bot.scenarios.parties import Parties
from bot.scenarios.party import Party, Player, Rule, Tell, Wait

ANN, BEN, EVA = (Player(f"discord:{number}", name) for number, name in enumerate(("Ann", "Ben", "Eva"), 1))


def party(rule: Rule, *players: Player) -> Party:
    return Party("p", rule, ANN.user, players or (ANN,), now())


def test_turns_go_round_and_words_said_early_are_kept() -> None:
    state, move = rules.said(party(Rule.TURNS), ANN, "opens the door")
    assert move == Tell("Ann: opens the door")
    state, move = rules.said(state, BEN, "looks up")
    assert isinstance(move, Wait), "Ann is alone so far, so it is her turn still"
    assert "Ann’s turn, Ben. I keep your words" in move.words
    state, move = rules.said(state, ANN, "goes in")
    assert move == Tell("Ann: goes in")
    assert rules.next_words(state) == "Ben is next. They said: “looks up”; Go on tells that."
    state, move = rules.went_on(state, BEN)
    assert move == Tell("Ben: looks up")
    assert (state.current, state.words) == (ANN, {})
    with pytest.raises(UserError, match="Ann’s turn"):
        rules.went_on(state, BEN)


def test_who_dawdles_is_passed_over_by_the_host_or_after_a_while() -> None:
    state = replace(party(Rule.TURNS, ANN, BEN, EVA), turn=1)
    with pytest.raises(UserError, match="Give Ben a little longer"):
        rules.skipped(state, EVA, now())
    passed, move = rules.skipped(state, ANN, now())
    assert passed.current == EVA
    assert isinstance(move, Wait)
    assert move.words == "Ben is passed over. Eva is next."
    assert rules.skipped(state, EVA, now() + timedelta(minutes=6))[0].current == EVA
    assert rules.skipped(state, BEN, now())[0].current == EVA, "one may pass oneself over"


def test_a_vote_is_told_when_all_have_voted() -> None:
    state = party(Rule.VOTE, ANN, BEN, EVA)
    state, move = rules.said(state, ANN, "climb the tower")
    assert move == Wait("What happens next?", ballot=True, everybody=True)
    state, _ = rules.said(state, BEN, "swim")
    state, _ = rules.voted(state, ANN, BEN.user)
    state, move = rules.voted(state, EVA, ANN.user)
    assert isinstance(move, Wait)
    assert move.words == "You vote for what Ann proposes. 1 of 3 have not voted yet."
    state, _ = rules.voted(state, EVA, BEN.user)  # one may change one's mind
    state, move = rules.voted(state, BEN, ANN.user)
    assert move == Tell("Ben: swim")
    assert (state.words, state.votes) == ({}, {})
    with pytest.raises(UserError, match="the story has gone on"):
        rules.voted(state, ANN, BEN.user)


def test_votes_for_what_is_no_longer_proposed_fall_away() -> None:
    state = party(Rule.VOTE, ANN, BEN)
    state, _ = rules.said(state, ANN, "run")
    state, _ = rules.voted(state, BEN, ANN.user)
    state, _ = rules.said(state, ANN, "hide")
    assert state.votes == {}
    with pytest.raises(UserError, match="after five minutes"):
        rules.closed(state, BEN, now())
    assert rules.closed(state, ANN, now())[1] == Tell("Ann: hide")
    with pytest.raises(UserError, match="Nobody has proposed"):
        rules.closed(party(Rule.VOTE, ANN), ANN, now())


def test_who_votes_alone_need_not_vote() -> None:
    assert rules.said(party(Rule.VOTE), ANN, "run")[1] == Tell("Ann: run")


def test_a_party_is_not_without_end() -> None:
    crowd = party(Rule.TURNS, *(Player(f"discord:{number}", str(number)) for number in range(rules.MOST_PLAYERS)))
    with pytest.raises(UserError, match="12 players"):
        rules.said(crowd, Player("discord:99", "one more"), "hello")


def test_dice_fall_by_code_and_not_anew_for_a_second_try() -> None:
    rolls = rolled("I jump, d20, and then 2d6+1", "turn-1")
    assert [(roll.words, roll.sides, len(roll.faces), roll.plus) for roll in rolls] == [
        ("d20", 20, 1, 0), ("2d6+1", 6, 2, 1),
    ]  # fmt: skip
    assert rolls == rolled("I jump, d20, and then 2d6+1", "turn-1")
    faces = Counter(rolled("d6", f"turn-{number}")[0].faces[0] for number in range(6000))
    assert set(faces) == {1, 2, 3, 4, 5, 6}
    assert all(850 < count < 1150 for count in faces.values()), faces
    assert line_of(rolls).startswith("🎲 d20: **")
    assert line_of(()) == ""
    assert without_dice(f"{line_of(rolls)}She jumps.") == "She jumps."


@pytest.mark.parametrize("text", ["d1", "1000d6", "a word like add20 or d20x", "d", "99 d 6"])
def test_what_is_no_die_is_not_thrown(text: str) -> None:
    assert rolled(text, "seed") == ()


def test_the_story_is_told_what_the_dice_say() -> None:
    worst = next(found for n in range(999) if (found := rolled("d20", str(n)))[0].total == 1)
    best = next(found for n in range(999) if (found := rolled("d20", str(n)))[0].total == 20)
    assert told_of(worst) == " The dice say that it fails badly."
    assert told_of(best) == " The dice say that it succeeds better than anybody hoped."


async def test_a_party_is_kept_found_by_its_thread_and_forgotten(database: Database) -> None:
    store, place = Parties(database), Place("discord", "1", "2")
    await store.begin("p", place, Rule.VOTE, ANN)
    await store.move("p", "33")
    assert await store.at(Place("discord", "1", "2", "33")) == "p"
    assert await store.at(place) == ""
    await store.act("p", lambda one: rules.said(one, BEN, "run"))
    await store.told("p", "turn-2")
    await store.told("p", "turn-2")
    kept = await store.get("p")
    assert kept is not None
    assert (kept.players, kept.words, kept.told) == ((ANN, BEN), {BEN.user: "run"}, ("p", "turn-2"))
    await store.forget(BEN.user)
    kept = await store.get("p")
    assert kept is not None
    assert (kept.players, kept.words) == ((ANN,), {})
    await store.forget(ANN.user)
    assert await store.get("p") is None
    with pytest.raises(UserError, match="has ended"):
        await store.act("p", lambda one: rules.said(one, ANN, "run"))
