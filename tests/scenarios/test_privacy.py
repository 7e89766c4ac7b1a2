"""/privacy: what is kept of me, what has learned from it, and whether it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.knowledge.library import Library
from bot.learning.dataset_folder import folder_of, rows_in, write
from bot.learning.promotion import trained
from bot.place_settings import ServerSettings
from bot.request import Author, Place, Request
from bot.router import Router
from bot.scenarios.privacy import PrivacyScenario
from bot.stores import Stores, stores_over
from bot.turn import Say, Turn
from models.engine import EngineClient
from tests.learning.company import honest
from tests.learning.stores import built, take_rows

ME = Author("user-0")


def over(database: Database, folder: Path) -> Stores:
    return stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")), folder)


async def asked(stores: Stores, line: str, server: str = "", training: bool = False) -> Say:
    """What /privacy says to who wrote a file's rows."""
    request = Request("r", Place("import", server=server), ME, f"/privacy {line}")
    route = Router((PrivacyScenario(),), talk="privacy").route(request)
    turn = Turn("t", request, stores, route.text, route.options, server=ServerSettings(training=training))
    return cast(Say, await PrivacyScenario().plan(turn))


async def told(stores: Stores, line: str, **where: object) -> str:
    said = await asked(stores, line, **where)  # type: ignore[arg-type]
    assert said.private
    return said.finished.text


async def test_what_has_learned_from_me_is_named_and_forgotten(database: Database, tmp_path: Path) -> None:
    stores = over(database, tmp_path)
    await take_rows(stores, tmp_path, honest(1, authors=2))
    dataset = await built(stores)
    folder = write(dataset, folder_of(tmp_path, dataset))
    run = await stores.runs.begin("chat", parent="", by="test", host="h")
    await stores.runs.keep_rows(run.id, trained({"trained": {"sft": dataset.ids("sft"), "dpo": dataset.ids("dpo")}}))
    report = tmp_path / "runs" / run.id / "report.json"
    report.parent.mkdir(parents=True)
    mine = {turn.id for turn in await stores.turns.of_user("import:user-0")}
    samples = [{"id": one.id, "question": one.line["prompt"][-1]["content"]} for one in dataset.rows
               if one.stage == "test"]  # fmt: skip
    report.write_text(json.dumps({"verdict": "pass", "samples": samples}))

    said = await told(stores, "")
    assert f"{len(mine)} questions, {len(mine)} flags" in said
    assert f"{len(mine)} of your answers in {dataset.name}" in said
    assert f"{run.adapter} learned from {len(mine & dataset.trained)}" in said
    file = json.loads((await asked(stores, "export")).finished.files[0].content)
    assert file["learned"]["datasets"] == {dataset.name: len(mine)}

    said = await told(stores, "forget everything")
    assert f"{len(mine)} turns" in said
    assert f"{run.adapter} had learned from it" in said
    left = {line["id"] for lines in rows_in(folder).values() for line in lines}
    assert left
    assert not left & mine
    assert not {one["id"] for one in json.loads(report.read_text())["samples"]} & mine
    assert "nothing yet" in await told(stores, "show")
    assert not mine & {one.id for one in (await built(stores)).rows}
    assert not mine & (await stores.splits.of("chat")).keys()


async def test_training_is_off_until_everybody_has_said_yes(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite, tmp_path)
    assert "Your words train nothing" in await told(stores, "show")
    assert "Thank you" in await told(stores, "training on")
    assert "this server's admins have not" in await told(stores, "show", server="s")
    assert "You allow it, where the owner does too" in await told(stores, "show", server="s", training=True)
    await told(stores, "training off")
    assert "Your words train nothing" in await told(stores, "show", server="s", training=True)
    for line in ("training", "training maybe", "forget", "forget some"):
        with pytest.raises(UserError):
            await asked(stores, line)
