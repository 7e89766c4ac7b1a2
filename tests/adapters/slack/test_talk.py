"""Mentions, direct messages, threads and commands: what is for the bot is answered once, in its place."""

from __future__ import annotations

import asyncio

from tests.adapters.slack.conftest import House
from tests.adapters.slack.peer import BOT, TEAM


async def test_a_mention_is_answered_once_in_its_thread_as_a_stream(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Good morning to all of you.")
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert answer.shown == "Good morning to all of you."
    assert answer.stream == "closed"
    start = house.slack.called("chat.startStream")[0].arguments
    assert (start["recipient_team_id"], start["recipient_user_id"]) == (TEAM, "U0ANN")
    assert answer.labels() == ["Retry", "Why"]
    # The mention came as app_mention and as message: one turn, one answer.
    await asyncio.gather(*(delivery.acknowledged.wait() for delivery in house.slack.envelopes.values()))
    assert len(house.slack.envelopes) == 2
    assert len(house.slack.by_bot("C0TALK")) == 1
    assert len(await house.stores.turns.of_user("slack:U0ANN")) == 1
