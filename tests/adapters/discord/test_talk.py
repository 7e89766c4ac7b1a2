"""Talk on Discord: commands, mentions, replies, direct messages, each over real sockets."""

from __future__ import annotations

from simcord.backend.models import Message

from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.people import labels, text_of


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
