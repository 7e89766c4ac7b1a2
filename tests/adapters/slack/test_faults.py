"""Faults: lost connections and acknowledgements, limits on every method, and both transports."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest

from adapters.slack.limiter import LIMITS, Limiter
from bot.delivery import SendLimited
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import SECRET, Workspace, encoded, post_signed
from tests.adapters.slack.peer import BOT, TEAM
from tests.adapters.slack.test_reply import ask

Opener = Callable[..., AbstractAsyncContextManager[House]]


async def test_a_socket_that_drops_in_mid_answer_costs_nothing(house: House) -> None:
    words = " ".join(f"word{number}" for number in range(150))
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> slow say: {words}")
    await house.slack.until(lambda: [m for m in house.slack.by_bot("C0TALK") if m.stream == "open"])
    house.slack.drop()
    assert (await house.slack.answer("C0TALK", asked.ts)).shown == words
    # What is said while nobody listens arrives with the next connection.
    later = house.slack.say("U0ANN", "D0ANN", "say: Still here.")
    assert (await house.slack.answer("D0ANN", later.ts, seconds=40)).shown == "Still here."
    assert house.slack.connections >= 2
    assert (await house.app.readiness())[0]


async def test_a_refresh_of_the_connection_is_followed(house: House) -> None:
    await house.slack.refresh()
    await house.slack.connected(2)
    assert (await ask(house, "say: On the new one.")).shown == "On the new one."


async def test_a_lost_acknowledgement_brings_the_event_again_and_no_second_answer(house: House) -> None:
    house.slack.patience, house.slack.deaf = 0.3, 3
    asked = house.slack.say("U0ANN", "D0ANN", "say: Once.")
    await house.slack.answer("D0ANN", asked.ts)
    await house.slack.until(lambda: all(one.seconds is not None for one in house.slack.envelopes.values()))
    assert max(delivery.tries for delivery in house.slack.envelopes.values()) == 4
    command = house.slack.command("U0ANN", "C0TALK", "story rain")
    house.slack.deaf = 1
    await command.acknowledged.wait()
    await house.slack.whispered("U0ANN")
    last = await ask(house, "say: Last.")
    assert last.shown == "Last."
    assert [message.shown for message in house.slack.by_bot("D0ANN")] == ["Once."]
    assert len(house.slack.by_bot("C0TALK", reader="U0ANN")) == 1


@pytest.mark.parametrize(
    "method",
    [
        "chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update", "users.info",
        "agents.sessions.setStatus", "assistant.threads.setStatus", "conversations.replies",
    ],
)  # fmt: skip
async def test_a_limit_on_any_method_loses_nothing(house: House, method: str) -> None:
    if method in ("chat.postMessage", "chat.update"):
        house.slack.faults["chat.startStream"].append("unknown_method")
    root = house.slack.say("U0BEN", "C0TALK", "Before")
    house.slack.faults[method].append(("limited", 1))
    words = " ".join(f"word{number}" for number in range(120))
    house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> slow say: {words}", thread=root.ts)
    answer = await house.slack.answer("C0TALK", root.ts)
    await house.slack.until(lambda: answer.shown == words)
    assert house.slack.faults[method] == Counter() or not house.slack.faults[method]
    assert len(house.slack.by_bot("C0TALK")) == 1


async def test_private_answers_survive_limits_too(house: House) -> None:
    answer = await ask(house, "say: Good.")
    house.slack.faults["chat.postEphemeral"].append(("limited", 1))
    house.slack.press("U0BEN", answer, "Good answer")
    assert "Noted" in (await house.slack.whispered("U0BEN")).shown
    house.slack.faults["views.open"].append(("limited", 1))
    house.slack.press("U0BEN", answer, "Flag")
    assert "Press the button again" in (await house.slack.whispered("U0BEN", 2)).shown


@pytest.mark.parametrize("fault", [("limited", 1), 503])
@pytest.mark.parametrize("method",
    [
        "response_url", "views.publish", "conversations.open", "chat.delete", "files.getUploadURLExternal",
        "files.completeUploadExternal",
    ],
)  # fmt: skip
async def test_a_limit_anywhere_else_is_waited_for(house: House, method: str, fault: object) -> None:
    house.slack.faults[method].append(fault)
    match method:
        case "response_url":
            house.slack.command("U0ANN", "C0TALK", "translate to:French Good morning")
            assert (await house.slack.whispered("U0ANN")).shown == "[French] Good morning"
        case "views.publish":
            opened = {"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "home"}
            house.slack.event(opened)
            await house.slack.until(lambda: house.slack.homes.get("U0ANN"))
        case "conversations.open" | "files.getUploadURLExternal" | "files.completeUploadExternal":
            house.slack.command("U0ANN", "C0TALK", "memory export")
            await house.slack.until(lambda: house.slack.shared)
        case _:
            answer = await ask(house, "say: Gone.")
            house.slack.press("U0ANN", answer, "Delete")
            await house.slack.until(lambda: not house.slack.by_bot("C0TALK"))
    assert not house.slack.faults[method]


async def test_the_limiter_keeps_a_busy_workspace_inside_slacks_tiers(open_app: Opener, slack: Workspace) -> None:
    # A tenth of Slack's minute, so that the test need not last one.
    short = {method: (max(1, count // 10), seconds / 10) for method, (count, seconds) in LIMITS.items()}
    # What the limiter lets go may be quicker on the wire than what went before: the peer counts over a little less.
    counted = {method: (count, seconds * 0.9) for method, (count, seconds) in short.items()}
    slack.limits = {m: limit for m, limit in counted.items() if m.startswith("chat.") and m != "chat.postMessage"}
    async with open_app(limiter=Limiter(short), engine_slots=30) as house:
        asked = [slack.say("U0ANN" if n % 2 else "U0BEN", "C0TALK", f"<@{BOT}> say: Answer {n}.") for n in range(14)]
        answers = [await slack.answer("C0TALK", one.ts, seconds=60) for one in asked]
        assert [answer.shown for answer in answers] == [f"Answer {n}." for n in range(14)]
        streamed = [answer for answer in answers if answer.stream == "closed"]
        assert 0 < len(streamed) < 14
        assert [call.method for call in slack.calls if call.error == "ratelimited"] == []
        assert house.script.open == 0


async def test_the_limiter_gives_turns_in_order_and_not_too_late() -> None:
    now = [0.0]
    limiter = Limiter({"m": (2, 10.0)}, clock=lambda: now[0])
    await limiter.turn("m")
    await limiter.turn("m")
    assert limiter.wait("m") == 10.0
    assert limiter.wait("other") == 0.0
    now[0] = 10.0
    assert limiter.wait("m") == 0.0
    limiter.pause("m", "", 90.0)
    with pytest.raises(SendLimited) as caught:
        await limiter.turn("m")
    assert caught.value.retry_after == 90.0


HTTP = {"slack_app_token": "", "slack_signing_secret": SECRET, "slack_port": 0}


async def test_signed_requests_work_like_the_socket(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**HTTP):
        asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: By HTTP.")
        answer = await slack.answer("C0TALK", asked.ts)
        assert answer.shown == "By HTTP."
        command = slack.command("U0BEN", "C0TALK", "translate to:French Good morning")
        assert (await slack.whispered("U0BEN")).shown == "[French] Good morning"
        press = slack.press("U0ANN", answer, "Retry")
        await slack.until(lambda: "Version 2 of 2" in str(answer.blocks))
        await press.acknowledged.wait()
        assert (command.status, press.status) == (200, 200)
        assert slack.connections == 0


async def test_a_bad_or_stale_signature_is_401(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**HTTP):
        message = {"type": "message", "user": "U0ANN", "channel": "D0ANN", "ts": "1.0", "text": "say: no"}
        event = {"type": "event_callback", "team_id": TEAM, "event": message}
        body, kind = encoded("events_api", event)
        assert (await post_signed(slack.http_url, body, kind, secret="wrong"))[0] == 401
        assert (await post_signed(slack.http_url, body, kind, age=600))[0] == 401
        async with aiohttp.ClientSession() as session, session.post(slack.http_url, data=body) as answer:
            assert answer.status == 401
        assert slack.by_bot() == []


async def test_slacks_check_of_the_address_is_answered(open_app: Opener, slack: Workspace) -> None:
    async with open_app(**HTTP):
        body, kind = encoded("events_api", {"type": "url_verification", "challenge": "c-1", "token": "x"})
        assert await post_signed(slack.http_url, body, kind) == (200, '{"challenge": "c-1"}')


async def test_two_hundred_commands_in_ten_seconds(house: House) -> None:
    people = [f"U0P{number:02d}" for number in range(40)]
    for person in people:
        house.slack.people[person] = {"id": person, "name": person.lower(), "locale": "en-US"}
        house.slack.members["C0TALK"].add(person)
    house.slack.patience = 60.0  # how long an acknowledgement takes is printed; that each is asked for once is asserted
    deliveries = []
    start = asyncio.get_running_loop().time()
    for number in range(200):
        deliveries.append(house.slack.command(people[number % 40], "C0TALK", f"translate to:French Number {number}"))
        wait = start + (number + 1) * 0.05 - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, wait))

    def told() -> Counter[str]:
        return Counter(m.shown for m in house.slack.messages.values() if m.ephemeral and "Number" in m.shown)

    await house.slack.until(lambda: len(told()) == 200, 60)
    assert set(told().values()) == {1}
    assert {f"[French] Number {number}" for number in range(200)} == set(told())
    seconds = sorted(delivery.seconds for delivery in deliveries if delivery.seconds is not None)
    assert len(seconds) == 200
    p50, p99, most = (f"{seconds[place]:.3f} s" for place in (99, 197, 199))
    assert {delivery.tries for delivery in deliveries} == {1}
    print(f"200 commands in 10 s: acknowledged within {p50} (p50), {p99} (p99), {most} (all)")  # noqa: T201
