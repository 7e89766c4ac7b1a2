"""Replies: streams and their ends, falling back, splitting, files, status, and what may never be sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from adapters.slack.limiter import Limiter
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import BOT, Message
from tests.waiting import until

Opener = Callable[..., AbstractAsyncContextManager[House]]


async def ask(house: House, words: str, channel: str = "C0TALK") -> Message:
    """Ask and wait for the answer's end."""
    asked = house.slack.say("U0ANN", channel, f"<@{BOT}> {words}" if channel.startswith("C") else words)
    answer = await house.slack.answer(channel, asked.ts)
    await house.app.settled()  # where it stands is in the store too
    return answer


async def test_a_long_answer_streams_in_pieces_and_ends_with_its_controls(house: House) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    answer = await ask(house, f"slow say: {words}")
    assert answer.shown == words
    assert answer.pieces > 3
    assert [block["type"] for block in answer.blocks] == ["actions", "context_actions"]
    thumbs, trash = answer.blocks[-1]["elements"]
    assert thumbs["type"] == "feedback_buttons"
    assert (trash["icon"], trash["visible_to_user_ids"]) == ("trash", ["U0ANN"])
    assert len(house.slack.called("chat.postMessage")) == 0


async def test_steps_that_show_nothing_are_cards_in_the_stream(house: House) -> None:
    answer = await ask(house, "in steps")
    assert answer.shown == "And so it is."
    assert answer.tasks == {"1": ("Reading the documents", "complete"), "2": ("Checking the numbers", "complete")}
    assert answer.labels() == ["Retry", "Flag", "Why"]
    broken = await ask(house, "in steps, broken")
    assert broken.shown.strip() == "The first half"
    assert {status for _, status in broken.tasks.values()} <= {"complete", "error"}
    # Where there are no streams, the status tells of the same steps.
    house.slack.faults["chat.startStream"].append("unknown_method")
    unstreamed = await ask(house, "in steps")
    assert (unstreamed.stream, unstreamed.shown) == ("", "And so it is.")
    assert "Checking the numbers" in [words for _, _, words in house.slack.statuses]


async def test_markdown_goes_as_markdown_with_a_text_beside_it(house: House) -> None:
    house.slack.faults["chat.startStream"].append("method_not_supported_for_channel_type")
    answer = await ask(house, "rich")
    assert "| start | 2x + 3 = 11 |" in answer.shown
    assert answer.blocks[0]["type"] == "markdown"
    assert answer.text.startswith("Two things help here.")
    assert "&gt; Try the check" in answer.text


async def test_without_streams_the_answer_is_posted_and_updated(house: House) -> None:
    house.slack.faults["chat.startStream"].append("unknown_method")
    answer = await ask(house, "slow say: " + " ".join(["again"] * 150))
    assert answer.stream == ""
    assert answer.edits >= 1
    assert answer.labels() == ["Retry", "Flag", "Why"]
    # What the workspace lacks is not asked for again.
    second = await ask(house, "say: Next.")
    assert second.shown == "Next."
    assert len([call for call in house.slack.calls if call.method == "chat.startStream"]) == 1


async def test_a_limited_stream_falls_back_and_nothing_is_lost(house: House) -> None:
    house.slack.faults["chat.startStream"].append(("limited", 30))
    answer = await ask(house, "say: All of it.")
    assert answer.shown == "All of it."
    assert (await ask(house, "say: And this.")).shown == "And this."
    # Slack asked for half a minute: no further stream was tried.
    assert len([call for call in house.slack.calls if call.method == "chat.startStream"]) == 1


async def test_a_stream_that_slack_ended_goes_on_by_updates(house: House) -> None:
    house.slack.stream_seconds = 1.0
    words = " ".join(f"word{number}" for number in range(260))
    answer = await ask(house, f"slow say: {words}")
    assert answer.stream == "ended"
    assert answer.shown == words
    assert answer.labels() == ["Retry", "Flag", "Why"]
    assert len(house.slack.by_bot("C0TALK")) == 1


async def test_lost_pieces_do_not_harm_the_answer(house: House) -> None:
    house.slack.faults["chat.appendStream"].extend(["drop", 500, ("limited", 1)])
    words = " ".join(f"word{number}" for number in range(220))
    answer = await ask(house, f"slow say: {words}")
    assert answer.shown == words


@pytest.mark.parametrize("fault", [("limited", 1), 500, "internal_error"])
@pytest.mark.parametrize("method", ["chat.stopStream", "chat.postMessage"])
async def test_the_end_is_tried_again(house: House, method: str, fault: object) -> None:
    house.slack.faults[method].append(fault)
    if method == "chat.postMessage":
        house.slack.faults["chat.startStream"].append("unknown_method")
    answer = await ask(house, "say: The end.")
    assert answer.shown == "The end."
    assert len(house.slack.by_bot("C0TALK")) == 1


async def test_an_answer_that_slack_would_not_take_is_sent_later(open_app: Opener, slack: Workspace) -> None:
    ahead = [0.0]
    async with open_app(limiter=Limiter(clock=lambda: time.monotonic() + ahead[0])) as house:
        slack.faults["chat.startStream"].append("unknown_method")
        slack.faults["chat.postMessage"].append(("limited", 600))
        slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Later.")
        await slack.until(lambda: not slack.faults["chat.postMessage"])
        await house.app.settled()
        assert slack.by_bot("C0TALK") == []
        assert await house.chatbot.ledger.redeliver("slack", house.app.courier) == 0
        ahead[0] = 700.0
        assert await house.chatbot.ledger.redeliver("slack", house.app.courier) == 1
        late = slack.by_bot("C0TALK")
        assert [message.shown for message in late] == ["Later."]
        assert late[0].labels() == ["Retry", "Flag", "Why"]
        assert await house.chatbot.ledger.redeliver("slack", house.app.courier) == 0


async def test_refused_blocks_become_plain_text(house: House) -> None:
    house.slack.faults["chat.startStream"].append("unknown_method")
    house.slack.faults["chat.postMessage"].append("invalid_blocks")
    answer = await ask(house, "say: Plain.")
    await house.slack.until(lambda: answer.text == "Plain.")


async def test_a_refused_end_of_a_stream_is_put_right(house: House) -> None:
    house.slack.faults["chat.stopStream"].append("invalid_blocks")
    answer = await ask(house, "say: Streamed.")
    await house.slack.until(lambda: answer.edits)
    assert answer.shown == "Streamed."
    assert answer.labels() == ["Retry", "Flag", "Why"]


async def test_very_long_answers_are_split_and_longer_ones_become_a_file(house: House) -> None:
    await _long(house, 31_000)
    asked = house.slack.say("U0ANN", "D0ANN", f"long {80_000}")
    answer = await house.slack.answer("D0ANN", asked.ts)
    assert "The whole answer is in the file below" in answer.shown
    shared = (await house.slack.until(lambda: house.slack.shared))[0]
    assert (shared["name"], shared["channel"], shared["thread"]) == ("answer.md", "D0ANN", asked.ts)
    assert len(shared["content"]) > 60_000


async def _long(house: House, characters: int) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> long {characters}")
    last = await house.slack.answer("C0TALK", asked.ts, 3)
    pieces = house.slack.by_bot("C0TALK", thread=asked.ts)
    assert len(pieces) == 3
    assert last.labels() == ["Retry", "Flag", "Why"]
    assert pieces[0].labels() == []
    for piece in pieces:
        assert piece.shown.count("```") % 2 == 0
        assert len(piece.shown) <= 12_000
    said = "\n".join(piece.shown for piece in pieces).replace("```python", "").replace("```", "").split()
    assert said == [f"line{number}" for number in range(len(said))]


EVIL = (
    "<!channel> <!here|here> <@U0BEN> <@U0BEN|ben> <!subteam^S1|all> @channel @everyone "
    "<https://evil.example|https://bank.example> [https://bank.example](https://evil.example/x) "
    "[bank.example](http://evil.example) [here](javascript:alert) ![pixel](https://evil.example/p?q=secret) "
    "[docs](https://example.org/a_(b)) `f[i](x)`"
)


@pytest.mark.parametrize("streams", [True, False])
async def test_no_ping_and_no_disguised_link_leaves_the_bot(house: House, streams: bool) -> None:
    if not streams:
        house.slack.faults["chat.startStream"].append("unknown_method")
    answer = await ask(house, f"slow say: {EVIL.replace('<', '&lt;').replace('>', '&gt;')}")
    assert "<@" not in answer.shown
    assert "<!" not in answer.shown
    assert "@channel" not in answer.shown
    assert "@everyone" not in answer.shown
    assert "https://bank.example (https://evil.example" in answer.shown
    assert "[https://bank.example](" not in answer.shown
    assert "bank.example (http://evil.example)" in answer.shown
    assert "javascript" not in answer.shown
    assert "![" not in answer.shown
    assert "[docs](https://example.org/a_(b))" in answer.shown
    assert "`f[i](x)`" in answer.shown
    for call in house.slack.called("chat.postMessage"):
        assert call.arguments["unfurl_links"] is False


async def test_the_status_is_shown_and_cleared_whatever_happens(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: On hold")
    await house.slack.until(lambda: house.slack.statuses)
    house.slack.stop("U0ANN", "C0TALK", asked.ts)
    await house.slack.until(lambda: house.slack.statuses[-1][2] == "")
    broken = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> slow say: {'word ' * 60} break")
    await house.slack.answer("C0TALK", broken.ts)
    await house.slack.until(lambda: house.slack.sessions.get(("C0TALK", broken.ts), "active") == "active")
    await house.slack.until(lambda: house.slack.statuses[-1][2] == "")


@pytest.mark.parametrize("method", ["agents.sessions.setStatus", "assistant.threads.setStatus"])
async def test_a_status_that_is_just_being_set_is_cleared_too(house: House, method: str) -> None:
    house.slack.faults[method].append(1.0)  # seconds it takes
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: On hold")
    await until(lambda: method in [call.method for call in house.slack.calls])
    house.slack.stop("U0ANN", "C0TALK", asked.ts)
    await house.slack.answer("C0TALK", asked.ts)
    await house.slack.until(lambda: house.slack.statuses and house.slack.statuses[-1][2] == "")
    await house.slack.until(lambda: house.slack.sessions.get(("C0TALK", asked.ts)) == "active")


@pytest.mark.parametrize("fault", [("limited", 1), 503, "drop"])
async def test_a_status_is_cleared_also_when_slack_refuses_at_first(house: House, fault: object) -> None:
    house.slack.faults["chat.startStream"].append("unknown_method")
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: On hold")
    await house.slack.until(lambda: house.slack.sessions.get(("C0TALK", asked.ts)) == "processing")
    await house.slack.until(lambda: house.slack.statuses)
    for method in ("agents.sessions.setStatus", "assistant.threads.setStatus"):
        house.slack.faults[method].append(fault)
    house.slack.stop("U0ANN", "C0TALK", asked.ts)
    await house.app.settled()
    assert house.slack.sessions["C0TALK", asked.ts] == "active"
    assert house.slack.statuses[-1][2] == ""


async def test_a_status_that_hangs_or_is_missing_costs_no_answer(house: House) -> None:
    house.slack.scopes.discard("assistant:write")
    house.slack.faults["agents.sessions.setStatus"].append("unknown_method")
    house.slack.faults["assistant.threads.setStatus"].extend([3.0, "drop", 500])
    assert (await ask(house, f"slow say: {'word ' * 60}end")).shown.endswith("end")


async def test_people_in_line_are_told_their_place(open_app: Opener, slack: Workspace) -> None:
    async with open_app(engine_slots=1) as house:
        slack.say("U0BEN", "D0BEN", "say: On hold")
        await slack.until(lambda: house.script.open)
        slack.say("U0ANN", "D0ANN", "say: Mine.")
        await slack.until(lambda: any("number 1 in the line" in words for _, _, words in slack.statuses))


async def test_ending_the_bot_closes_streams_and_clears_the_status(open_app: Opener, slack: Workspace) -> None:
    async with open_app():
        asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Half of it on hold")
        stream = (await slack.until(lambda: [m for m in slack.by_bot("C0TALK") if m.stream == "open"]))[0]
        await slack.until(lambda: slack.sessions.get(("C0TALK", asked.ts)) == "processing")
    assert stream.stream == "closed"
    assert slack.sessions["C0TALK", asked.ts] == "active"
