"""Memory: scoped, within its budget, in the person's hands."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.database import Database, now
from bot.memory import Conversation, Exchange, compose, estimate_tokens
from bot.request import Place
from tests.core.conftest import Core
from tests.core.people import ask, press
from tests.waiting import until


def exchanges(*pairs: tuple[str, str]) -> list[Exchange]:
    return [Exchange(n, str(n), "chat", *pair) for n, pair in reversed(list(enumerate(pairs, 1)))]


async def test_the_newest_turns_fill_the_budget(core: Core) -> None:
    conversation = await core.stores.memory.conversation(ask("hi"))
    long = "x" * 300
    budget = 2 * (estimate_tokens("q") + estimate_tokens(long)) + 5
    recall = compose(conversation, exchanges(("old", long), ("q", long), ("q2", long)), [], budget)
    assert [message.content for message in recall.history] == ["q", long, "q2", long]
    assert [exchange.question for exchange in recall.older] == ["old"]


async def test_one_turn_too_long_is_cut_not_dropped(core: Core) -> None:
    conversation = await core.stores.memory.conversation(ask("hi"))
    recall = compose(conversation, exchanges(("q", "wörd " * 2000)), [], 300)
    question, answer = recall.history
    assert question.content == "q"
    assert estimate_tokens(answer.content) <= 300
    assert answer.content.endswith("…")


async def test_older_turns_are_folded_into_a_summary_that_can_be_seen(make_core) -> None:
    core = await make_core(context_tokens=512)
    for number in range(14):
        await core.handle(ask(f"say: {number} " + "word " * 60))
    conversation = await folded(core)
    assert conversation.summary.startswith("0 word word")
    shown = (await core.handle(ask("/memory show"))).answer.text
    assert f"**Earlier in this conversation**\n{conversation.summary}" in shown
    await core.handle(ask("next"))
    turn = core.talk.turns[-1]
    assert turn.summary == conversation.summary
    assert not any(message.content.startswith("say: 0") for message in turn.history)


@pytest.mark.parametrize("taken_back", ["undo", "edit", "reset", "forget"])
async def test_what_is_taken_back_while_it_is_folded_is_in_no_summary(core: Core, taken_back: str) -> None:
    replies = [await core.handle(ask(f"say: secret {number}")) for number in range(9)]
    memory = core.stores.memory
    (conversation,) = await memory.conversations("test:ann")
    older = (await memory.recall(conversation.id, 1)).older
    assert [exchange.turn_id for exchange in older] == [reply.turn_id for reply in replies[:8]]
    match taken_back:  # while the model writes
        case "undo":
            await core.handle(press(replies[3].turn_id, "undo"))
        case "edit":
            await core.handle(press(replies[3].turn_id, "edit", "something else"))
        case "reset":
            await core.handle(ask("/reset"))
        case "forget":
            await memory.forget_user("test:ann")
    assert not await memory.fold(conversation.id, "secret 0 to 7", "", older)
    assert [one.summary for one in await memory.conversations("test:ann")] == [""] * (taken_back != "forget")


async def test_a_summary_is_kept_once(core: Core) -> None:
    for number in range(9):
        await core.handle(ask(f"say: {number}"))
    (conversation,) = await core.stores.memory.conversations("test:ann")
    older = (await core.stores.memory.recall(conversation.id, 1)).older
    assert await core.stores.memory.fold(conversation.id, "0 to 7", "", older)
    assert not await core.stores.memory.fold(conversation.id, "by another host", "", older)
    found = await core.stores.memory.get(conversation.id)
    assert found is not None
    assert (found.summary, found.summarised) == ("0 to 7", older[-1].number)


async def folded(core: Core) -> Conversation:
    """The conversation once it has a summary."""

    async def look() -> Conversation | None:
        (conversation,) = await core.stores.memory.conversations("test:ann")
        return conversation if conversation.summary else None

    return await until(look)


async def test_reset_leaves_turns_and_summary_behind_and_keeps_facts(core: Core) -> None:
    await core.handle(ask("/remember I like tea"))
    await core.handle(ask("say: one"))
    assert (await core.handle(ask("/reset"))).answer.text.startswith("We start afresh.")
    await core.handle(ask("say: two"))
    assert core.talk.turns[-1].history == ()
    assert core.talk.turns[-1].facts == ("I like tea",)


async def test_facts_stay_in_their_channel_and_with_their_person(core: Core) -> None:
    await core.handle(ask("/remember I like tea"))
    await core.handle(ask("/remember i LIKE tea"))
    for request in (ask("a"), ask("a", thread="t"), ask("a", channel="d"), ask("a", user="bob")):
        await core.handle(request)
    assert [turn.facts for turn in core.talk.turns] == [("I like tea",), ("I like tea",), (), ()]


async def test_forget_a_fact_here_and_everything(core: Core) -> None:
    await core.handle(ask("/remember I like tea"))
    await core.handle(ask("/remember I have 100% time"))
    assert (await core.handle(ask("/memory forget 0% t"))).answer.text == "Forgotten: 1 fact with “0% t”."
    missing = await core.handle(ask("/memory forget coffee"))
    assert missing.answer.notes == ("I remember no fact with “coffee” here; `/memory show` lists what I know.",)
    await core.handle(ask("say: one"))
    await core.handle(ask("say: other", channel="d"))
    assert (await core.handle(ask("/memory forget here"))).answer.text.startswith("This conversation is deleted")
    assert len(await core.stores.turns.of_user("test:ann")) == 1
    turn = (await core.handle(ask("say: rated"))).turn_id
    await core.stores.feedback.rate(turn, "test:bob", "up")
    await core.handle(ask("/memory forget everything"))
    assert await core.stores.turns.of_user("test:ann") == []
    assert await core.stores.memory.all_facts("test:ann") == []
    assert await core.stores.feedback.of_turn(turn) == []


async def test_export_holds_everything(core: Core) -> None:
    await core.handle(ask("/remember I like tea"))
    await core.handle(ask("say: one"))
    (file,) = (await core.handle(ask("/memory export"))).answer.files
    exported = json.loads(file.content)
    assert exported["facts"][0]["text"] == "I like tea"
    assert exported["turns"][0]["answer"] == "one"


async def test_old_turns_are_swept(make_core) -> None:
    core = await make_core(memory_days=30)
    turn = (await core.handle(ask("say: one"))).turn_id
    await core.chatbot.sweep()
    assert await core.stores.turns.get(turn) is not None
    await core.stores.turns.finish(turn, created=now() - timedelta(days=31))
    await core.chatbot.sweep()
    assert await core.stores.turns.get(turn) is None
    assert await core.stores.memory.find("test:ann", Place("test", channel="c")) is None


async def test_imported_rows_have_days_of_their_own(make_core) -> None:
    core = await make_core(memory_days=30, import_days=90)
    turn = (await core.handle(ask("say: one"))).turn_id
    for days, kept in ((31, True), (91, False)):
        await core.stores.turns.finish(turn, platform="import", created=now() - timedelta(days=days))
        await core.chatbot.sweep()
        assert (await core.stores.turns.get(turn) is not None) is kept


async def test_conversations_are_listed_renamed_and_deleted(core: Core, database: Database) -> None:
    await core.handle(ask("say: one"))
    await core.handle(ask("say: two", thread="t"))
    listed = await core.stores.memory.conversations("test:ann")
    assert [(row.title, row.place.thread) for row in listed] == [("say: two", "t"), ("say: one", "")]
    await core.stores.memory.rename(listed[0].id, "Two\nlines")
    assert (await core.stores.memory.conversations("test:ann"))[0].title == "Two lines"
    await core.stores.memory.delete(listed[0].id)
    assert len(await core.stores.memory.conversations("test:ann")) == 1


async def test_a_command_without_words_is_listed_by_its_name(core: Core) -> None:
    turn = (await core.handle(ask("say: 1"))).turn_id
    await core.stores.turns.finish(turn, question="", scenario="tutor", options={"mode": "quiz"})
    shown = await core.handle(ask("/memory"))
    assert shown.answer.text.endswith(": /tutor quiz")


async def test_an_unknown_action_is_said_so(core: Core) -> None:
    refused = await core.handle(ask("/memory frobnicate"))
    assert refused.answer.broken
    assert refused.answer.notes[0].startswith(
        "/memory does not know “frobnicate”; it can be: show, forget, export, off"
    )
