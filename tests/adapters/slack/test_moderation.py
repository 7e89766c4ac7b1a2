"""Moderation on Slack: flags, cards, decisions, and channels that are answered by the workspace's settings."""

from __future__ import annotations

from typing import Any

import pytest

from bot.learning.flags import Reason
from bot.messengers import Notice
from bot.request import Author, Place, Request
from bot.scenarios.support import SOLVED
from tests.adapters.slack.conftest import House
from tests.adapters.slack.peer import BOT, TEAM, Message
from tests.adapters.slack.test_reply import ask

ADMIN = Author("U0BEN", "Ben", admin=True)


async def settle(house: House, channel: str = "", **settings: Any) -> None:
    """Have an admin set something."""
    for name, value in settings.items():
        await house.stores.places.change(Place("slack", TEAM, channel), ADMIN, name, value)


async def flagged(house: House, answer: Message, better: str = "") -> Message:
    """Ann flags an answer; gives the card."""
    await settle(house, moderators_channel="C0HELP")
    house.slack.press("U0ANN", answer, "Flag")
    view = (await house.slack.until(lambda: list(house.slack.views.values())))[0]
    options = view["blocks"][0]["element"]["options"]
    assert [option["value"] for option in options] == [reason.value for reason in Reason]
    values = {
        "reasons": {"reasons": {"selected_options": options[:1]}},
        "note": {"note": {"value": "It closes at six <!channel>"}},
        "words": {"words": {"value": better}},
    }
    house.slack.submit("U0ANN", view, values)
    card: Message = (await house.slack.until(lambda: house.slack.by_bot("C0HELP")))[0]
    return card


def shown(card: Message) -> str:
    return str(card.blocks)


async def test_a_flag_brings_a_card_that_a_moderator_approves(house: House) -> None:
    answer = await ask(house, "say: It closes at five.")
    card = await flagged(house, answer, "It closes at noon.")
    assert "Flagged, thank you" in (await house.slack.whispered("U0ANN")).shown
    assert "Flagged: wrong fact" in shown(card)
    assert "It closes at five." in shown(card)
    assert "It closes at noon." in shown(card)
    assert f"/archives/C0TALK/p{answer.ts.replace('.', '')}" in shown(card)
    assert card.labels() == ["Approve", "Edit", "Reject", "I take this"]
    # Who flagged it does not decide, nor does somebody who is no moderator.
    house.slack.press("U0ANN", card, "Approve")
    assert (await house.slack.whispered("U0ANN", 2)).shown == "Only this workspace's moderators can do that."
    house.slack.press("U0BEN", card, "Approve")
    assert "Approved" in (await house.slack.whispered("U0BEN")).shown
    await house.slack.until(lambda: "Approved by Ben" in shown(card))
    assert card.labels() == ["Reopen"]
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    review = await house.stores.reviews.get(row.id)
    assert review is not None
    assert (review.state, review.correction) == ("approved", "It closes at noon.")


async def test_edit_opens_with_the_answer_and_keeps_the_better_one(house: House) -> None:
    card = await flagged(house, await ask(house, "say: It closes at five."))
    await house.slack.whispered("U0ANN")  # the thanks for the flag
    house.slack.views.clear()
    house.slack.press("U0ANN", card, "Edit")
    assert "moderators" in (await house.slack.whispered("U0ANN", 2)).shown
    assert house.slack.views == {}
    house.slack.press("U0BEN", card, "Edit")
    view = (await house.slack.until(lambda: list(house.slack.views.values())))[0]
    assert view["blocks"][0]["element"]["initial_value"] == "It closes at five."
    house.slack.submit("U0BEN", view, {"words": {"words": {"value": "It closes late."}}})
    await house.slack.until(lambda: "Edited by Ben" in shown(card))
    assert "It closes late." in shown(card)


async def test_a_card_that_somebody_deleted_comes_back_while_it_is_open(house: House) -> None:
    card = await flagged(house, await ask(house, "say: It closes at five."))
    del house.slack.messages[card.channel, card.ts]
    house.slack.press("U0BEN", card, "I take this")
    again = (await house.slack.until(lambda: house.slack.by_bot("C0HELP")))[0]
    assert "Ben is looking at this" in shown(again)


async def test_the_shortcut_flags_an_answer_of_the_bot_and_nothing_else(house: House) -> None:
    answer = await ask(house, "say: It closes at five.")
    house.slack.shortcut("U0BEN", "flag", answer)
    view = (await house.slack.until(lambda: list(house.slack.views.values())))[0]
    assert view["title"]["text"] == "Flag this answer"
    other = house.slack.say("U0ANN", "C0TALK", "Just words")
    house.slack.shortcut("U0BEN", "flag", other)
    assert "Only my answers can be flagged" in (await house.slack.whispered("U0BEN")).shown


async def test_shortcuts_answer_the_one_who_clicked(house: House) -> None:
    message = house.slack.say("U0ANN", "C0TALK", "How do I install it?")
    house.slack.shortcut("U0BEN", "support", message)
    told = await house.slack.whispered("U0BEN")
    assert "make run" in told.shown
    assert "Share" in told.labels()
    # Also where the bot is no member.
    elsewhere = house.slack.say("U0ANN", "C0ELSE", "How do I install it?")
    house.slack.shortcut("U0BEN", "support", elsewhere)
    assert (await house.slack.whispered("U0BEN", 2)).channel == "C0ELSE"


async def test_a_support_channel_is_answered_without_a_mention(house: House) -> None:
    await settle(house, "C0HELP", mode="every", scenario="support")
    asked = house.slack.say("U0ANN", "C0HELP", "How do I install it?")
    answer = await house.slack.answer("C0HELP", asked.ts)
    assert "make run" in answer.shown
    assert any(block["type"] == "container" for block in answer.blocks)
    # Somebody else's answer to that question is not for the bot, nor is what is said to another.
    house.slack.say("U0BEN", "C0HELP", "Have you tried the docs?", thread=asked.ts)
    house.slack.say("U0ANN", "C0HELP", "<@U0BEN> thanks", thread=asked.ts)
    house.slack.say("U0ANN", "C0HELP", "And then?", thread=asked.ts)
    await house.slack.answer("C0HELP", asked.ts, 2)
    assert len(house.slack.by_bot("C0HELP")) == 2


@pytest.mark.parametrize("mode", ["off", "threads"])
async def test_a_channel_can_be_switched_off(house: House, mode: str) -> None:
    await settle(house, "C0HELP", mode=mode)
    house.slack.say("U0ANN", "C0HELP", f"<@{BOT}> say: no")
    real = house.slack.say("U0ANN", "D0ANN", "say: yes")
    await house.slack.answer("D0ANN", real.ts)
    assert house.script.asked == ["say: yes"]


async def test_moderators_hear_of_whom_a_person_was_called_for_and_close_it(house: House) -> None:
    await settle(house, moderators_channel="C0HELP")
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> human please")
    answer = await house.slack.answer("C0TALK", asked.ts)
    await house.app.settled()
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    notice = Notice("A person is asked for", "human please <!here>", row.id, row.place, row.standing, (SOLVED,))
    await house.app.courier.notify(notice, "C0HELP")
    card = house.slack.by_bot("C0HELP")[0]
    assert "human please" in card.shown
    assert f"/archives/C0TALK/p{answer.ts.replace('.', '')}" in shown(card)
    assert card.labels() == ["Solved"]
    house.slack.press("U0ANN", card, "Solved")
    assert "moderators" in (await house.slack.whispered("U0ANN")).shown


async def test_what_the_bot_says_unasked_can_be_answered_in_its_thread(house: House) -> None:
    door = await house.app.courier.direct("U0ANN")
    request = Request("daily:1", door.place, door.author, text="seed again", private=True)
    await house.chatbot.handle(request, door.reply)
    sent = (await house.slack.until(lambda: house.slack.by_bot("D0ANN")))[0]
    assert (sent.thread, sent.labels()) == ("", ["Retry", "Flag", "Why"])
    house.slack.say("U0ANN", "D0ANN", "say: My answer.", thread=sent.ts, parent_user_id=BOT)
    assert (await house.slack.answer("D0ANN", sent.ts)).shown == "My answer."
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert len({row.conversation for row in rows}) == 1


async def test_people_are_told_alone_and_a_channel_gets_words_and_a_picture(house: House) -> None:
    await house.app.courier.tell("U0ANN", "Your correction is in support@0043, which answers from now on. Thank you.")
    told = await house.slack.until(
        lambda: [m for c in house.slack.members if c.startswith("D") for m in house.slack.by_bot(c)]
    )
    assert "support@0043" in told[0].shown
    await house.app.courier.post("C0HELP", "The week: 12 answers <!channel>", b"\x89PNG not really")
    assert "The week" in house.slack.by_bot("C0HELP")[0].shown
    (shared,) = house.slack.shared
    assert (shared["channel"], shared["content"]) == ("C0HELP", b"\x89PNG not really")
