"""`run` as a supervisor sees it: it starts though a platform is away, ends when told to, and says why it cannot."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests import processes
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import APP_TOKEN, BOT_TOKEN

NOBODY = "http://127.0.0.1:9/api/"


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.start()
    yield workspace
    await workspace.close()


async def start(folder: Path, engine_url: str, **settings: str) -> asyncio.subprocess.Process:
    usual = {"ENGINE_URL": engine_url, "MODEL": "parley", "DATA_DIR": str(folder), "DATABASE_URL": "", "WEB_PORT": "0"}
    pipe = asyncio.subprocess.PIPE
    return await processes.bot("run", settings=usual | settings, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_slack_that_is_away_keeps_neither_the_page_nor_the_end_waiting(
    instant_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(
        tmp_path, instant_url, SLACK_BOT_TOKEN=BOT_TOKEN, SLACK_APP_TOKEN=APP_TOKEN, SLACK_API_URL=NOBODY
    )
    assert process.stderr is not None
    async with asyncio.timeout(120), aiohttp.ClientSession() as http:
        said = b""
        while b"slack_away" not in said:
            said += await process.stderr.readline()
        url = said.decode().partition("Parley is at ")[2].split()[0]
        async with http.get(url) as page:
            assert page.status == 200
        async with http.get(f"{url}readyz") as ready:
            assert ready.status == 503
            assert "Slack is not reached yet" in await ready.text()
        process.send_signal(number)
        _, rest = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in said + rest


async def test_a_second_signal_waits_for_no_answer(instant_url: str, tmp_path: Path) -> None:
    process = await start(tmp_path, instant_url, LOG_LEVEL="warning")
    assert process.stderr is not None
    async with asyncio.timeout(120), aiohttp.ClientSession() as http:
        url = (await process.stderr.readline()).decode().partition("Parley is at ")[2].strip()
        origin = {"Origin": url.rstrip("/")}
        async with http.post(f"{url}conversations", headers=origin) as made:
            key = (await made.json())["key"]
        asked = {"conversation": key, "text": "hold"}
        async with http.post(f"{url}turns", json=asked, headers=origin) as answer:
            await answer.content.readline()  # it is being given
            process.send_signal(signal.SIGTERM)
            assert (await process.stderr.readline()).startswith(b"Ending;")
            process.send_signal(signal.SIGTERM)
            _, rest = await process.communicate()
    assert process.returncode == 130
    assert rest == b""


async def test_what_keeps_slack_from_starting_is_one_sentence(
    instant_url: str, tmp_path: Path, slack: Workspace
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = await start(
            tmp_path, instant_url, SLACK_BOT_TOKEN=BOT_TOKEN, SLACK_APP_TOKEN=APP_TOKEN, SLACK_API_URL=slack.api_url,
            SLACK_CLIENT_ID="1.2", SLACK_CLIENT_SECRET="x", SLACK_ADDRESS="https://x.example", SLACK_PORT=port,
            LOG_LEVEL="warning",
        )  # fmt: skip
        async with asyncio.timeout(120):
            _, said = await process.communicate()
    assert process.returncode == 1
    lines = said.decode().splitlines()
    assert lines[0].startswith("Parley is at ")
    assert lines[1:] == [f"I cannot listen for Slack on port {port}: set SLACK_PORT."]
