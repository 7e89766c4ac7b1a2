"""Places: what admins set counts at once, is on record, and costs a turn nothing."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.errors import UserError
from bot.place_settings import ChannelSettings, Mode, ServerSettings
from bot.places import Places
from bot.privacy import purge_server
from bot.request import Author, Place, Press, Request
from bot.turns import new_id
from tests.core.conftest import Core

HERE = Place("test", "guild", "general")
ADMIN = Author("1", "Ada", admin=True)
MEMBER = Author("2", "Mo", roles=frozenset({"7"}))


def asked(text: str = "", *, author: Author = MEMBER, place: Place = HERE, **more: object) -> Request:
    return dataclasses.replace(Request(new_id(), place, author, text), **more)  # type: ignore[arg-type]


@pytest.fixture
def places(database: Database) -> Places:
    return Places(database)


async def test_settings_are_kept_and_read_back(database: Database, places: Places) -> None:
    assert await places.server("test", "guild") == ServerSettings()
    assert await places.channel(HERE) == ChannelSettings()
    for setting, value in {
        "scenarios_off": "/story, write",
        "persona": "You are Ferris,\n a crab.",
        "language": "French",
        "moderators_channel": "<#99>",
        "moderator_roles": ["<@&7>", "8"],
        "moderators": "<@3> <@!4> <@U5|bob>",
        "quota": "5/day",
        "quotas": {"7": "50/day", "2": "off"},
        "training": "yes",
        "mode": "threads",
        "scenario": "support",
    }.items():
        await places.change(HERE, ADMIN, setting, value)
    for read in (places, Places(database)):
        assert await read.server("test", "guild") == ServerSettings(
            scenarios_off=frozenset({"story", "write"}), persona="You are Ferris, a crab.", language="fr",
            moderators_channel="99", moderator_roles=frozenset({"7", "8"}), moderators=frozenset({"3", "4", "U5"}),
            quota="5/day", quotas={"2": "off", "7": "50/day"}, training=True,
        )  # fmt: skip
        in_thread = dataclasses.replace(HERE, thread="t")
        assert await read.channel(in_thread) == ChannelSettings(Mode.THREADS, "support")
        assert await read.channel(Place("test", "guild", "other")) == ChannelSettings()
        assert await read.server("other", "guild") == ServerSettings()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("colour", "red", "There is no setting “colour”; there are scenarios_off, persona, "),
        ("scenarios_off", "help", "“help” cannot be turned off; it can be one of chat, "),
        ("persona", "x" * 601, "A persona has at most 600 characters; this one has 601."),
        ("persona", True, "That setting takes one text."),
        ("language", "Klingonese", "I know no language “Klingonese”."),
        ("moderators_channel", "#a b", "“#a b” is no id; mention who or what you mean, or paste its id."),
        ("moderators", [str(number) for number in range(51)], "At most 50 can be named here; these are 51."),
        ("quota", "many", 'A quota reads like "30/hour", "200/day" or "off", not "many".'),
        ("quotas", "5/day", "Quotas are given by id, each one like 30/hour, 200/day or off."),
        ("training", "perhaps", "A switch is yes or no, not “perhaps”."),
        ("mode", "loud", "A channel's mode is one of off, mention, every, threads, not “loud”."),
        ("scenario", "story", "Plain words are answered by chat or support, not by “story”."),
    ],
)
async def test_a_wrong_value_is_one_sentence_and_changes_nothing(
    database: Database, setting: str, value: str, words: str
) -> None:
    places = Places(database)
    with pytest.raises(UserError) as caught:
        await places.change(HERE, ADMIN, setting, value)
    assert caught.value.words.startswith(words)
    assert await places.audit("test", "guild") == []


async def test_only_admins_of_a_server_change_it(sqlite: Database) -> None:
    places = Places(sqlite)
    with pytest.raises(UserError, match="Only people who manage this server"):
        await places.change(HERE, MEMBER, "persona", "mine")
    with pytest.raises(UserError, match="There is no server here"):
        await places.change(Place("web"), ADMIN, "persona", "mine")
    with pytest.raises(UserError, match="Name the channel"):
        await places.change(Place("test", "guild"), ADMIN, "mode", "off")


async def test_every_change_is_on_record(places: Places) -> None:
    await places.change(HERE, ADMIN, "persona", "One.")
    await places.change(HERE, ADMIN, "persona", "One.")  # no change
    await places.change(HERE, ADMIN, "persona", "Two.")
    await places.change(HERE, ADMIN, "mode", "every")
    await places.change(HERE, ADMIN, "persona", "")
    told = [
        (one.channel, one.user, one.name, one.setting, one.before, one.after)
        for one in await places.audit("test", "guild")
    ]
    assert told == [
        ("", "test:1", "Ada", "persona", "Two.", None),
        ("general", "test:1", "Ada", "mode", None, "every"),
        ("", "test:1", "Ada", "persona", "One.", "Two."),
        ("", "test:1", "Ada", "persona", None, "One."),
    ]
    assert await places.server("test", "guild") == ServerSettings()


async def test_another_hosts_change_is_seen_once_what_was_read_is_old(database: Database) -> None:
    mine, eager, other = Places(database), Places(database, max_age=0.0), Places(database)
    for places in (mine, eager):
        await places.server("test", "guild")
    await other.change(HERE, ADMIN, "persona", "New.")
    assert (await eager.server("test", "guild")).persona == "New."
    assert (await mine.server("test", "guild")).persona == ""


async def test_what_was_read_is_read_once(sqlite: Database) -> None:
    statements: list[str] = []
    for engine in (sqlite.engine, sqlite._alone):
        sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    places = Places(sqlite)
    for _ in range(20):
        await places.server("test", "guild")
        await places.channel(HERE)
    assert len(statements) == 1
    await places.server("web", "")
    await places.channel(Place("web"))
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("mode", "heard"),
    [("off", ""), ("mention", "named+thread named+post named"), ("every", "named+thread named+post named post"),
     ("threads", "named+thread")],
)  # fmt: skip
def test_which_messages_a_channel_hears(mode: str, heard: str) -> None:
    kinds = {
        "named+thread": {"named": True, "in_thread": True},
        "named+post": {"named": True, "new_post": True},
        "named": {"named": True},
        "post": {"named": False, "new_post": True},
        "thread": {"named": False, "in_thread": True},
    }
    settings = ChannelSettings(Mode(mode))
    assert " ".join(kind for kind, how in kinds.items() if settings.hears(**how)) == heard


async def test_who_is_a_moderator(sqlite: Database) -> None:
    places = Places(sqlite)
    with pytest.raises(UserError, match="Only this server's moderators"):
        await places.moderator(HERE, MEMBER)
    assert (await places.moderator(HERE, ADMIN)).user == "test:1"
    await places.change(HERE, ADMIN, "moderator_roles", "7")
    assert (await places.moderator(HERE, MEMBER)).covers("test", "guild")
    with pytest.raises(UserError):
        await places.moderator(Place("test", "elsewhere"), MEMBER)


async def test_a_scenario_that_is_off_answers_one_sentence(core: Core) -> None:
    await core.stores.places.change(HERE, ADMIN, "scenarios_off", "story")
    reply = await core.handle(asked("say: plain talk goes on"))
    assert reply.answer.text == "plain talk goes on"
    await core.stores.places.change(HERE, ADMIN, "scenarios_off", "chat")
    off = await core.handle(asked("say: one"))
    assert off.failures == ["/chat is switched off on this server; its admins can switch it on again."]
    assert (await core.handle(asked("/memory show"))).answer.text.startswith("**Questions I still know**")
    retried = await core.handle(asked(press=Press(reply.turn_id, "retry")))
    assert retried.failures == off.failures
    assert (await core.handle(asked("say: two", place=Place("test", "elsewhere", "general")))).answer.text == "two"


async def test_a_channel_that_is_off_answers_one_sentence(core: Core) -> None:
    await core.stores.places.change(HERE, ADMIN, "mode", "off")
    assert (await core.handle(asked("say: one"))).failures == [
        "I am switched off in this channel; the server's admins can switch me on again."
    ]
    assert (await core.handle(asked("/help"))).answer.text.startswith("Talk to me")


async def test_a_channels_scenario_answers_plain_words(core: Core) -> None:
    await core.stores.places.change(HERE, ADMIN, "scenario", "support")
    core.chatbot._router._scenarios["support"] = core.chatbot._router._scenarios["twice"]
    reply = await core.handle(asked("hello"))
    assert reply.answer.text == "hello | and hello"
    assert (await core.handle(asked("/chat say: one"))).answer.text == "one"


async def test_a_servers_quota_counts_instead_of_the_hosts(make_core) -> None:
    core = await make_core(quota="1/day")
    await core.stores.places.change(HERE, ADMIN, "quota", "2/day")
    await core.stores.places.change(HERE, ADMIN, "quotas", {"7": "3/day", "9": "off"})
    notes = [(await core.handle(asked("say: 1"))).answer.notes[0][:6] for _ in range(4)]
    assert notes == ["2 left", "1 left", "0 left", "You ha"]
    free = Author("9", "Free")
    assert [(await core.handle(asked("say: 1", author=free))).answer.notes for _ in range(4)] == [()] * 4
    other = Author("5", "Other")
    notes = [(await core.handle(asked("say: 1", author=other))).answer.notes[0][:6] for _ in range(3)]
    assert notes == ["1 left", "0 left", "You ha"]


async def test_a_turn_costs_no_more_statements_on_a_server(core: Core) -> None:
    statements: list[str] = []
    database = core.stores.database
    for engine in (database.engine, database._alone):
        sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    async def count(place: Place) -> int:
        await core.handle(asked("say: one", place=place))
        statements.clear()
        await core.handle(asked("say: two", place=place))
        return len(statements)

    await core.stores.places.change(HERE, ADMIN, "persona", "You are a crab.")
    assert await count(HERE) == await count(Place("test", "", "dm"))


async def test_a_server_the_bot_left_is_forgotten_whole(core: Core) -> None:
    elsewhere = Place("test", "other", "general")
    await core.stores.places.change(HERE, ADMIN, "persona", "You are a crab.")
    for place in (HERE, elsewhere):
        await core.handle(asked("/remember I like tea", place=place))
        await core.handle(asked("say: one", place=place))
    assert await purge_server(core.stores, "test", "guild") == 1
    assert [row.server for row in await core.stores.turns.of_user("test:2")] == ["other"]
    assert len(await core.stores.memory.all_facts("test:2")) == 1
    assert await core.stores.memory.find("test:2", HERE) is None
    assert await core.stores.places.audit("test", "guild") == []
    assert await core.stores.places.server("test", "guild") == ServerSettings()
