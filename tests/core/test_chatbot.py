"""ChatBot: one request, one answer, in the right place, with nothing lost."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import aiohttp
import pytest
from prometheus_client import generate_latest

from bot.chatbot import CUT_SHORT, RESTARTING
from bot.delivery import Ledger, SendFailed
from bot.intake import Intake
from bot.reply import Stream
from bot.request import Attachment, MessageRef, Request
from bot.turn import Answer, Waiting
from bot.turns import TurnRow, Turns, turns
from models.engine import EngineClient
from tests.core.conftest import Core
from tests.core.people import Kept, ask, press
from tests.waiting import until

MOMENTS = 60
"""At so many moments of an answer somebody leaves it."""


async def test_a_turn_is_streamed_stored_and_delivered(core: Core) -> None:
    reply = await core.handle(ask("say: Good day to you"))
    assert reply.streamed == reply.answer.text == "Good day to you"
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.state, row.question, row.answer) == ("done", "say: Good day to you", "Good day to you")
    assert row.prompt == [[{"role": "user", "content": "say: Good day to you"}]]
    assert (row.model, row.tokens, row.prompt_tokens, row.logprob) == ("parley", 20, 10, -0.25)
    assert row.message == {"platform": "test", "channel": "c", "messages": [f"m-{reply.turn_id}"]}


async def test_the_next_turn_remembers_and_others_do_not(core: Core) -> None:
    await core.handle(ask("say: My name is Ann"))
    await core.handle(ask("who am I?"))
    await core.handle(ask("who am I?", user="bob"))
    await core.handle(ask("who am I?", channel="d"))
    await core.handle(ask("who am I?", thread="t"))
    seen = [[message.content for message in turn.history] for turn in core.talk.turns]
    assert seen == [[], ["say: My name is Ann", "My name is Ann"], [], [], []]


async def test_two_messages_whose_claims_come_back_crossed_keep_their_order(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, joined = ask("say: one", settle=600), ask("and two", settle=600), asyncio.Event()
    claim, settle = core.chatbot._intake.claim, core.chatbot._intake.settle

    async def slow_for_the_first(request: Request) -> bool:
        if request.id == first.id:
            await joined.wait()
        return await claim(request)

    async def told(request: Request) -> Request | None:
        waiting = asyncio.ensure_future(settle(request))
        await asyncio.sleep(0)  # the burst is open now
        joined.set()
        return await waiting

    monkeypatch.setattr(core.chatbot._intake, "claim", slow_for_the_first)
    monkeypatch.setattr(core.chatbot._intake, "settle", told)
    both = asyncio.gather(core.handle(first), core.handle(second))
    await until(lambda: [len(burst.parts) for burst in core.chatbot._intake._bursts.values()] == [2])
    core.chatbot._intake.close()
    await both
    assert [turn.text for turn in core.talk.turns] == ["say: one\nand two"]


async def test_steps_run_in_order_and_finish_makes_the_text(core: Core) -> None:
    reply = await core.handle(ask("/twice hello"))
    assert reply.streamed == "**One** hello **Two** and hello"
    assert reply.answer.text == "hello | and hello"
    assert next(iter(reply.answer.buttons)).label == "This"
    pressed = await core.handle(press(reply.turn_id, "pick", "1"))
    assert pressed.answer.text == "pick 1 on hello | and hello"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There are no words in that message. Ask me something, or type /help."),
        ("/nope", "There is no command /nope. /help lists what there is."),
        (
            "x" * 100_000,
            "Your message has 100,000 characters and I read at most 8,000. Send it in parts, or as a file.",
        ),
    ],
)
async def test_bad_input_is_one_sentence(core: Core, text: str, words: str) -> None:
    reply = await core.handle(ask(text))
    assert reply.failures == [words]
    assert not reply.events


async def test_a_scenarios_refusal_is_its_sentence(core: Core) -> None:
    reply = await core.handle(ask("/twice nothing"))
    assert (reply.answer.broken, reply.answer.notes) == (True, ("There is nothing to say twice.",))


async def test_the_same_message_is_answered_once(core: Core) -> None:
    request = ask("say: once")
    first, second = await asyncio.gather(core.handle(request), core.handle(request))
    assert sorted((len(first.events) > 0, len(second.events) > 0)) == [False, True]
    assert not first.failures
    assert not second.failures


async def test_stop_ends_the_turn_and_drops_the_request(core: Core, instant: EngineClient) -> None:
    reply = Kept()
    task = asyncio.create_task(core.chatbot.handle(ask("hold"), reply))
    await asyncio.wait_for(reply.said.wait(), 30)
    stop = await core.handle(press(reply.turn_id, "stop"))
    assert stop.answer.text == "Stopping."
    await asyncio.wait_for(task, 30)
    assert reply.answer.stopped
    assert reply.answer.text == reply.streamed.strip()
    assert "You said: hold".startswith(reply.answer.text)
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.state, row.answer) == ("stopped", reply.answer.text)
    await counted(instant, "dropped", 1)


async def test_a_reader_who_goes_away_frees_the_engine(core: Core, instant: EngineClient) -> None:
    reply = Kept()
    task = asyncio.create_task(core.chatbot.handle(ask("hold"), reply))
    await asyncio.wait_for(reply.said.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await counted(instant, "dropped", 1)
    assert core.chatbot.load == (0, 0)
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert row.state == "stopped"


async def test_a_waiting_turn_can_be_stopped(make_core) -> None:
    core = await make_core(engine_slots=1)
    first, second = Kept(), Kept()
    running = asyncio.create_task(core.chatbot.handle(ask("hold"), first))
    await asyncio.wait_for(first.said.wait(), 30)
    waiting = asyncio.create_task(core.chatbot.handle(ask("say: me", user="bob"), second))
    await asyncio.wait_for(second.shown.wait(), 30)
    assert isinstance(second.events[0], Waiting)
    assert second.events[0].place == 1
    stranger = await core.handle(press(second.turn_id, "stop", user="eve"))
    assert stranger.failures == ["Only the person who asked can press this one."]
    await core.handle(press(second.turn_id, "stop", user="bob"))
    await asyncio.wait_for(waiting, 30)
    assert second.answer.stopped
    assert core.chatbot.load == (1, 0)
    await core.handle(press(first.turn_id, "stop"))
    await asyncio.wait_for(running, 30)


async def test_who_is_answered_when_the_bot_ends_keeps_what_was_said_and_nobody_is_begun_with(core: Core) -> None:
    reply = Kept()
    running = asyncio.create_task(core.chatbot.handle(ask("hold"), reply))
    await asyncio.wait_for(reply.said.wait(), 30)
    ending = asyncio.create_task(core.chatbot.close(0.1))
    await asyncio.sleep(0)
    late = ask("say: me too", user="bob")
    assert (await core.handle(late)).failures == [RESTARTING]
    await asyncio.wait_for(asyncio.gather(running, ending), 30)
    assert reply.answer.stopped
    assert (reply.answer.text, reply.answer.notes) == (reply.streamed.strip(), (CUT_SHORT,))
    # Not claimed: where its platform brings it again, the next start answers it.
    assert await Intake(core.stores.database).claim(late)


async def test_a_question_that_waits_for_more_of_it_is_answered_before_the_bot_ends(core: Core) -> None:
    reply = Kept()
    asked = asyncio.create_task(core.chatbot.handle(ask("say: all of it", settle=600.0), reply))
    await until(lambda: core.chatbot._intake._bursts)
    await core.chatbot.close(30)
    assert asked.done()
    assert reply.answer.text == "all of it"


class Slow(Kept):
    """A platform that takes the end of an answer only when it is `let`."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        message = await super().send(turn_id, stream)
        await self.let.wait()
        return message


async def test_the_bot_ends_when_the_last_answer_is_shown(core: Core) -> None:
    reply = Slow()
    asked = asyncio.create_task(core.chatbot.handle(ask("say: all of it"), reply))
    await until(lambda: reply.events and isinstance(reply.events[-1], Answer))
    ending = asyncio.create_task(core.chatbot.close(30))
    await asyncio.sleep(0)
    assert not ending.done()
    reply.let.set()
    await asyncio.wait_for(ending, 30)
    assert asked.done()
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert row.message is not None


async def test_an_answer_that_is_stopped_twice_while_the_store_is_busy_ends_all_the_same(core: Core) -> None:
    reply = Kept()
    running = asyncio.create_task(core.chatbot.handle(ask("hold"), reply))
    await asyncio.wait_for(reply.said.wait(), 30)
    async with core.stores.database.write() as connection:
        await connection.execute(turns.update().where(turns.c.id == reply.turn_id).values(ttft=0.5))
        await core.chatbot.close(0.05)
        assert not running.done(), "its end cannot be written down yet"
    await asyncio.wait_for(running, 30)
    assert reply.answer.stopped
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.state, row.answer) == ("stopped", reply.answer.text)


async def test_an_answer_that_is_stopped_while_it_is_stored_is_shown_as_it_stands_in_the_store(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing, stopped = asyncio.Event(), asyncio.Event()
    finish = core.stores.turns.finish

    async def slowly(turn_id: str, **values: Any) -> None:
        storing.set()
        await stopped.wait()
        await finish(turn_id, **values)

    monkeypatch.setattr(core.stores.turns, "finish", slowly)
    reply = Kept()
    running = asyncio.create_task(core.chatbot.handle(ask("say: whole"), reply))
    await asyncio.wait_for(storing.wait(), 30)
    assert (await core.handle(press(reply.turn_id, "stop"))).answer.text == "Stopping."
    stopped.set()
    await asyncio.wait_for(running, 30)
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.state, row.answer) == ("done", "whole")
    assert (reply.answer.text, reply.answer.stopped) == ("whole", False)


async def test_an_answer_that_is_stopped_before_its_first_step_ends(core: Core) -> None:
    reply = Kept()

    def stop_all() -> None:
        if core.chatbot._jobs:
            for turn_id in [*core.chatbot._jobs]:
                core.chatbot.stop(turn_id)
        elif not running.done():
            asyncio.get_running_loop().call_soon(stop_all)

    running = asyncio.create_task(core.chatbot.handle(ask("hold"), reply))
    stop_all()
    await asyncio.wait_for(running, 30)
    assert not core.chatbot._jobs


@pytest.mark.parametrize("times", [1, 2])
async def test_whoever_leaves_at_any_moment_leaves_nothing_running(core: Core, times: int) -> None:
    async def asked_for(turns_of_the_loop: float, who: dict[str, Any]) -> tuple[asyncio.Task[None], int]:
        """A question, once the loop has gone round so often or the answer is there; and how often it went round."""
        asked, went = asyncio.create_task(core.chatbot.handle(ask("say: one two three", **who), Kept())), 0
        while went < turns_of_the_loop and not asked.done():
            await asyncio.sleep(0)
            went += 1
        return asked, went

    await core.handle(ask("say: what the first answer loads is loaded"))
    _, whole = await asked_for(math.inf, {})
    for moment in range(MOMENTS):
        who = {"user": f"user{moment}", "channel": f"c{moment}"}
        asked, _ = await asked_for(whole * moment / MOMENTS, who)
        for _ in range(times):
            asked.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([asked])

        async def ended(user: str = f"test:{who['user']}") -> bool:
            return all(row.state != "running" for row in await core.stores.turns.of_user(user))

        await until(ended)
        assert (await core.handle(ask("say: next", **who))).answer.text == "next"
    # What has no row yet, or has it ended, may still be giving back its connection.
    await until(lambda: not core.chatbot._jobs)


async def test_a_stream_that_breaks_shows_its_tail_and_a_notice(core: Core) -> None:
    reply = await core.handle(ask("break"))
    assert reply.answer.broken
    assert reply.answer.text == reply.streamed
    assert len(reply.answer.notes) == 1
    assert "httpx" not in reply.answer.notes[0]
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert row.state == "failed"
    assert row.error


async def test_a_full_engine_is_said_in_words(core: Core) -> None:
    reply = await core.handle(ask("refuse"))
    assert reply.answer.notes == ("The model has more questions than it can take. Please ask again in 60 seconds.",)


async def test_retry_makes_versions_and_one_is_remembered(core: Core) -> None:
    await core.handle(ask("say: before"))
    first = await core.handle(ask("say: one"))
    second = await core.handle(press(first.turn_id, "retry"))
    versions = await core.stores.turns.versions(second.turn_id)
    assert [version.id for version in versions] == [first.turn_id, second.turn_id]
    assert [version.remembered for version in versions] == [False, True]
    assert [message.content for message in core.talk.turns[-1].history] == ["say: before", "before"]
    assert core.talk.turns[-1].seed != core.talk.turns[-2].seed
    chosen = await core.handle(press(second.turn_id, "version", first.turn_id))
    assert chosen.answer.text == "one"
    assert [version.remembered for version in await core.stores.turns.versions(first.turn_id)] == [True, False]


async def test_a_question_taken_back_while_it_is_tried_again_is_forgotten_with_the_new_try(core: Core) -> None:
    first, again = Kept(), Kept()
    asked = asyncio.create_task(core.chatbot.handle(ask("hold"), first))
    await asyncio.wait_for(first.said.wait(), 30)
    core.chatbot.stop(first.turn_id)
    await asyncio.wait_for(asked, 30)
    retried = asyncio.create_task(core.chatbot.handle(press(first.turn_id, "retry"), again))
    await asyncio.wait_for(again.said.wait(), 30)
    taken = await core.chatbot.take_back(first.turn_id)
    assert [row.id for row in taken] == [first.turn_id, again.turn_id]
    await asyncio.wait_for(retried, 30)
    versions = await core.stores.turns.versions(first.turn_id)
    assert [(row.state, row.remembered) for row in versions] == [("undone", False)] * 2
    await core.handle(ask("next"))
    assert core.talk.turns[-1].history == ()


async def test_undo_and_edit_change_what_is_remembered(core: Core) -> None:
    first = await core.handle(ask("say: one"))
    second = await core.handle(ask("say: two"))
    await core.handle(press(first.turn_id, "edit", "ONE"))
    await core.handle(press(second.turn_id, "undo"))
    await core.handle(ask("next"))
    assert [message.content for message in core.talk.turns[-1].history] == ["say: one", "ONE"]


async def test_thumbs_are_kept_once_a_person_and_the_last_wins(core: Core) -> None:
    turn = (await core.handle(ask("say: one"))).turn_id
    await core.handle(press(turn, "up"))
    said = await core.handle(press(turn, "down", "It is two."))
    assert said.answer.private
    (row,) = await core.stores.feedback.of_turn(turn)
    assert (row.rating, row.detail) == ("down", {"correction": "It is two."})


async def test_nobody_touches_anothers_turn(core: Core) -> None:
    turn = (await core.handle(ask("say: one"))).turn_id
    for control in ("undo", "edit", "retry", "version"):
        assert (await core.handle(press(turn, control, "x", user="eve"))).failures
    assert (await core.handle(press(turn, "why", user="eve", channel="elsewhere"))).failures
    row = await core.stores.turns.get(turn)
    assert row is not None
    assert (row.answer, row.remembered) == ("one", True)


async def test_an_answer_that_was_not_taken_is_sent_later(core: Core) -> None:
    reply = Kept(errors=[SendFailed("down")])
    await core.chatbot.handle(ask("say: keep me"), reply)
    notes = []

    class Courier:
        async def deliver(self, place, turn, note):
            notes.append((place.channel, turn.answer, note))
            return MessageRef("test", place.channel, ("late",))

    assert await core.chatbot.ledger.redeliver("test", Courier()) == 1
    assert notes == [("c", "keep me", "I was restarted before I could send this.")]
    assert await core.chatbot.ledger.redeliver("test", Courier()) == 0


async def test_of_two_hosts_that_find_an_answer_due_one_sends_it(core: Core) -> None:
    await core.chatbot.handle(ask("say: keep me"), Kept(errors=[SendFailed("down")]))
    both_know = asyncio.Barrier(2)
    sent = []

    class Late(Turns):
        async def on_their_way(self, platform: str) -> list[TurnRow]:
            due = await super().on_their_way(platform)
            await both_know.wait()
            return due

    class Courier:
        async def deliver(self, place, turn, note):
            sent.append(turn.id)
            return MessageRef("test", place.channel, ("late",))

    hosts = [Ledger(Late(core.stores.database), name) for name in ("one", "two")]
    counts = await asyncio.gather(*(host.redeliver("test", Courier()) for host in hosts))
    assert sorted(counts) == [0, 1]
    assert len(sent) == 1


async def test_of_a_models_long_path_its_end_is_kept(make_core) -> None:
    core = await make_core(model=f"/data/{'deep/' * 40}parley.gguf")
    reply = await core.handle(ask("say: one"))
    row = await core.stores.turns.get(reply.turn_id)
    assert len(row.model) == 120
    assert row.model.endswith("deep/parley.gguf")


async def test_memory_off_leaves_no_words(core: Core) -> None:
    await core.handle(ask("/memory off"))
    reply = await core.handle(ask("say: secret"))
    assert reply.answer.text == "secret"
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.question, row.answer, row.prompt, row.state) == ("", "", [], "done")
    await core.handle(ask("again"))
    assert core.talk.turns[-1].history == ()


async def test_a_quota_is_counted_told_and_enforced(make_core) -> None:
    core = await make_core(quota="2/day", quota_roles={"patron": "off"})
    first = await core.handle(ask("say: 1"))
    assert first.answer.notes[0].startswith("1 left until ")
    await core.handle(ask("say: 2"))
    third = await core.handle(ask("say: 3"))
    assert third.answer.broken
    assert third.answer.notes[0].startswith("You have had your 2 answers of this day; the next come at ")
    assert (await core.handle(ask("/now"))).answer.text == "At once."
    assert (await core.handle(ask("say: 1", user="bob"))).answer.text == "1"


async def test_what_came_to_nothing_costs_nothing_of_a_quota(make_core) -> None:
    core = await make_core(quota="1/day")
    refused = await core.handle(ask("/twice nothing"))
    assert refused.answer.broken
    assert refused.answer.notes == ("There is nothing to say twice.",)
    assert refused.answer.buttons == ()
    assert (await core.handle(ask("say: 1"))).answer.text == "1"
    assert (await core.handle(ask("say: 2"))).answer.broken


class Loading:
    """The keeper of an engine that is not there yet, and will never be."""

    words = "The model is loading."
    away = True

    async def wait_ready(self) -> bool:
        return False


async def test_what_is_refused_does_not_wait_for_a_model_that_loads(core: Core) -> None:
    core.chatbot._answering._generator._keeper = core.chatbot._keeper = Loading()
    refused = await core.handle(ask("/twice nothing"))
    assert refused.answer.notes == ("There is nothing to say twice.",)
    assert not refused.waits
    waiting = await core.handle(ask("say: 1"))
    assert [wait.words for wait in waiting.waits] == ["The model is loading. Your question keeps its place."]
    assert waiting.answer.broken
    assert waiting.answer.notes == ("The model is loading. Your question is kept; try again.",)


async def test_text_from_a_hostile_wire_is_kept_readable(core: Core) -> None:
    reply = await core.handle(ask("say: a\x00b \ud800c \x1b[2Jd"))
    row = await core.stores.turns.get(reply.turn_id)
    assert row is not None
    assert (row.question, row.answer) == ("say: ab c [2Jd", "ab c [2Jd")
    assert (await core.handle(ask("\u200b \x07"))).failures[0].startswith("There are no words in that message.")


async def test_a_model_that_says_nothing_is_said_so(core: Core) -> None:
    reply = await core.handle(ask("say: \u200b"))
    assert reply.answer.text == "The model had nothing to say to that. Press Retry, or put it another way."


async def test_turns_and_presses_are_counted(core: Core) -> None:
    reply = await core.handle(ask("say: 1"))
    await core.handle(press(reply.turn_id, "up"))
    await core.handle(ask("/twice nothing"))
    said = generate_latest(core.chatbot.metrics.registry).decode()
    for line in (
        'parley_turns_total{platform="test",scenario="chat",state="done"} 1.0',
        'parley_turns_total{platform="test",scenario="twice",state="failed"} 1.0',
        'parley_presses_total{control="up"} 1.0',
        'parley_first_token_seconds_count{scenario="chat"} 1.0',
        "parley_running 0.0",
        "parley_waiting 0.0",
    ):
        assert line in said


async def test_a_file_alone_is_a_request(core: Core) -> None:
    async def read() -> bytes:
        return b"hello"

    reply = await core.handle(ask("", attachments=(Attachment("a.txt", "text/plain", 5, read),)))
    assert not reply.failures


async def counted(engine: EngineClient, key: str, number: int) -> None:
    """Wait until the engine process has counted something."""
    async with aiohttp.ClientSession() as session:

        async def look() -> bool:
            async with session.get(f"{engine.base_url}/health") as response:
                return bool((await response.json()).get(key) == number)

        await until(look)
