"""A workspace's first minutes with the bot: the real process, the real model, a strict Slack on real sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import APP_TOKEN, BOT, BOT_TOKEN, Message, event_of

ROOT = Path(__file__).parents[2]
ANSWER = 180.0
"""Seconds that the model may take on a slow machine, its start included."""


@asynccontextmanager
async def running(path: Path, slack: Workspace, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m bot run` in the workspace, with a store of its own."""
    settings = {
        "WEB_PORT": "0", "WEB_HOST": "127.0.0.1", "WEB_TOKEN": "", "DATABASE_URL": f"sqlite+aiosqlite:///{path}/p.db",
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "SLACK_API_URL": slack.api_url,
    }  # fmt: skip
    log = await asyncio.to_thread((path / "log").open, "ab")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=ROOT, env=os.environ | settings | more, stderr=log
    )
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()


@pytest.mark.timeout(900)
async def test_the_first_minutes_in_a_workspace(tmp_path: Path) -> None:
    slack = Workspace()
    await slack.start()
    try:
        async with running(tmp_path, slack):
            async with asyncio.timeout(60):
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
    assert delivery.seconds is not None
    assert delivery.seconds < 1
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
    answer = await slack.answer("D0ANN", asked.ts, seconds=20)
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
            async with asyncio.timeout(60):
                await slack.connected()
            for number, (typed, words) in enumerate(COMMANDS.items(), 1):
                delivery = slack.command("U0ANN", "C0TALK", typed)
                told = await slack.until(lambda n=number: _settled(slack)[n - 1 :], ANSWER)
                assert words in told[0].shown, typed
                assert told[0].shown.strip(), typed
                await delivery.acknowledged.wait()
                assert delivery.seconds is not None
                assert delivery.seconds < 1
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
        if "models" in " ".join(child.cmdline()):
            child.kill()
    broken = await slack.answer("C0TALK", asked.ts, seconds=30)
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
            async with asyncio.timeout(60):
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
