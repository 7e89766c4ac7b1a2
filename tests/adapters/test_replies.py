"""The contract of `Reply`: the same stream leaves the same text on every platform, also a broken one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from adapters.console.ask import AskReply
from adapters.discord.posts import ChannelPost
from adapters.discord.reply import DiscordReply
from adapters.slack.calls import Calls
from adapters.slack.desk import Desk, Spot
from adapters.slack.reply import ThreadReply
from adapters.slack.running import Running
from adapters.web.reply import WebReply
from bot.controls import USUAL
from bot.delivery import SendError
from bot.reply import Reply, Stream
from bot.turn import Answer, Waiting
from tests.adapters.discord.conftest import staged
from tests.adapters.discord.peer import Peer
from tests.adapters.discord.people import text_of, world
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import BOT_TOKEN, TEAM

TEXT = "First a word.\n\n```python\nx = 1\n```\n\n" + "Then a sentence of some length. " * 300 + "\n\nAnd the end."


@dataclass
class Heard:
    """What a page was sent."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    async def send(self, name: str, data: Any) -> None:
        self.events.append((name, data))

    async def beat(self) -> None:
        pass


async def no_versions(_turn_id: str) -> list[str]:
    return []


Show = Callable[[Callable[[Reply], Awaitable[object]]], Awaitable[str]]


async def on_console(act: Callable[[Reply], Awaitable[object]]) -> str:
    out, aside = io.StringIO(), io.StringIO()
    await act(AskReply(out, aside, as_json=False))
    return out.getvalue() + aside.getvalue()


async def on_web(act: Callable[[Reply], Awaitable[object]]) -> str:
    heard = Heard()
    await act(WebReply(heard, no_versions))  # type: ignore[arg-type]
    name, data = heard.events[-1]
    if name != "answer":
        return str(data.get("words", ""))
    return str(data["text"]) + "".join(str(note) for note in data["notes"])


async def on_discord(act: Callable[[Reply], Awaitable[object]]) -> str:
    async with Peer() as peer:
        place = world(peer)
        async with staged(peer, place, Path(on_discord.folder)) as stage:  # type: ignore[attr-defined]
            await stage.app.client.wait_until_ready()
            channel: Any = stage.app.client.get_channel(place.general)
            await act(DiscordReply(ChannelPost(channel), str(place.general), no_versions))
            return "\n\n".join(text_of(message) for message in peer.answers(place.general))


async def on_slack(act: Callable[[Reply], Awaitable[object]]) -> str:
    slack = Workspace()
    await slack.start()
    try:
        asked = slack.say("U0ANN", "C0TALK", "A question")
        spot = Spot(TEAM, "C0TALK", "U0ANN", asked.ts)
        async with ClientSession() as session:
            client = AsyncWebClient(BOT_TOKEN, base_url=slack.api_url, session=session, retry_handlers=[])
            desk = Desk(Calls(client), "/parley", ["help"])
            await act(ThreadReply(desk, spot, Running().noted, no_versions))
        assert slack.violations == []
        messages = [*slack.by_bot("C0TALK"), *slack.by_bot("C0TALK", reader="U0ANN")]
        small = [str(block) for message in messages for block in message.blocks if block["type"] == "context"]
        return "\n\n".join([*(message.shown for message in messages), *small])
    finally:
        await slack.close()


@pytest.fixture(params=[on_console, on_web, on_discord, on_slack])
def show(request: pytest.FixtureRequest, tmp_path: Path) -> Show:
    on_discord.folder = str(tmp_path)  # type: ignore[attr-defined]
    chosen: Show = request.param
    return chosen


def answer(text: str, **more: Any) -> Answer:
    return Answer("1a20bcd3672aec115f6f773", "chat", text, buttons=USUAL, **more)


def squeezed(text: str) -> str:
    return "".join(text.split())


async def test_the_same_stream_leaves_the_same_text(show: Show) -> None:
    stream = Stream()

    async def speak() -> None:
        stream.wait(Waiting("You are second in line."))
        await asyncio.sleep(0.05)
        for start in range(0, len(TEXT), 500):
            stream.write(TEXT[start : start + 500])
            await asyncio.sleep(0.01)
        stream.end(answer(TEXT))

    async def act(reply: Reply) -> None:
        await asyncio.gather(speak(), reply.send("1a20bcd3672aec115f6f773", stream))

    shown = squeezed(await show(act))
    assert squeezed(TEXT) in shown


async def test_the_answer_replaces_what_was_streamed(show: Show) -> None:
    stream = Stream()
    stream.write("What was said at fir")
    stream.end(answer("What stands in the end."))
    shown = await show(lambda reply: reply.send("1a20bcd3672aec115f6f773", stream))
    assert "What stands in the end." in shown


async def test_a_broken_stream_shows_its_tail_and_a_notice(show: Show) -> None:
    stream = Stream()
    stream.write("The first half ")
    stream.end(answer("The first half", broken=True, notes=("The model broke off while answering.",)))
    shown = await show(lambda reply: reply.send("1a20bcd3672aec115f6f773", stream))
    assert "The first half" in shown
    assert "The model broke off while answering." in shown


async def test_a_failure_is_told_in_its_words(show: Show) -> None:
    assert "Ask me something." in await show(lambda reply: reply.fail("Ask me something."))


async def test_being_cancelled_ends_the_reply(show: Show) -> None:
    stream = Stream()
    stream.write("Once upon a time")

    async def act(reply: Reply) -> None:
        sending = asyncio.create_task(reply.send("1a20bcd3672aec115f6f773", stream))
        await asyncio.wait([sending], timeout=0.3)
        sending.cancel()
        with pytest.raises((asyncio.CancelledError, SendError)):
            await sending

    await show(act)
