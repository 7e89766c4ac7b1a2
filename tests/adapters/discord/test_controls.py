"""Controls under answers: pressed over the wire, after a restart, by those who may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from simcord.backend.models import Interaction, Message

from bot.errors import StoreBroken
from tests.adapters.discord.conftest import Stage, staged
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World, labels, modal_words, text_of
from tests.waiting import until


def newest(peer: Peer, channel: int, wanted: str = "") -> Message | None:
    """The bot's newest finished message for everybody in a channel, if it says `wanted`."""
    found = [message for message in peer.answers(channel) if not message.is_ephemeral and text_of(message)]
    if not found or wanted not in text_of(found[-1]) or "Stop" in labels(found[-1]):
        return None
    return found[-1]


def told(peer: Peer, record: Interaction, wanted: str = "") -> Message | None:
    """What an interaction was answered with, or what its person was told beside that, if it says `wanted`."""
    answered = peer.backend.messages[record.channel_id].get(record.message_id or 0)
    beside = [message for message in peer.answers(record.channel_id) if message.is_ephemeral and message.id > record.id]
    for message in (answered, *reversed(beside)):
        if message is not None and text_of(message) and wanted in text_of(message):
            return message
    return None


async def asked(stage: Stage, text: str) -> Message:
    """Ann asks by mention; the finished answer."""
    world, peer = stage.world, stage.peer
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> {text}")
    found: Message = await peer.until(lambda: newest(peer, world.general))
    return found


async def test_thumbs_are_private_and_kept_once(stage: Stage) -> None:
    answer = await asked(stage, "say: hello")
    for _ in range(2):
        record = stage.world.ben.press(answer, "👍")
        said = await stage.peer.until(lambda record=record: told(stage.peer, record, "Noted"))
        assert said.is_ephemeral
    turn = (await stage.stores.turns.of_user(f"discord:{stage.world.ann.id}"))[0]
    (row,) = await stage.stores.feedback.of_turn(turn.id)
    assert (row.user, row.rating) == (f"discord:{stage.world.ben.id}", "up")


async def test_a_thumb_down_asks_what_was_wrong_and_what_would_be_better(stage: Stage) -> None:
    answer = await asked(stage, "say: hello")
    shown = stage.world.ben.press(answer, "👎")
    await stage.peer.until(lambda: shown.modal)
    assert list(modal_words(shown)) == ["What was wrong?", "What should it have said? (may stay empty)"]
    record = stage.world.ben.submit(shown, reasons=["wrong", "too long"], words="Good day")
    said = await stage.peer.until(lambda: told(stage.peer, record, "Your better answer waits"))
    assert said.is_ephemeral
    turn = (await stage.stores.turns.of_user(f"discord:{stage.world.ann.id}"))[0]
    (row,) = await stage.stores.feedback.of_turn(turn.id)
    assert row.detail == {"correction": "Good day", "reasons": ["wrong", "too long"]}


async def test_retry_makes_versions_in_place_and_back(stage: Stage) -> None:
    answer = await asked(stage, "again say: hello")
    first = text_of(answer)
    stage.world.ann.press(answer, "Retry")
    await stage.peer.until(lambda: "2/2" in labels(answer), words="two versions")
    second = text_of(answer)
    assert second != first
    assert len(stage.peer.answers(stage.world.general)) == 1
    stage.world.ann.press(answer, "◀")
    await stage.peer.until(lambda: text_of(answer) == first and "1/2" in labels(answer), words="the first again")
    rows = await stage.stores.turns.of_user(f"discord:{stage.world.ann.id}")
    assert [row.remembered for row in rows] == [True, False]


async def test_only_who_asked_may_retry(stage: Stage) -> None:
    answer = await asked(stage, "say: hello")
    before = text_of(answer)
    record = stage.world.ben.press(answer, "Retry")
    said = await stage.peer.until(
        lambda: [m for m in stage.peer.answers(stage.world.general) if m.is_ephemeral], words="a private refusal"
    )
    assert text_of(said[-1]) == "Only the person who asked can press this one."
    assert record.responded
    assert text_of(answer) == before


async def test_stop_ends_the_answer_and_frees_the_engine(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> hold say: one two three")
    running = await peer.until(
        lambda: next((m for m in peer.answers(world.general) if labels(m) == ["Stop"]), None), words="it runs"
    )
    assert stage.script.open == 1
    record = world.ann.press(running, "Stop")
    said = await peer.until(lambda: told(peer, record, "Stopping"))
    assert said.is_ephemeral
    await peer.until(lambda: newest(peer, world.general, "Stopped."))
    assert text_of(running).startswith("one two three")
    assert stage.script.open == 0


async def test_undo_takes_the_answer_away_and_forgets_it(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.slash(world.general, "story", theme="rain")
    answer = await peer.until(lambda: newest(peer, world.general, "Once upon a time"))
    assert [file["filename"] for file in answer.attachments] == ["story.md"]
    world.ann.press(answer, "Undo")
    await peer.until(lambda: answer.id not in peer.backend.messages[world.general], words="it is gone")
    (row,) = await stage.stores.turns.of_user(f"discord:{world.ann.id}")
    assert row.state == "undone"


async def test_edit_changes_what_stands(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.slash(world.general, "story", theme="rain")
    answer = await peer.until(lambda: newest(peer, world.general, "Once upon a time"))
    shown = world.ann.press(answer, "Edit")
    await peer.until(lambda: shown.modal)
    world.ann.submit(shown, words="Twice upon a time.")
    await peer.until(lambda: text_of(answer) == "Twice upon a time.")
    assert "Continue" in labels(answer)


async def test_continue_goes_on_below(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.slash(world.general, "story", theme="rain")
    answer = await peer.until(lambda: newest(peer, world.general, "Once upon a time"))
    world.ann.press(answer, "Continue")
    await peer.until(lambda: newest(peer, world.general, "more continue"))
    assert len(peer.answers(world.general)) == 2


async def delivered(stage: Stage, *questions: Message) -> None:
    """Wait until the store knows where the answers to these stand."""

    async def stand() -> bool:
        rows = [await stage.stores.turns.asked_with("discord", str(question.id)) for question in questions]
        return all(row is not None and row.standing is not None for row in rows)

    await until(stand)


async def test_controls_work_after_a_restart(
    peer: Peer, harbour: World, tmp_path: Path,
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:  # fmt: skip
    async with stage_with() as first:
        harbour.ann.slash(harbour.general, "write", facts="rain")
        answer = await peer.until(lambda: newest(peer, harbour.general, "Rain at last"))
        shown = harbour.ann.press(answer, "👎")
        await peer.until(lambda: shown.modal)
        assert first.troubles == []
    async with staged(peer, harbour, tmp_path) as second:
        late = harbour.ann.submit(shown, words="It rained")
        record = harbour.ann.press(answer, "Pick 1")
        said = await peer.until(lambda: told(peer, record, "Noted: the first one."))
        assert said.is_ephemeral
        await peer.until(lambda: told(peer, late, "Your better answer waits"))
        turns = await second.stores.turns.of_user(f"discord:{harbour.ann.id}")
        (row,) = await second.stores.feedback.of_turn(turns[0].id)
        assert row.detail["correction"] == "It rained"
    told_commands = [call for call in peer.calls if call.method == "PUT" and call.path.endswith("/commands")]
    assert len(told_commands) == 1, "commands are told again only when they changed"


async def test_an_edited_question_can_be_answered_anew(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    me = f"<@{peer.backend.bot_user.id}>"
    question = world.ann.say(world.general, f"{me} say: helo")
    answer = await peer.until(lambda: newest(peer, world.general, "helo"))
    world.ann.edit(question, f"{me} say: hello")
    await peer.until(lambda: "Answer the edited question" in labels(answer))
    record = world.ben.press(answer, "Answer the edited question")
    await peer.until(lambda: told(peer, record, "Only the person who asked"))
    world.ann.press(answer, "Answer the edited question")
    await peer.until(lambda: text_of(answer) == "hello" and "Retry" in labels(answer))
    assert "Answer the edited question" not in labels(answer)
    states = [row.state for row in await stage.stores.turns.of_user(f"discord:{world.ann.id}")]
    assert states == ["undone", "done"]


async def test_questions_reach_their_answers_after_a_restart(
    peer: Peer, harbour: World, tmp_path: Path,
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:  # fmt: skip
    me = f"<@{peer.backend.bot_user.id}>"
    async with stage_with() as first:
        question = harbour.ann.say(harbour.general, f"{me} say: helo")
        answer = await peer.until(lambda: newest(peer, harbour.general, "helo"))
        other = harbour.ben.say(harbour.support, f"{me} say: goodbye")
        await peer.until(lambda: newest(peer, harbour.support, "goodbye"))
        await delivered(first, question, other)
    async with staged(peer, harbour, tmp_path) as second:
        harbour.ann.edit(question, f"{me} say: hello")
        await peer.until(lambda: "Answer the edited question" in labels(answer))
        assert labels(answer).count("Retry") == 1
        assert "helo" in text_of(answer)
        harbour.ann.edit(question, f"{me} say: hello there")
        record = harbour.ben.press(answer, "Answer the edited question")
        await peer.until(lambda: told(peer, record, "Only the person who asked"))
        assert labels(answer).count("Answer the edited question") == 1
        harbour.ann.press(answer, "Answer the edited question")
        await peer.until(lambda: text_of(answer) == "hello there" and "Retry" in labels(answer))
        # edited once more, it is the newer turn that is answered anew
        harbour.ann.edit(question, f"{me} say: good day")
        await peer.until(lambda: "Answer the edited question" in labels(answer))
        harbour.ann.press(answer, "Answer the edited question")
        await peer.until(lambda: text_of(answer) == "good day" and "Retry" in labels(answer))
        states = [row.state for row in await second.stores.turns.of_user(f"discord:{harbour.ann.id}")]
        assert states == ["undone", "undone", "done"]
        harbour.ben.delete(other)
        await peer.until(lambda: not peer.answers(harbour.support), words="the answer is gone")
        (row,) = await second.stores.turns.of_user(f"discord:{harbour.ben.id}")
        assert not row.remembered


async def test_a_deleted_question_takes_its_answer_along(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    me = f"<@{peer.backend.bot_user.id}>"
    question = world.ann.say(world.general, f"{me} hold say: one two three")
    await peer.until(lambda: peer.answers(world.general), words="it runs")
    world.ann.delete(question)
    await peer.until(lambda: not peer.answers(world.general), words="the answer is gone")
    assert stage.script.open == 0
    (row,) = await stage.stores.turns.of_user(f"discord:{world.ann.id}")
    assert not row.remembered


async def test_a_deleted_question_takes_all_tries_of_its_answer_along(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    question = world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: one two three")
    (answer,) = await peer.until(lambda: peer.answers(world.general))
    await peer.until(lambda: "Retry" in labels(answer))
    await delivered(stage, question)
    world.ann.press(answer, "Retry")
    await become(stage, "done", "done")
    world.ann.delete(question)
    await peer.until(lambda: not peer.answers(world.general), words="the answer is gone")
    await become(stage, "undone", "undone")


async def become(stage: Stage, *states: str) -> None:
    """Wait until Ann's turns have these states."""

    async def there() -> bool:
        rows = await stage.stores.turns.of_user(f"discord:{stage.world.ann.id}")
        return [row.state for row in rows] == list(states)

    await until(there)


async def test_what_breaks_outside_a_turn_is_told_to_who_pressed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await asked(stage, "say: hello")

    async def broken(turn_id: str) -> None:
        raise StoreBroken("no such file")

    monkeypatch.setattr(stage.stores.turns, "get", broken)
    record = stage.world.ben.press(answer, "👎")
    said = await stage.peer.until(lambda: refusal(stage, record))
    assert said.startswith("I cannot reach my memory just now")
    record = stage.world.moderator.press(answer, "Flag")
    assert "no such file" not in await stage.peer.until(lambda: refusal(stage, record))


def refusal(stage: Stage, record: Interaction) -> str:
    """The plain private words that an interaction was answered with."""
    message = stage.peer.backend.messages[record.channel_id].get(record.message_id or 0)
    return message.content if message is not None and message.is_ephemeral else ""
