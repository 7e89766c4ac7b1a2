"""Two hundred planted secrets and personal data: none stands on any page of the console, wherever they came in."""

from __future__ import annotations

import html
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from adapters.console.feedback import export_feedback
from adapters.web.review.pages import PAGES
from bot.learning.dataset_folder import folder_of, write
from bot.learning.digest import Digests
from bot.learning.flags import Reason, Report
from tests.adapters.web.browser import Browser
from tests.adapters.web.conftest import Page
from tests.adapters.web.desk import MO, TOKEN, signed_in
from tests.adapters.web.trained import REPORT, begun, tell
from tests.learning.planted import planted, rows_with
from tests.learning.stores import built, take_rows

Serve = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
async def desk(serve_page: Serve) -> AsyncIterator[Page]:
    async with serve_page(web_token=TOKEN) as page:
        yield page


@pytest.fixture
async def owner(desk: Page) -> AsyncIterator[Browser]:
    """Who sees all there is to see."""
    async with desk.browser() as browser:
        await browser.send("POST", "/login", data={"token": TOKEN})
        yield browser


async def test_what_an_import_held_is_on_no_page(desk: Page, owner: Browser, tmp_path: Path) -> None:
    pairs = planted()
    assert len(pairs) >= 200
    rows = rows_with(pairs)
    for number, row in enumerate(rows):
        row["golden"] = number % 9 == 4
        row["reviewers"] = row["reviewers"][: number % 3]  # nobody, too few, enough: some wait in the queue
    counts = await take_rows(desk.stores, tmp_path, rows)
    assert min(counts.outcomes[name] for name in ("waiting", "approved", "golden")) > 20
    dataset = await built(desk.stores)
    write(dataset, folder_of(desk.settings.data_dir, dataset))
    await reported(desk, dataset.name, [text for row in dataset.rows for text in texts(row.line)])
    seen = await pages(owner)
    assert len(seen["queue"]) == counts.outcomes["waiting"]
    assert len(seen["decided"]) == counts.outcomes["approved"]
    assert len(seen["golden"]) == counts.outcomes["golden"]
    assert len(seen["rows"]) > 100
    await exported(desk, tmp_path / "out.jsonl", seen)
    digest = await Digests(desk.stores.database, desk.stores.places).of("import", "")
    seen["digest"] = [digest.words]
    assert_none(pairs, seen)


async def test_what_a_member_wrote_of_an_answer_is_on_no_page(desk: Page, owner: Browser, tmp_path: Path) -> None:
    """A note, a better answer beside it, a better answer beside a thumb, and a reviewer's own words."""
    pairs = planted()
    key = await owner.new_key()
    written = [text for _, text in pairs]
    for number in range(0, len(written), 4):
        typed, note, better, own = (written[number : number + 4] * 4)[:4]
        one, two = [(await owner.answer(key, f"What is in line {number} of {of}?"))["turn"] for of in "ab"]
        await owner.press(key, one, "flag", f"wrong fact: {typed}")
        await owner.press(key, two, "flag", Report((Reason.STYLE,), note, better).value)
        await owner.press(key, two, "down", own)
    seen = await pages(owner)
    assert len(seen["queue"]) > 100
    turns = [item.turn_id for item in await desk.stores.reviews.queue(most=len(pairs))]
    mo = await signed_in(desk, MO, granted="review")
    for turn, better, question in zip(turns, written, reversed(written), strict=False):
        await mo.json("POST", f"/review/items/{turn}/edit", {"text": better, "question": question})
    await mo.http.close()
    seen["edited"] = [text for found in (await pages(owner)).values() for text in found]
    await exported(desk, tmp_path / "out.jsonl", seen)
    assert_none(pairs, seen)


async def reported(desk: Page, dataset: str, questions: list[str]) -> None:
    """A run with that dataset, whose report quotes it as the gate does."""
    run, folder = await begun(desk)
    await desk.stores.runs.change(run.id, dataset=dataset)
    samples = [REPORT["samples"][0] | {"question": question, "candidate": question} for question in questions]
    (folder / "report.json").write_text(json.dumps(REPORT | {"samples": samples}))
    tell(folder, "sft", step=1, steps=5, loss=3.0)
    await desk.stores.runs.end(run.id, "inconclusive", f"It lost one: '{questions[0]}'.")


async def pages(browser: Browser) -> dict[str, list[str]]:
    """All that the console shows, by page."""
    seen: dict[str, list[str]] = {}

    async def look(name: str, path: str) -> Any:
        response = await browser.get(path, headers={"Accept": "text/html"})
        assert response.ok, path
        text = await response.text()
        value = json.loads(text) if response.content_type == "application/json" else None
        seen.setdefault(name, []).extend([text, html.unescape(text), *texts(value)])
        return value

    for name in PAGES:
        await look("frames", "/review" if name == "queue" else f"/review/{name}")
    for state in ("open", "decided"):
        after, ids = "", []
        while True:
            listed = await look("lists", f"/review/items?state={state}&after={after}")
            ids += [row["turn_id"] for row in listed["items"]]
            if not listed["more"]:
                break
            after = listed["items"][-1]["mark"]
        seen["queue" if state == "open" else state] = [
            "\n".join(texts(await look("items", f"/review/items/{turn}"))) for turn in ids
        ]
    for path in ("counts", "figures"):
        await look("lists", f"/review/{path}")
    for one in (await look("datasets", "/review/data/datasets"))["datasets"]:
        shown = await look("datasets", f"/review/data/datasets/{one['name']}")
        await look("frames", f"/review/datasets/{one['name']}")
        for file in shown["files"]:
            for start in range(0, file["count"], 40):
                path = f"/review/data/datasets/{one['name']}/rows?file={file['file']}&from={start}"
                rows = (await look("datasets", path))["rows"]
                seen.setdefault("rows", []).extend(json.dumps(row, ensure_ascii=False) for row in rows)
    golden = await look("lists", "/review/data/golden")
    seen["golden"] = [json.dumps(item, ensure_ascii=False) for item in golden["items"]]
    for run in (await look("runs", "/review/data/runs"))["runs"]:
        for path in (f"/review/data/runs/{run['id']}", f"/review/data/runs/{run['id']}/events"):
            await look("runs", path)
        await look("frames", f"/review/runs/{run['id']}")
    for path in ("adapters", "service", "people"):
        await look(path, f"/review/data/{path}")
    for path in ("/knowledge", "/knowledge/documents", "/metrics", "/readyz"):
        await look("live", path)
    return seen


async def exported(desk: Page, path: Path, seen: dict[str, list[str]]) -> None:
    """`feedback export`, and what it says."""
    said = StringIO()
    await export_feedback(desk.settings, path, "", Console(file=said))
    lines = path.read_text(encoding="utf-8").splitlines()
    seen["export"] = [said.getvalue(), *lines, *(text for line in lines for text in texts(json.loads(line)))]
    seen["gaps"] = [gap.question for gap in await desk.stores.gaps.open(None)]


def texts(value: Any) -> Iterator[str]:
    """Every text in what an answer holds, as a reader gets to see it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def assert_none(pairs: list[tuple[str, str]], seen: dict[str, list[str]]) -> None:
    for name, found in seen.items():
        everything = "\n".join(found)
        assert [thing for thing, _ in pairs if thing in everything] == [], name
