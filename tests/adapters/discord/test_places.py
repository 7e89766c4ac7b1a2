"""What a server's admins set: the /setup panel, support channels, threads, forum posts, leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import sqlalchemy as sa
from simcord.backend.models import Interaction, Message, Overwrite
from simcord.enums import ChannelType, OverwriteType

from adapters.discord.channels import SERVERS_ONLY
from bot.messengers import Messenger, Notice
from bot.privacy import purge_left
from bot.request import Author, MessageRef, Place
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World, labels, text_of
from tests.adapters.discord.test_controls import asked, newest, told
from tests.waiting import until

CREATE_THREADS = 1 << 35


async def setting(stage: Stage, channel: int, name: str, value: str) -> None:
    """An admin has set something."""
    place = Place("discord", str(stage.world.guild), str(channel))
    await stage.stores.places.change(place, Author(str(stage.world.moderator.id), "mo", admin=True), name, value)


async def panel(stage: Stage) -> Message:
    record = stage.world.moderator.slash(stage.world.support, "setup")
    shown: Message = await stage.peer.until(lambda: told(stage.peer, record, "Parley on this server"))
    assert shown.is_ephemeral
    return shown


def refusal(stage: Stage, record: Interaction) -> str | None:
    """What a press on the panel was refused with."""
    found = [m for m in stage.peer.answers(record.channel_id) if m.id == record.message_id and m.is_ephemeral]
    return text_of(found[0]) or found[0].content if found else None


async def test_the_panel_sets_and_tells(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    desk = peer.backend.create_channel(world.guild, "desk").id
    shown = await panel(stage)
    world.moderator.choose(shown, "parley-setup:scenarios_off", ["story"])
    await peer.until(lambda: "**Switched off** /story" in text_of(shown))
    world.moderator.choose(shown, "parley-setup:mode", ["every"])
    await peer.until(lambda: "answer every new question" in text_of(shown))
    world.moderator.choose(shown, "parley-setup:scenario", ["support"])
    await peer.until(lambda: "support questions" in text_of(shown))
    world.moderator.choose(shown, "parley-setup:moderators_channel", [str(desk)], kind=8)
    await peer.until(lambda: f"their channel: <#{desk}>" in text_of(shown))
    form = world.moderator.press(shown, "Persona, language, quota")
    await peer.until(lambda: form.modal)
    world.moderator.submit(form, persona="You are a pirate.", language="French", quota="30/hour")
    await peer.until(lambda: "You are a pirate." in text_of(shown))
    world.moderator.press(shown, "Training on")
    await peer.until(lambda: "Training off" in labels(shown))
    assert "mo: training" in text_of(shown), "the audit stands below"
    record = world.ann.slash(world.general, "story", theme="rain")
    await peer.until(lambda: told(peer, record, "/story is switched off on this server"))


async def test_a_channel_has_a_persona_of_its_own_or_the_servers(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    await setting(stage, world.support, "persona", "You are a pirate.")
    shown = await panel(stage)
    form = world.moderator.press(shown, "Persona of this channel")
    await peer.until(lambda: form.modal)
    world.moderator.submit(form, channel_persona="You are a librarian.", channel_language="German")
    await peer.until(lambda: "persona You are a librarian.; language de" in text_of(shown))
    me = f"<@{peer.backend.bot_user.id}>"

    async def system(channel: int, words: str) -> str:
        """What the model was told of itself before it read some words."""
        world.ann.say(channel, f"{me} say: {words}")
        await peer.until(lambda: newest(peer, channel, words), words=words)
        (row,) = [one for one in await stage.stores.turns.of_user(f"discord:{world.ann.id}") if words in one.question]
        return str(row.prompt[0][0]["content"])

    here = await system(world.support, "shelves")
    assert here.startswith("You are a librarian.")
    assert "German" in here
    elsewhere = await system(world.general, "sails")
    assert elsewhere.startswith("You are a pirate.")
    assert "German" not in elsewhere
    form = world.moderator.press(shown, "Persona of this channel")
    await peer.until(lambda: form.modal)
    world.moderator.submit(form, channel_persona="", channel_language="")
    await peer.until(lambda: "librarian" not in text_of(shown).partition("-#")[0])
    assert (await system(world.support, "ropes")).startswith("You are a pirate.")


async def test_an_edited_question_is_asked_anew_with_the_askers_roles(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    role = next(one.id for one in peer.backend.get_guild(world.guild).roles.values() if one.name == "moderators")
    await setting(stage, world.general, "only_roles", str(role))
    me = f"<@{peer.backend.bot_user.id}>"
    question = world.moderator.say(world.general, f"{me} say: helo")
    answer = await peer.until(lambda: newest(peer, world.general, "helo"))
    world.moderator.edit(question, f"{me} say: hello")
    await peer.until(lambda: "Answer the edited question" in labels(answer))
    world.moderator.press(answer, "Answer the edited question")
    await peer.until(lambda: text_of(answer) == "hello" and "Retry" in labels(answer))


async def test_a_quota_is_given_back_on_the_panel_and_noted(
    peer: Peer, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_with(quota="1/day") as stage:
        world = stage.world
        await asked(stage, "say: one")
        world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: two")
        await peer.until(lambda: newest(peer, world.general, "You have had your 1 answers of this day"))
        shown = await panel(stage)
        world.moderator.choose(shown, "parley-setup:quota_back", [str(world.ann.id)], kind=5)
        await peer.until(lambda: f"mo: quota given back to → <@{world.ann.id}>" in text_of(shown))
        await asked(stage, "say: three")
        await peer.until(lambda: newest(peer, world.general, "three"))


async def test_a_dead_set_up_is_not_saved(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    backend = peer.backend
    desk = backend.create_channel(world.guild, "desk").id
    role = next(r for r in backend.get_guild(world.guild).roles.values() if r.managed)
    backend.set_overwrite(desk, Overwrite(role.id, OverwriteType.ROLE, deny=1 << 11))
    backend.set_overwrite(world.support, Overwrite(role.id, OverwriteType.ROLE, deny=CREATE_THREADS))
    shown = await panel(stage)
    record = world.moderator.choose(shown, "parley-setup:moderators_channel", [str(desk)], kind=8)
    words = await peer.until(lambda: refusal(stage, record))
    assert words.startswith(f"I lack these permissions in <#{desk}>: Send Messages")
    assert words.endswith("Nothing was changed.")
    record = world.moderator.choose(shown, "parley-setup:mode", ["every"])
    words = await peer.until(lambda: refusal(stage, record))
    assert "Create Public Threads" in words
    server = await stage.stores.places.server("discord", str(world.guild))
    assert server.moderators_channel == ""


async def test_others_change_nothing(stage: Stage) -> None:
    record = stage.world.ann.slash(stage.world.general, "setup")
    said = await stage.peer.until(lambda: refusal(stage, record))
    assert said == "Only people who manage this server can change its settings."


async def test_a_support_channel_answers_each_question_in_a_thread(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await setting(stage, world.support, "mode", "every")
    await setting(stage, world.support, "scenario", "support")
    question = world.ann.say(world.support, "How do I **install** it?")
    said = await peer.until(lambda: newest(peer, question.id, "make run"), words="an answer in the thread")
    assert peer.backend.get_channel(question.id).name == "How do I install it?"
    assert newest(peer, world.support) is None
    assert "[1] Installing" in text_of(said)
    world.ann.say(question.id, "and how do I start it?")
    await peer.until(lambda: len(peer.answers(question.id)) == 2, words="a follow-up without a mention")
    world.ben.say(question.id, f"<@{world.ann.id}> let us see")
    world.ben.say(world.general, "not a question for the bot")
    world.ann.say(question.id, "thanks, and then?")
    await peer.until(lambda: len(peer.answers(question.id)) == 3)
    assert peer.answers(world.general) == []


async def test_where_no_thread_may_be_made_the_answer_comes_below(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await setting(stage, world.support, "mode", "every")
    role = next(r for r in peer.backend.get_guild(world.guild).roles.values() if r.managed)
    peer.backend.set_overwrite(world.support, Overwrite(role.id, OverwriteType.ROLE, deny=CREATE_THREADS))
    question = world.ann.say(world.support, "say: here")
    said = await peer.until(lambda: newest(peer, world.support, "here"))
    assert said.reference is not None
    assert said.reference["message_id"] == str(question.id)


async def test_a_forum_post_is_answered_in_it(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    backend = peer.backend
    await setting(stage, world.forum, "mode", "every")
    post = backend.create_thread(
        world.forum, "Broken", world.ann.id, type=ChannelType.PUBLIC_THREAD, message_id=backend.snowflake(),
        broadcast=False,
    )  # fmt: skip
    backend.announce_thread_create(post)
    starter = backend.prepare_message(post.id, world.ann.id, "say: look here")
    starter.id = post.id
    backend.commit_message(starter)
    await peer.until(lambda: newest(peer, post.id, "look here"))
    world.ann.say(post.id, "say: and here")
    await peer.until(lambda: newest(peer, post.id, "and here"))
    world.ben.say(post.id, "say: between us")
    world.ann.say(post.id, "say: last")
    await peer.until(lambda: newest(peer, post.id, "last"))
    assert "say: between us" not in stage.script.asked


async def test_a_silent_channel_is_silent(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await setting(stage, world.support, "mode", "off")
    world.ann.say(world.support, f"<@{peer.backend.bot_user.id}> say: no")
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: yes")
    await peer.until(lambda: newest(peer, world.general, "yes"))
    assert peer.answers(world.support) == []


async def test_whom_the_admins_shut_out_gets_no_answer(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    me = f"<@{peer.backend.bot_user.id}>"
    await setting(stage, world.general, "shut_out", f"<@{world.ben.id}>")
    world.ben.say(world.general, f"{me} say: let me in")
    record = world.ben.slash(world.general, "translate", text="hello", to="French")
    said = await peer.until(lambda: told(peer, record, "I am not open to everybody"))
    assert said.is_ephemeral
    world.ann.say(world.general, f"{me} say: I may")
    await peer.until(lambda: newest(peer, world.general, "I may"))
    await setting(stage, world.general, "shut_out", "")
    await setting(stage, world.general, "only_roles", "moderators")
    record = world.ann.slash(world.general, "translate", text="hello", to="French")
    await peer.until(lambda: told(peer, record, "I am not open to everybody"))
    help_ = world.ann.slash(world.general, "help")
    await peer.until(lambda: told(peer, help_, "every command"))
    world.moderator.say(world.general, f"{me} say: I manage it")
    await peer.until(lambda: newest(peer, world.general, "I manage it"))
    assert "say: let me in" not in stage.script.asked


async def test_a_server_is_greeted_where_it_wants_such_words(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    peer.backend.get_guild(harbour.guild).system_channel_id = harbour.general
    async with stage_with() as stage:
        await stage.ready()
        guild = stage.app.client.get_guild(harbour.guild)
        assert guild is not None
        await stage.app.on_guild_join(guild)
        (hello,) = peer.answers(harbour.general)
        assert "Mention me and ask" in text_of(hello)
        assert "**/setup**" in text_of(hello)


async def test_a_server_that_comes_back_keeps_its_own(
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:
    async with stage_with(leave_days=30) as stage:
        world, peer = stage.world, stage.peer
        me = f"<@{peer.backend.bot_user.id}>"
        world.ann.say(world.general, f"{me} say: hello")
        await peer.until(lambda: newest(peer, world.general, "hello"))
        guild = stage.app.client.get_guild(world.guild)
        assert guild is not None
        await stage.app.on_guild_remove(guild)
        await stage.chatbot.sweep()
        assert await stage.stores.turns.of_server("discord", str(world.guild)), "thirty days are not over"
        await stage.app.on_guild_join(guild)
        await purge_left(stage.stores, 0)
        assert await stage.stores.turns.of_server("discord", str(world.guild)), "it is back"
        await stage.app.on_guild_remove(guild)
        await purge_left(stage.stores, 0)
        assert not await stage.stores.turns.of_server("discord", str(world.guild))


async def test_a_server_keeps_answers_as_long_as_its_admins_say(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: hello")
    await peer.until(lambda: newest(peer, world.general, "hello"))
    await stage.chatbot.close(30)
    (row,) = await stage.stores.turns.of_user(f"discord:{world.ann.id}")
    await setting(stage, world.general, "days", "7")
    await stage.chatbot.sweep()
    assert await stage.stores.turns.get(row.id) is not None
    await stage.stores.turns.finish(row.id, created=row.created - timedelta(days=8))
    await stage.chatbot.sweep()
    assert await stage.stores.turns.get(row.id) is None


async def test_without_direct_messages_it_says_where_it_answers(
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:
    async with stage_with(discord_direct=False) as stage:
        ann, peer = stage.world.ann, stage.peer
        ann.guild = 0
        ann.say(ann.dm, "say: hello")
        await peer.until(lambda: peer.answers(ann.dm))
        ann.say(ann.dm, "say: hello?")
        record = ann.slash(ann.dm, "translate", text="good day", to="French")
        await peer.until(lambda: newest(peer, ann.dm, "[French] good day"))
        assert record.responded
        assert [message.content for message in peer.answers(ann.dm)] == [SERVERS_ONLY, ""]


async def test_leaving_a_server_forgets_it(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    await setting(stage, world.support, "mode", "off")
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> say: hello")
    await peer.until(lambda: newest(peer, world.general, "hello"))
    world.ann.guild = 0
    channel = world.ann.dm
    peer.backend.remove_guild(world.guild)
    world.ann.say(channel, "say: still here")
    await peer.until(lambda: newest(peer, channel, "still here"))

    async def only_the_direct_message() -> bool:
        return {row.server for row in await stage.stores.turns.of_user(f"discord:{world.ann.id}")} == {""}

    await until(only_the_direct_message)


async def test_an_answer_under_way_when_the_server_is_left_leaves_nothing(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    stage.script.texts["go on"] = "This is a sentence. And one more here. " * 20
    stage.script.pause = 0.3
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> go on")
    await peer.until(lambda: peer.answers(world.general), words="it runs")
    assert await stage.stores.turns.of_server("discord", str(world.guild))
    peer.backend.remove_guild(world.guild)

    async def gone() -> bool:
        return not await stage.stores.turns.of_server("discord", str(world.guild))

    await until(gone)
    await stage.chatbot.close(20)
    assert stage.script.open == 0
    tables = sa.MetaData()
    async with stage.stores.database.read() as connection:
        await connection.run_sync(tables.reflect)
        for table in tables.tables.values():
            kept = [str(tuple(row)) for row in await connection.execute(table.select())]
            assert not [row for row in kept if str(world.guild) in row or "go on" in row], table.name


async def test_without_the_intent_a_support_channel_cannot_be_set_up(
    stage_with: Callable[..., AbstractAsyncContextManager[Stage]],
) -> None:
    async with stage_with(discord_message_content=False) as stage:
        shown = await panel(stage)
        assert "Without the Message Content intent" in text_of(shown)
        record = stage.world.moderator.choose(shown, "parley-setup:mode", ["every"])
        words = await stage.peer.until(lambda: refusal(stage, record))
        assert words.startswith("Without the Message Content intent I do not see such questions.")


@dataclass
class Silent:
    """A messenger that is never done."""

    begun: asyncio.Event

    async def notify(self, notice: Notice, channel: str) -> MessageRef:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_where_a_person_was_asked_for_the_bot_is_silent_until_it_is_solved(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    desk = peer.backend.create_channel(world.guild, "desk").id
    await setting(stage, desk, "moderators_channel", str(desk))
    await setting(stage, world.support, "mode", "every")
    await setting(stage, world.support, "scenario", "support")
    question = world.ann.say(world.support, "I want to talk to a human please")
    said = await peer.until(lambda: newest(peer, question.id, "This is for a person now"), words="handed over")
    assert "I have told the moderators." in text_of(said)
    assert labels(said) == ["Solved"]
    await stage.ready()

    async def stands() -> bool:
        return all(row.message is not None for row in await stage.stores.turns.of_user(f"discord:{world.ann.id}"))

    await until(stands)
    silent = Silent(asyncio.Event())
    telling = asyncio.create_task(stage.chatbot.handoffs.tell({"discord": cast("Messenger", silent)}))
    await asyncio.wait_for(silent.begun.wait(), 30)
    telling.cancel()  # the bot ends
    await asyncio.wait([telling])
    assert await stage.chatbot.handoffs.tell(stage.messengers) == 1
    assert await stage.chatbot.handoffs.tell(stage.messengers) == 0, "nobody is told twice"
    (notice,) = peer.answers(desk)
    assert "A person is asked for" in text_of(notice)
    assert "I want to talk to a human please" in text_of(notice)
    assert f"channels/{world.guild}/{question.id}/{said.id}" in text_of(notice)
    world.ann.say(question.id, "are you there?")
    world.ann.say(question.id, f"<@{peer.backend.bot_user.id}> /help")
    await peer.until(lambda: newest(peer, question.id, "translate"), words="it answers when it is called")
    world.ann.say(question.id, "still there?")
    world.ann.say(question.id, f"<@{peer.backend.bot_user.id}> /memory")
    await peer.until(
        lambda: newest(peer, question.id, "I remember nothing"), words="what came before was looked at by then"
    )
    refused = world.ben.press(notice, "Solved")
    await peer.until(lambda: told(peer, refused, "Only this server's moderators"))
    record = world.moderator.press(notice, "Solved")
    await peer.until(lambda: told(peer, record, "marked this as solved"))
    await peer.until(lambda: "Solved, says mo" in text_of(notice))
    await peer.until(lambda: any("reactions" in call.path for call in peer.calls), words="a tick at the question")
    world.ann.say(question.id, "and one more question")
    await peer.until(lambda: newest(peer, question.id, "no documents"))
    asked = [request.text for request in stage.requests if request.press is None]
    assert asked == ["I want to talk to a human please", "/help", "/memory", "and one more question"]


async def test_a_forum_post_gets_the_servers_own_tag_when_it_is_solved(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    backend = peer.backend
    forum = backend.get_channel(world.forum)
    tag = {"id": str(backend.snowflake()), "name": "Solved", "moderated": False, "emoji_id": None, "emoji_name": None}
    backend.edit_channel(forum.id, {"available_tags": [tag]})
    await setting(stage, world.forum, "mode", "every")
    await setting(stage, world.forum, "scenario", "support")
    post = backend.create_thread(
        world.forum, "Broken", world.ann.id, type=ChannelType.PUBLIC_THREAD, message_id=backend.snowflake(),
        broadcast=False,
    )  # fmt: skip
    backend.announce_thread_create(post)
    starter = backend.prepare_message(post.id, world.ann.id, "I need a person, it broke")
    starter.id = post.id
    backend.commit_message(starter)
    said = await peer.until(lambda: newest(peer, post.id, "This is for a person now"))
    assert "No moderators' channel is set" in text_of(said)
    world.ann.press(said, "Solved")
    await peer.until(lambda: newest(peer, post.id, "marked this as solved"))
    await peer.until(
        lambda: any(c.method == "PATCH" and "applied_tags" in (c.body or {}) for c in peer.calls), words="the tag"
    )
