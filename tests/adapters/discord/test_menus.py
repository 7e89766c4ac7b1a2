"""Message commands and the moderators' cards."""

from __future__ import annotations

from simcord.backend.models import Interaction, Message

from bot.request import Author, Place
from tests.adapters.discord.conftest import Stage
from tests.adapters.discord.people import labels, text_of
from tests.adapters.discord.test_controls import asked, newest, told


def author(stage: Stage) -> Author:
    return Author(str(stage.world.moderator.id), "mo", admin=True)


async def private(stage: Stage, record: Interaction, wanted: str) -> Message:
    """What only the clicker sees, once it is finished."""

    def done() -> Message | None:
        found = told(stage.peer, record, wanted)
        return found if found is not None and "Stop" not in labels(found) else None

    message: Message = await stage.peer.until(done, words=wanted)
    assert message.is_ephemeral
    return message


async def test_translate_answers_the_clicker_alone_who_may_share_it(stage: Stage) -> None:
    world = stage.world
    posted = world.ben.say(world.general, "good morning")
    record = world.ann.menu("Translate", posted)
    said = await private(stage, record, "needs to")
    assert "Share" not in labels(said), "what only says what is missing is not for others"


async def test_support_answers_the_clicker_alone_who_may_share_it(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    posted = world.ben.say(world.general, "how do I install it?")
    record = world.ann.menu("Ask support about this", posted)
    said = await private(stage, record, "make run")
    assert "Installing" in text_of(said)
    world.ann.press(said, "Share")
    public = await peer.until(lambda: newest(peer, world.general, "Shared by ann"))
    assert "make run" in text_of(public)


async def test_only_the_bots_answers_can_be_flagged(stage: Stage) -> None:
    world = stage.world
    posted = world.ben.say(world.general, "something bad")
    said = await private(stage, world.ann.menu("Flag to moderators", posted), "Only answers of mine")
    assert not labels(said)


async def test_a_flag_becomes_a_card_that_moderators_decide(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    desk = peer.backend.create_channel(world.guild, "desk").id
    place = Place("discord", str(world.guild), str(desk))
    await stage.stores.places.change(place, author(stage), "moderators_channel", str(desk))
    answer = await asked(stage, "say: two and two is five")
    shown = world.ben.menu("Flag to moderators", answer)
    await peer.until(lambda: shown.modal)
    record = world.ben.submit(shown, reasons=["wrong_fact"], note="bad maths", words="It is four")
    await private(stage, record, "Flagged, thank you.")
    (card,) = await peer.until(lambda: peer.answers(desk), words="a card")
    words = text_of(card)
    assert "wrong fact" in words
    assert "two and two is five" in words
    assert "It is four" in words
    assert "bad maths" in words
    refused = await private(stage, world.ann.press(card, "Approve"), "Only this server's moderators")
    assert refused
    shown = world.moderator.press(card, "Edit")
    await peer.until(lambda: shown.modal)
    record = world.moderator.submit(shown, words="It makes four.")
    await private(stage, record, "Approved: this is the better answer.")
    await peer.until(lambda: "Edited by mo" in text_of(card), words="the card says so")
    assert labels(card) == ["Reopen"]
    assert "It makes four." in text_of(card)


async def test_a_flag_twice_is_one_flag(stage: Stage) -> None:
    world, peer = stage.world, stage.peer
    answer = await asked(stage, "say: hello")
    for wanted in ("Flagged, thank you.", "Your flag is changed"):
        shown = world.ben.press(answer, "Flag")
        await peer.until(lambda shown=shown: shown.modal)
        record = world.ben.submit(shown, reasons=["style"])
        await private(stage, record, wanted)
    turn = (await stage.stores.turns.of_user(f"discord:{world.ann.id}"))[0]
    assert len(await stage.stores.flags.of_turn(turn.id)) == 1
