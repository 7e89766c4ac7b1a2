"""Talk on Discord: commands, mentions, replies, direct messages, each over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from simcord.backend.models import Message

from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import World, labels, text_of


def answer(stage: Stage, channel: int, wanted: str, number: int = -1) -> Message | None:
    """The bot's newest message in a channel once it says `wanted` and is finished."""
    found = stage.peer.answers(channel)
    if not found or wanted not in text_of(found[number]) or "Stop" in labels(found[number]):
        return None
    return found[number]


async def test_a_slash_command_is_answered_with_controls(stage: Stage) -> None:
    world = stage.world
    record = world.ann.slash(world.general, "translate", text="good morning", to="French")
    said = await stage.peer.until(lambda: answer(stage, world.general, "[French] good morning"))
    assert record.responded
    assert not said.is_ephemeral
    assert labels(said) == ["Retry", "👍", "👎", "Flag", "Why"]
    assert said.flags & (1 << 15), "components v2 from the first send"


async def test_buttons_speak_the_askers_language(stage: Stage) -> None:
    world = stage.world
    world.ann.locale = "de"
    world.ann.slash(world.general, "translate", text="good morning", to="French")
    said = await stage.peer.until(lambda: answer(stage, world.general, "[French] good morning"))
    assert labels(said) == ["Nochmal", "👍", "👎", "Melden", "Warum"]


async def test_a_mention_is_answered_under_the_question(stage: Stage) -> None:
    world = stage.world
    asked = world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}> say: hello there")
    said = await stage.peer.until(lambda: answer(stage, world.general, "hello there"))
    assert said.reference is not None
    assert said.reference["message_id"] == str(asked.id)
    assert stage.script.asked == ["say: hello there"]
    assert not said.ping_user_ids


async def test_words_that_are_not_for_the_bot_are_left_alone(stage: Stage) -> None:
    world = stage.world
    world.ann.say(world.general, "say: nothing of this")
    world.ann.say(world.general, f"<@{world.ben.id}> say: nor this")
    asked = world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}> say: only this")
    await stage.peer.until(lambda: answer(stage, world.general, "only this"))
    assert stage.script.asked == ["say: only this"]
    assert len(stage.peer.answers(world.general)) == 1
    assert asked.id


async def test_a_direct_message_needs_no_mention(stage: Stage) -> None:
    ann = stage.world.ann
    ann.guild = 0
    ann.say(ann.dm, "say: just us")
    await stage.peer.until(lambda: answer(stage, ann.dm, "just us"))


async def test_two_messages_in_a_row_are_one_question(stage: Stage) -> None:
    world = stage.world
    me = f"<@{stage.peer.backend.bot_user.id}>"
    world.ann.say(world.general, f"{me} say: first")
    world.ann.say(world.general, f"{me} and second")
    world.ben.say(world.general, f"{me} say: from ben")
    await stage.peer.until(lambda: len(stage.script.asked) == 2)
    assert sorted(stage.script.asked) == ["say: first\nand second", "say: from ben"]


async def test_a_reply_to_the_bot_goes_on_and_a_strangers_brings_the_answer_along(stage: Stage) -> None:
    world = stage.world
    world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}> say: the first answer")
    said = await stage.peer.until(lambda: answer(stage, world.general, "the first answer"))
    world.ann.say(world.general, "say: and then", to=said)
    await stage.peer.until(lambda: answer(stage, world.general, "and then"))
    quoted = stage.requests[-1].quotes
    assert quoted == (), "it is in her own conversation already"
    world.ben.say(world.general, "say: what about me", to=said)
    await stage.peer.until(lambda: answer(stage, world.general, "what about me"))
    assert [(quote.text, quote.trusted) for quote in stage.requests[-1].quotes] == [("the first answer", True)]


async def test_a_mention_under_somebodys_message_is_about_it(stage: Stage) -> None:
    world = stage.world
    posted = world.ben.say(world.general, "The pool opens at six.")
    world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}> say: about that", to=posted)
    await stage.peer.until(lambda: answer(stage, world.general, "about that"))
    assert [(quote.name, quote.text, quote.trusted) for quote in stage.requests[-1].quotes] == [
        ("ben", "The pool opens at six.", False)
    ]


async def test_typing_is_shown_while_nothing_is_said_and_ends(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    stage.script.texts["slowly"] = "At last."
    stage.script.delay = 0.5
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> slowly")
    await peer.until(lambda: answer(stage, world.general, "At last."))
    order = [call.path.rpartition("/")[2] for call in peer.calls if call.method == "POST" and "channels" in call.path]
    assert order == ["typing", "messages"]


async def test_who_waits_is_told_their_place(
    peer: Peer, harbour: World, stage_with: Callable[..., AbstractAsyncContextManager[Stage]]
) -> None:
    async with stage_with(engine_slots=1):
        harbour.ann.say(harbour.general, f"<@{peer.backend.bot_user.id}> hold say: one two")
        running = await peer.until(
            lambda: next((m for m in peer.answers(harbour.general) if text_of(m) == "one two"), None)
        )
        record = harbour.ben.slash(harbour.support, "translate", text="hello", to="French")
        waiting = await peer.until(lambda: next(iter(peer.answers(harbour.support)), None))
        await peer.until(lambda: text_of(waiting).startswith("-# "), words="the place in line")
        assert record.responded
        assert "Stop" in labels(waiting)
        harbour.ann.press(running, "Stop")
        await peer.until(lambda: text_of(waiting) == "[French] hello")


async def test_shortcuts_typed_behind_a_mention_work(stage: Stage) -> None:
    world = stage.world
    world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}> !translate hello to:French")
    await stage.peer.until(lambda: answer(stage, world.general, "[French] hello"))
    world.ann.say(world.general, f"<@{stage.peer.backend.bot_user.id}>")
    await stage.peer.until(lambda: answer(stage, world.general, "Type **/** to see every command."))
