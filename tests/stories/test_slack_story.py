"""A workspace's first minutes with the bot: the real process, the real model, a strict Slack on real sockets."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import processes
from tests.adapters.slack.delivery import SECRET, Workspace
from tests.adapters.slack.peer import APP_TOKEN, BOT, BOT_TOKEN, Message, event_of
from tests.waiting import until

ANSWER = 180.0
"""Seconds that the model may take on a slow machine, its start included."""


@asynccontextmanager
async def running(path: Path, slack: Workspace, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m bot run` in the workspace, with a store of its own."""
    settings = {
        "DATA_DIR": str(processes.DATA), "DATABASE_URL": f"sqlite+aiosqlite:///{path}/p.db", "WEB_PORT": "0",
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "SLACK_API_URL": slack.api_url,
    }  # fmt: skip
    log = await asyncio.to_thread((path / "log").open, "ab")
    process = await processes.bot("run", settings=settings | more, stderr=log)
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(120):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()


@pytest.mark.timeout(900)
async def test_the_first_minutes_in_a_workspace(tmp_path: Path) -> None:
    slack = Workspace()
    slack.patience = 60.0  # an event comes once, however slow the machine
    await slack.start()
    try:
        async with running(tmp_path, slack):
            async with asyncio.timeout(120):
                await slack.connected()
            await mentions(slack)
            await commands(slack)
            await stops(slack)
        assert BOT_TOKEN not in (tmp_path / "log").read_text()
        assert slack.pings == []
        assert slack.violations == []
    finally:
        await slack.close()


async def mentions(slack: Workspace) -> None:
    # The model may still be loading: the question keeps its place, and the status tells.
    asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> What is the capital of France?")
    answer = await slack.answer("C0TALK", asked.ts, seconds=ANSWER)
    assert "Paris" in answer.shown
    assert slack.called("chat.startStream")
    await slack.until(lambda: slack.sessions.get(("C0TALK", asked.ts)) == "active")
    assert {delivery.tries for delivery in slack.envelopes.values()} == {1}


async def commands(slack: Workspace) -> None:
    delivery = slack.command("U0ANN", "D0ANN", "tutor math: solve 2x + 3 = 11")
    root = await slack.until(lambda: [message for message in slack.by_bot("D0ANN") if not message.thread])
    answer = await slack.answer("D0ANN", root[0].ts, seconds=ANSWER)
    assert "x = 4" in answer.shown
    await delivery.acknowledged.wait()
    slack.command("U0BEN", "C0TALK", "tutor math: solve 5x = 35")
    told = await slack.until(
        lambda: [m for m in slack.by_bot("C0TALK", reader="U0BEN") if "Share" in m.labels()], ANSWER
    )
    assert "x = 7" in told[0].shown
    assert not [message for message in slack.by_bot("C0TALK") if "35" in message.shown]


async def stops(slack: Workspace) -> None:
    asked = slack.say("U0ANN", "D0ANN", "Write a long story about a lighthouse keeper and the sea.")
    await slack.until(lambda: [m for m in slack.by_bot("D0ANN", thread=asked.ts) if m.stream == "open"], ANSWER)
    # Slack shows its Stop with the session, which a first word may come before
    await slack.until(lambda: slack.sessions.get(("D0ANN", asked.ts)) == "processing")
    slack.stop("U0ANN", "D0ANN", asked.ts)
    answer = await slack.answer("D0ANN", asked.ts, seconds=60)
    assert any("Stopped." in str(block) for block in answer.blocks)
    await slack.until(lambda: slack.sessions.get(("D0ANN", asked.ts)) == "active")


COMMANDS = {
    "help": "translate",
    "translate to:French Good morning": "",
    "translate 12:30": "no words to translate",
    "tutor math: solve 2x + 6 = 10": "x = 2",
    "story form:poem rain on the sea": "",
    "write headline The council voted 7 to 2 for a new bridge over the Elm river": "1.",
    "support How do I install it?": "no documents",
    "summarize The museum opens a show of old maps on 5 May. It was planned for April, but the paint was not dry. "
    "Tickets cost 8 euros and children enter free. The director hopes for 10,000 visitors.": "",
    "glossary list": "",
    "remember I am allergic to nuts": "I will remember",
    "memory show": "allergic to nuts",
    "memory export": "all I keep of you",
    "reset": "",
    "memory forget everything": "deleted",
    "nonsense words": "",
}
"""What is typed behind /parley, and what the answer has in it."""


@pytest.mark.timeout(900)
async def test_every_command_and_a_killed_worker(tmp_path: Path) -> None:
    slack = Workspace()
    await slack.start()
    try:
        async with running(tmp_path, slack) as process:
            async with asyncio.timeout(120):
                await slack.connected()
            for number, (typed, words) in enumerate(COMMANDS.items(), 1):
                delivery = slack.command("U0ANN", "C0TALK", typed)
                told = await slack.until(lambda n=number: _settled(slack)[n - 1 :], ANSWER)
                assert words in told[0].shown, typed
                assert told[0].shown.strip(), typed
                await delivery.acknowledged.wait()
            assert [upload["name"] for upload in slack.shared] == ["parley-memory.json"]
            assert [upload["channel"] for upload in slack.shared] == ["D0ANN"]
            assert slack.by_bot("C0TALK") == []
            await _loses_its_worker(slack, process.pid)
        assert slack.pings == []
        assert slack.violations == []
    finally:
        await slack.close()


def _settled(slack: Workspace) -> list[Message]:
    """The private answers to commands, without those that only say that it is worked on."""
    found = slack.by_bot("C0TALK", reader="U0ANN")
    waiting = ("Working on it.", "You are number", "The model is", "Your earlier question")
    return [message for message in found if not message.shown.startswith(waiting)]


async def _loses_its_worker(slack: Workspace, bot: int) -> None:
    asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> Write a long story about a lighthouse keeper and the sea.")
    await slack.until(lambda: [m for m in slack.by_bot("C0TALK", thread=asked.ts) if m.stream == "open"], ANSWER)
    await slack.until(lambda: slack.sessions.get(("C0TALK", asked.ts)) == "processing")
    for child in psutil.Process(bot).children(recursive=True):
        if "models" in " ".join(processes.command_of(child)):
            child.kill()
    broken = await slack.answer("C0TALK", asked.ts, seconds=60)
    assert "Retry" in broken.labels()
    assert any(block["type"] == "context" for block in broken.blocks)
    await slack.until(lambda: slack.sessions.get(("C0TALK", asked.ts)) == "active")
    slack.press("U0ANN", broken, "Retry")
    await slack.until(lambda: "Version 2 of 2" in str(broken.blocks), ANSWER)
    assert len(broken.shown) > 100


@pytest.mark.timeout(600)
async def test_an_answer_that_a_killed_bot_was_sending_arrives_after_its_restart(tmp_path: Path) -> None:
    slack = Workspace()
    await slack.start()
    try:
        async with running(tmp_path, slack) as process:
            async with asyncio.timeout(120):
                await slack.connected()
            slack.faults["chat.stopStream"].append("drop")
            slack.faults["chat.update"].append(30.0)
            asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> What is the capital of France?")
            await slack.until(lambda: not slack.faults["chat.stopStream"], ANSWER)
            process.kill()
            await process.wait()
        async with running(tmp_path, slack):
            late = await slack.answer("C0TALK", asked.ts, 2, seconds=120)
            assert "Paris" in late.shown
            assert "may be a second copy" in str(late.blocks)
            assert "Retry" in late.labels()
            slack.event(event_of(asked))
            slack.press("U0ANN", late, "Retry")
            await slack.until(lambda: "Version 2 of 2" in str(late.blocks), ANSWER)
        assert len(slack.by_bot("C0TALK", thread=asked.ts)) == 2
    finally:
        await slack.close()


@pytest.mark.timeout(900)
async def test_forms_buttons_shortcuts_and_the_home_tab_over_signed_requests(tmp_path: Path) -> None:
    slack = Workspace()
    await slack.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slack.http_url = f"http://127.0.0.1:{port}/slack/events"
    # On a busy machine a press may take longer to come through than Slack's three seconds.
    slack.trigger_seconds = 30.0
    http = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": SECRET, "SLACK_PORT": str(port)}
    try:
        async with running(tmp_path, slack, **http):
            await _listening(port)
            await _settings(slack)
            await _shortcuts(slack)
            await _a_form_and_what_follows(slack)
            await _a_flag_and_its_card(slack)
            await _a_story(slack)
            await _a_quiz(slack)
            await _the_home_tab(slack)
        assert slack.connections == 0
        assert slack.pings == []
        assert slack.violations == []
        assert SECRET not in (tmp_path / "log").read_text()
    finally:
        await slack.close()


async def _listening(port: int) -> None:
    async def open() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await until(open, 120)


async def _told(slack: Workspace, user: str, words: str) -> Message:
    """The newest private message that has `words` in it, once there is one."""
    found: list[Message] = await slack.until(lambda: [m for m in slack.by_bot(reader=user) if words in m.shown], ANSWER)
    return found[-1]


async def _form(slack: Workspace) -> dict[str, Any]:
    view: dict[str, Any] = (await slack.until(lambda: list(slack.views.values()), 60))[-1]
    slack.views.clear()
    return view


async def _settings(slack: Workspace) -> None:
    home = {"type": "app_home_opened", "user": "U0BEN", "channel": "D0BEN", "tab": "home"}
    slack.event(home)
    await slack.until(lambda: "Workspace settings" in str(slack.homes.get("U0BEN")), 60)
    slack.press_home("U0BEN", "Workspace settings")
    view = await _form(slack)
    values: dict[str, dict[str, Any]] = {
        block["block_id"]: {block["element"]["action_id"]: {}} for block in view["blocks"]
    }
    values["moderators_channel"] = {"moderators_channel": {"selected_conversation": "C0HELP"}}
    sent = slack.submit("U0BEN", view, values)
    await sent.acknowledged.wait()
    assert (sent.status, sent.answer) == (200, {})


async def _shortcuts(slack: Workspace) -> None:
    message = slack.say("U0BEN", "C0TALK", "She go to school every day and the museum open at nine.")
    for callback, words in (("support", "no documents"), ("correct", "goes"), ("flag", "Only my answers")):
        slack.shortcut("U0ANN", callback, message)
        await _told(slack, "U0ANN", words)
    before = len(slack.by_bot(reader="U0BEN"))
    slack.shortcut("U0BEN", "translate", message)
    await slack.until(lambda: len([m for m in slack.by_bot(reader="U0BEN")[before:] if m.labels()]) == 1, ANSWER)
    slack.say("U0ANN", "C0TALK", "The roof of the town hall leaks since the storm on Monday.", thread=message.ts)
    slack.say("U0BEN", "C0TALK", "The council meets on Friday to vote on the repair.", thread=message.ts)
    slack.shortcut("U0ANN", "summarize", slack.messages[message.channel, message.ts])
    await _told(slack, "U0ANN", "")


async def _a_form_and_what_follows(slack: Workspace) -> None:
    slack.command("U0ANN", "C0TALK", "write")
    view = await _form(slack)
    facts = "The council voted 7 to 2 for a new bridge over the Elm river"
    slack.submit("U0ANN", view, {
        "kind": {"kind": {"selected_option": {"value": "headline"}}}, "facts": {"facts": {"value": facts}},
    })  # fmt: skip
    told = await _told(slack, "U0ANN", "1.")
    pick = next(label for label in told.labels() if label.startswith("Pick"))
    slack.press("U0ANN", told, pick)
    await slack.until(lambda: len(slack.by_bot(reader="U0ANN")) > 5, ANSWER)
    slack.press("U0ANN", told, "Share")
    shared = (await slack.until(lambda: [m for m in slack.by_bot("C0TALK") if m.labels()], 60))[0]
    assert "1." in shared.shown
    slack.press("U0ANN", shared, "Retry")
    await slack.until(lambda: len(slack.by_bot("C0TALK")) > 1 or "Version 2 of 2" in str(shared.blocks), ANSWER)
    slack.press("U0BEN", shared, "Good answer")
    await _told(slack, "U0BEN", "Noted, thank you")


async def _a_flag_and_its_card(slack: Workspace) -> None:
    asked = slack.say("U0ANN", "C0TALK", f"<@{BOT}> What is the capital of France?")
    answer = await slack.answer("C0TALK", asked.ts, seconds=ANSWER)
    slack.press("U0ANN", answer, "Bad answer")
    view = await _form(slack)
    slack.submit("U0ANN", view, {"words": {"words": {"value": "Paris, on the Seine."}}})
    await _told(slack, "U0ANN", "waits for review")
    card = (
        await slack.until(lambda: [m for m in slack.by_bot("C0HELP") if "Paris, on the Seine" in str(m.blocks)], 60)
    )[0]
    slack.press("U0BEN", card, "Edit")
    view = await _form(slack)
    slack.submit("U0BEN", view, {"words": {"words": {"value": "Paris."}}})
    await slack.until(lambda: "Edited by Ben" in str(card.blocks), 60)
    slack.press("U0ANN", answer, "Delete")
    await slack.until(lambda: not slack.by_bot("C0TALK", thread=asked.ts), 60)


async def _a_story(slack: Workspace) -> None:
    asked = slack.say("U0ANN", "D0ANN", "!story a lighthouse keeper who is afraid of the dark")
    first = await slack.answer("D0ANN", asked.ts, seconds=ANSWER)
    slack.press("U0ANN", first, "Continue")
    await slack.answer("D0ANN", asked.ts, 2, seconds=ANSWER)
    slack.press("U0ANN", first, "Edit")
    view = await _form(slack)
    assert view["blocks"][0]["element"]["initial_value"] == first.shown.strip()
    slack.submit("U0ANN", view, {"words": {"words": {"value": "The lamp went out."}}})
    await slack.until(lambda: [m for m in slack.by_bot("D0ANN", thread=asked.ts) if "go on from your" in m.shown], 60)
    looked = {"entities": [{"type": "slack#/types/channel_id", "value": "C0TALK"}]}
    slack.event({"type": "app_context_changed", "user": "U0ANN", "channel": "D0ANN", "context": looked})
    await slack.until(lambda: "Summarise this channel" in str(slack.prompts.get("D0ANN")), 60)


async def _a_quiz(slack: Workspace) -> None:
    slack.say("U0ANN", "D0ANN", "!tutor mode:cards bonjour = good morning")
    await slack.until(lambda: [m for m in slack.by_bot("D0ANN") if "Kept: bonjour" in m.shown], 60)
    asked = slack.say("U0ANN", "D0ANN", "!tutor mode:quiz")
    card = await slack.answer("D0ANN", asked.ts, seconds=60)
    # The mistake that "Correct my text" found is a card already.
    assert "(2 due) Correct: She go to school" in card.shown
    slack.press("U0ANN", card, "Show the answer")
    shown = await slack.answer("D0ANN", asked.ts, 2, seconds=60)
    assert "goes" in shown.shown
    slack.press("U0ANN", shown, next(label for label in shown.labels() if label.startswith("Good (")))
    assert "It comes back" in (await slack.answer("D0ANN", asked.ts, 3, seconds=60)).shown


async def _the_home_tab(slack: Workspace) -> None:
    slack.event({"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "home"})
    await slack.until(lambda: slack.homes.get("U0ANN"), 60)
    for label, words in (
        ("Show", "Kept of you"), ("Export", "under Messages"), ("Keep nothing", "I keep none of your"),
        ("Remember again", "I remember again"), ("Forget everything", "is deleted"),
    ):  # fmt: skip
        await slack.until(lambda label=label: label in str(slack.homes["U0ANN"]), 60)
        slack.press_home("U0ANN", label)
        assert words in str(await _form(slack)), label
    assert [upload["channel"] for upload in slack.shared] == ["D0ANN"]


@pytest.mark.timeout(900)
async def test_two_hundred_commands_in_ten_seconds_to_the_whole_bot(tmp_path: Path) -> None:
    slack = Workspace()
    await slack.start()
    people = [f"U0P{number:02d}" for number in range(40)]
    for person in people:
        slack.people[person] = {"id": person, "name": person.lower(), "locale": "en-US"}
        slack.members["C0TALK"].add(person)
    try:
        async with running(tmp_path, slack):
            async with asyncio.timeout(120):
                await slack.connected()
            slack.command("U0ANN", "C0TALK", "glossary list")
            await slack.whispered("U0ANN", seconds=ANSWER)
            start, deliveries = asyncio.get_running_loop().time(), []
            for number in range(200):
                typed = f"glossary add Word{number}"
                deliveries.append(slack.command(people[number % 40], "C0TALK", typed))
                await asyncio.sleep(max(0.0, start + (number + 1) * 0.05 - asyncio.get_running_loop().time()))

            def told() -> list[str]:
                found = [m.shown for m in slack.messages.values() if m.ephemeral in people]
                return [shown for shown in found if "Word" in shown]

            await slack.until(lambda: len(told()) >= 200, 120)
            await asyncio.gather(*(delivery.acknowledged.wait() for delivery in deliveries))
        assert len(told()) == 200
        assert len(set(told())) == 200
        seconds = sorted(delivery.seconds or 0.0 for delivery in deliveries)
        p50, p99, most = (f"{seconds[place]:.3f} s" for place in (99, 197, 199))
        print(f"200 commands to the whole bot: acknowledged within {p50} (p50), {p99} (p99), {most} (all)")  # noqa: T201
    finally:
        await slack.close()
