"""Stories in place: several players in a thread, in turns and by vote, with dice, over real sockets."""

from __future__ import annotations

import re

from simcord.backend.models import Message, Overwrite
from simcord.enums import OverwriteType

from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.people import labels, restrict_to_adults, text_of
from tests.adapters.discord.test_controls import newest, told
from tests.adapters.discord.test_places import CREATE_THREADS, setting


async def begun(stage: Stage, rule: str) -> int:
    """A story has begun; its thread."""
    world, peer = stage.world, stage.peer
    world.ann.slash(world.general, "story", theme="say: A lamp went out.", party=rule)
    first = await peer.until(lambda: newest(peer, world.general, "A lamp went out."))
    thread: int = first.id
    head = await peer.until(lambda: newest(peer, thread, "Whoever writes here takes part"), words="the rules")
    assert peer.backend.get_channel(thread).name == "Story: say: A lamp went out."
    assert "Export" in labels(head)
    return thread


def parts(stage: Stage, thread: int) -> list[str]:
    return [text_of(message) for message in stage.peer.answers(thread)]


async def test_players_take_turns_in_a_thread_and_dice_fall_by_code(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    thread = await begun(stage, "turns")
    world.ann.say(thread, "say: Ann lights a match, d20")
    part = await peer.until(lambda: newest(peer, thread, "Ann lights a match"))
    shown = re.match(r"🎲 d20: \*\*(\d+)\*\*\n", text_of(part))
    assert shown is not None
    assert 1 <= int(shown[1]) <= 20
    assert "The dice say that" in stage.script.asked[-1]
    assert labels(part)[:3] == ["Go on", "Roll d20", "Pass over"]
    world.ben.say(thread, "say: Ben opens the door.")
    await peer.until(lambda: newest(peer, thread, "It is ann’s turn, ben. I keep your words for yours."))
    world.ann.say(thread, "say: Ann waits.")
    part = await peer.until(lambda: newest(peer, thread, "ben is next. They said: “say: Ben opens the door.”"))
    refused = world.ann.press(part, "Go on")
    assert (await peer.until(lambda: told(peer, refused, "ben’s turn"))).is_ephemeral
    world.ben.press(part, "Go on")
    part = await peer.until(lambda: newest(peer, thread, "ann is next."))
    assert text_of(part).startswith("Ben opens the door.")
    record = world.ben.press(part, "Export")
    said = await peer.until(lambda: told(peer, record, "Your story as a file: 4 parts."))
    assert said.is_ephemeral


async def test_players_vote_on_what_happens_next(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    thread = await begun(stage, "vote")
    world.ben.say(thread, "say: They climb the tower.")
    ballot = await peer.until(lambda: newest(peer, thread, "1. say: They climb the tower. (ben)"))
    world.ann.say(thread, "say: They swim.")

    def both() -> Message | None:
        return newest(peer, thread, "2. say: They climb the tower. (ben)")

    ballot = await peer.until(both)
    assert labels(ballot) == ["1. say: They swim.", "2. say: They climb the tower.", "Count the votes"]
    record = world.ann.press(ballot, "2. say: They climb the tower.")
    assert (await peer.until(lambda: told(peer, record, "1 of 2 have not voted yet"))).is_ephemeral
    refused = world.ben.press(ballot, "Count the votes")
    await peer.until(lambda: told(peer, refused, "everybody else after five minutes"))
    world.ben.press(ballot, "2. say: They climb the tower.")
    await peer.until(lambda: newest(peer, thread, "They climb the tower.\n"), words="the story goes on")
    late = world.ann.press(ballot, "1. say: They swim.")
    await peer.until(lambda: told(peer, late, "That vote is over"))


async def test_a_story_for_several_needs_its_thread(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    role = next(r for r in peer.backend.get_guild(world.guild).roles.values() if r.managed)
    peer.backend.set_overwrite(world.general, Overwrite(role.id, OverwriteType.ROLE, deny=CREATE_THREADS))
    world.ann.slash(world.general, "story", theme="say: A lamp went out.", party="turns")
    await peer.until(lambda: [m for m in peer.answers(world.general) if "I could not open a thread here" in text_of(m)])
    (row,) = await stage.stores.turns.of_user(f"discord:{world.ann.id}")
    assert await stage.stores.parties.get(row.id) is None


async def test_a_story_for_adults_is_told_where_only_adults_read_along(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    record = world.ann.slash(world.general, "story", theme="say: An erotic night began.")
    said = await peer.until(lambda: told(peer, record, "this channel is open to all ages"))
    assert said.is_ephemeral
    assert labels(said) == []
    adults = peer.backend.create_channel(world.guild, "late").id
    restrict_to_adults(peer, adults)
    world.ann.slash(adults, "story", theme="say: An erotic night began.")
    await peer.until(lambda: newest(peer, adults, "An erotic night began."))
    record = world.ann.slash(adults, "story", theme="something erotic with a child")
    await peer.until(lambda: told(peer, record, "not tell stories of that kind, anywhere"))


async def test_what_a_server_leaves_out_is_left_out(real_stage: Stage) -> None:
    stage = real_stage
    world, peer = stage.world, stage.peer
    await setting(stage, world.general, "lines", "spider, needles")
    record = world.ann.slash(world.general, "story", theme="a house full of Spiders")
    await peer.until(lambda: told(peer, record, "leaves “spider” out"))
    stage.script.texts["Write a short story about a cellar."] = "It was dark. A spider came down. She went up again."
    world.ann.slash(world.general, "story", theme="a cellar")
    part = await peer.until(lambda: newest(peer, world.general, "It was dark."))
    assert "She went up again." in text_of(part)
    assert "spider" not in text_of(part)


async def test_a_moderator_may_stop_a_story(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    world.ann.say(world.general, f"<@{peer.backend.bot_user.id}> hold say: one two three")
    running = await peer.until(
        lambda: next((m for m in peer.answers(world.general) if labels(m) == ["Stop"]), None), words="it runs"
    )
    refused = world.ben.press(running, "Stop")
    await peer.until(lambda: told(peer, refused, "Only the person who asked"))
    world.moderator.press(running, "Stop")
    await peer.until(lambda: newest(peer, world.general, "Stopped."))
