"""Training from the command line: what is said, what comes of it, and the way back."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from adapters.console.evaluate import evaluate
from adapters.console.feedback import import_feedback
from adapters.console.train import Shown, train
from adapters.console.training import list_runs, promote, roll_back
from bot.errors import UserError
from bot.settings import Settings
from tests.learning import company
from tests.learning.runs import TRAINER
from tests.models.conftest import REPOSITORY, tiny_checkpoint

__all__ = ["tiny_checkpoint"]


@dataclass
class Terminal:
    """What the commands print."""

    settings: Settings
    behaviour: Path

    async def said(self, command: Awaitable[int], code: int = 0) -> str:
        assert await command == code
        return self.console.file.getvalue()  # type: ignore[attr-defined, no-any-return]

    def screen(self) -> Console:
        self.console = Console(file=io.StringIO(), width=200)
        return self.console

    async def train(self, scenario: str = "chat", *, code: int = 0, **how: bool) -> str:
        asked = {"dry_run": False, "force": False} | how
        return await self.said(train(self.settings, scenario, self.screen(), **asked), code)

    def behaves(self, **how: Any) -> None:
        self.behaviour.write_text(json.dumps({"made": str(self.behaviour.parent / "made")} | how))


@pytest.fixture
async def terminal(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A store with something to learn in /chat, and the tests' trainer."""
    from tests.models import tiny

    monkeypatch.chdir(REPOSITORY)
    tiny.adapter(tmp_path / "made", tiny_checkpoint)
    launcher = f"{TRAINER} --behaviour {tmp_path / 'behaviour.json'}"
    settings = Settings(
        _env_file=None, data_dir=tmp_path / "data", model=str(tiny_checkpoint), embedding_model="none",
        train_launcher=launcher,
    )  # fmt: skip
    terminal = Terminal(settings, tmp_path / "behaviour.json")
    terminal.behaves()
    rows = company.write(tmp_path / "rows.jsonl", company.honest(1) + company.replay() + company.golden())
    await terminal.said(import_feedback(settings, rows, terminal.screen()))
    return terminal


async def test_from_a_dry_run_to_the_way_back(terminal: Terminal) -> None:
    foreseen = await terminal.train(dry_run=True)
    assert "test: 8" in foreseen
    assert "dropped: 0" in foreseen
    assert not terminal.settings.datasets.exists()
    assert "No runs yet" in await terminal.said(list_runs(terminal.settings, "", terminal.screen()))
    told = await terminal.train()
    assert "load: Loading" in told
    assert "sft: 3 of 3 loss 0.333" in told
    assert "chat@0001 is in service.\n9 of 10 are right that were wrong." in told
    listed = await terminal.said(list_runs(terminal.settings, "chat", terminal.screen()))
    assert "chat@0001  in service" in listed
    assert "/chat is answered by chat@0001." in listed
    back = await terminal.said(roll_back(terminal.settings, "chat", terminal.screen()))
    assert "/chat is answered by the model as it came." in back
    again = await terminal.said(promote(terminal.settings, "chat@0001", 30, False, terminal.screen()))
    assert "chat@0001 is on trial for 30 % of the people" in again
    with pytest.raises(UserError, match="nothing new to learn for /chat"):
        await terminal.train(force=True)


@pytest.mark.parametrize(
    ("verdict", "code", "words"),
    [
        ("fail", 0, "chat@0001 did not pass the gate."),
        ("inconclusive", 0, "`python -m bot promote chat@0001` puts it into service."),
        ("failed", 1, "Training broke: the loss is no number."),
    ],
)
async def test_what_does_not_pass_is_told(terminal: Terminal, verdict: str, code: int, words: str) -> None:
    terminal.behaves(verdict=verdict)
    assert words in await terminal.train(code=code)
    with pytest.raises(UserError, match="nothing to roll back to"):
        await roll_back(terminal.settings, "chat", terminal.screen())


async def test_ctrl_c_before_there_is_a_run_ends_the_preparations(terminal: Terminal) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """An engine that listens and never answers."""
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = terminal.settings.model_copy(update={"engine_url": url, "train_augment": 2})
        console = terminal.screen()
        training = asyncio.create_task(train(settings, "chat", console, dry_run=False, force=True))
        await asyncio.wait_for(asked.wait(), 60)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(training, 60)
    assert "Stopped before anything was trained." in console.file.getvalue()  # type: ignore[attr-defined]
    assert "no runs" in (await terminal.said(list_runs(terminal.settings, "chat", terminal.screen()))).lower()
    assert "chat@0001" in await terminal.train()  # and keeps nobody from the next one


async def test_all_scenarios_are_looked_at_and_those_with_nothing_say_so(terminal: Terminal) -> None:
    told = await terminal.train("")
    assert "chat@0001 is in service." in told
    assert "nothing new to learn for /story" in told
    with pytest.raises(UserError, match="There is no scenario cooking; there are: chat"):
        await terminal.train("cooking")
    with pytest.raises(UserError, match="There is no run nothing"):
        await promote(terminal.settings, "nothing", None, False, terminal.screen())


async def test_eval_asks_both_and_counts(terminal: Terminal) -> None:
    await terminal.train()
    told = await terminal.said(evaluate(terminal.settings, "chat", terminal.screen(), 2))
    assert "right by chat@0001" in told
    assert "flagged" in told
    assert told.count("  before: ") == told.count("  now: ") == 2
    with pytest.raises(UserError, match="nothing to ask for /story"):
        await evaluate(terminal.settings.model_copy(), "story", terminal.screen(), 2)


def test_a_bar_a_stage_where_somebody_watches() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Shown(console) as shown:
        shown.event({"stage": "load", "words": "Loading the model"})
        for step in range(1, 5):
            shown.event({"stage": "sft", "step": step, "steps": 4, "loss": 1.0 / step, "words": ""})
    assert "Loading the model" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "sft loss 0.250" in console.file.getvalue()  # type: ignore[attr-defined]
