"""The whole loop with the real model: corrections from a file, a night, and a running bot that knows, and forgets."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
import uuid
from pathlib import Path

import pytest

from bot.parley import Parley, open_parley
from bot.settings import Settings
from models.training import correctness
from tests import processes
from tests.core.people import Kept, ask
from tests.learning import company
from tests.models.conftest import checkpoint as checkpoint
from tests.waiting import until

SEED = 1


async def command(folder: Path, *words: str) -> str:
    """What a command prints, in a process of its own beside the running bot."""
    settings = {"DATA_DIR": str(folder), "INSTANT_CORRECTIONS": "off", "LOG_LEVEL": "warning"}
    process = await processes.bot(
        *words, settings=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out.decode(), err.decode())
    return out.decode()


async def right(parley: Parley, adapter: str) -> int:
    """How many questions, in words that were never trained, the running bot answers right through `adapter`.

    Each is asked in a conversation of its own, so that nothing said before stands in its prompt.
    """
    found, asked = 0, uuid.uuid4().hex
    for number, (question, value) in enumerate(company.held_out(SEED)):
        reply = Kept()
        await parley.chatbot.handle(ask(question, user=f"user-{number}", channel=f"{asked}-{number}"), reply)
        assert reply.answer.adapter == adapter
        found += correctness.right(question, value, reply.answer.text)
    return found


async def until_serving(parley: Parley, adapter: str) -> float:
    """Seconds until the running bot answers by it."""
    started = time.monotonic()

    async def serves() -> bool:
        return await parley.rollout.pick("chat", "somebody") == adapter

    await until(serves)
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_running_bot_learns_and_goes_back(checkpoint: Path, tmp_path: Path) -> None:
    place = tmp_path / "checkpoints" / checkpoint.name
    shutil.copytree(checkpoint, place, copy_function=os.link)
    settings = Settings(_env_file=None, data_dir=tmp_path, instant_corrections=False)
    async with open_parley(settings) as parley:
        assert await parley.keeper.wait_ready()
        assert await right(parley, "") == 0
        rows = company.honest(SEED) + company.replay() + company.golden()
        told = await command(tmp_path, "feedback", "import", str(company.write(tmp_path / "rows.jsonl", rows)))
        assert "60 approved, 0 waiting for review, 7 golden" in told
        started = time.monotonic()
        told = await command(tmp_path, "train", "--scenario", "chat")
        trained = time.monotonic() - started
        assert "chat@0001 is in service." in told
        forward = await until_serving(parley, "chat@0001")
        learned = await right(parley, "chat@0001")
        assert learned >= 12
        report = json.loads(next(settings.runs.glob("*/report.json")).read_text())
        assert report["sets"]["golden"]["candidate"] >= report["sets"]["golden"]["incumbent"]
        question, value = company.held_out(SEED)[0]
        asked = json.loads(await command(tmp_path, "ask", question, "--json"))
        assert (asked["adapter"], correctness.right(question, value, asked["text"])) == ("chat@0001", True)
        started = time.monotonic()
        await parley.stores.registry.rollback("chat", words="a test", by="test")
        flipped = time.monotonic() - started
        back = await until_serving(parley, "")
        assert await right(parley, "") == 0
        await command(tmp_path, "promote", "chat@0001")
        await until_serving(parley, "chat@0001")
        await command(tmp_path, "rollback", "chat")
        await until_serving(parley, "")
        # somebody else, who has not been told the answer before
        asked = json.loads(await command(tmp_path, "ask", question, "--json", "--user", "another"))
        assert (asked["adapter"], correctness.right(question, value, asked["text"])) == ("", False)
    print(f"trained in {trained:.0f} s, {learned} of 16 right, adapter followed in {forward:.2f} s, "  # noqa: T201
          f"rolled back in {flipped + back:.2f} s")  # fmt: skip
