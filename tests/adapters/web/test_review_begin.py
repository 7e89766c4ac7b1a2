"""A run begun on the page: it goes on by itself, keeps others off, and can be stopped."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.adapters.web.browser import events
from tests.adapters.web.conftest import serve
from tests.adapters.web.desk import TESS, TOKEN, set_up, signed_in
from tests.learning.runs import TRAINER, Rows
from tests.models import tiny
from tests.models.conftest import REPOSITORY, tiny_checkpoint
from tests.waiting import until

__all__ = ["tiny_checkpoint"]


async def test_a_run_is_begun_followed_and_stopped(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    rows = Rows(tmp_path / "datasets", tiny.adapter(tmp_path / "made", tiny_checkpoint))
    rows.behaviour = {"steps": 2000, "seconds": 0.1}
    settings = {"train_model": str(tiny_checkpoint), "train_launcher": TRAINER, "console_servers": "discord:77"}
    async with serve(tmp_path, rows=rows, web_token=TOKEN, **settings) as page:
        await set_up(page.stores)
        browser = await signed_in(page, TESS)
        assert (await browser.json("GET", "/review/data/runs"))["trains"]
        run = await browser.json("POST", "/review/data/scenarios/chat/train", {})
        assert (run["adapter"], run["by"], run["unfinished"]) == ("chat@0001", "Tess", True)
        second = await browser.send("POST", "/review/data/scenarios/support/train", json={})
        assert second.status == 400
        assert json.loads(await second.text())["error"] == "chat@0001 is training; wait for its end."
        following = asyncio.create_task(browser.send("GET", f"/review/data/runs/{run['id']}/events"))
        await until((page.settings.runs / run["id"] / "state.json").exists)
        await browser.json("POST", f"/review/data/runs/{run['id']}/stop", {})
        told = events(await (await following).text())
        assert {data["stage"] for name, data in told if name == "event"} == {"load", "sft"}
        assert told[-2] == ("state", {"state": "stopped", "words": "It was stopped."})
        await browser.http.close()


async def test_too_little_to_learn_from_is_said(tmp_path: Path, tiny_checkpoint: Path) -> None:
    rows = Rows(tmp_path / "datasets", tiny.adapter(tmp_path / "made", tiny_checkpoint), count=3)
    async with serve(tmp_path, rows=rows, web_token=TOKEN, console_servers="discord:77") as page:
        await set_up(page.stores)
        browser = await signed_in(page, TESS)
        refused = await browser.send("POST", "/review/data/scenarios/chat/train", json={})
        assert refused.status == 400
        assert "3" in json.loads(await refused.text())["error"]
        assert await page.stores.runs.recent() == []
        await browser.http.close()
