"""Datasets, runs, adapters and the service over HTTP: what each role sees and may do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from bot.database import now
from bot.request import Author
from bot.turns import add_turns
from tests.adapters.web.browser import Browser, events
from tests.adapters.web.conftest import Page
from tests.adapters.web.desk import ADMIN, MO, TESS, TOKEN, VERA, flagged, set_up, signed_in, turn_row
from tests.adapters.web.trained import DATASET, begun, ended, tell, write_dataset, write_outcome

Serve = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
async def desk(serve_page: Serve) -> AsyncIterator[Page]:
    async with serve_page(web_token=TOKEN, console_servers="discord:77") as page:
        await set_up(page.stores)
        yield page


async def words(browser: Browser, path: str, body: object = None) -> tuple[int, str]:
    response = await browser.send("POST", path, json=body if body is not None else {})
    return response.status, str(json.loads(await response.text()).get("error", ""))


async def test_only_those_who_may_train_change_what_answers(desk: Page) -> None:
    run = await ended(desk)
    changes = [f"/review/data/runs/{run.id}/{act}" for act in ("promote", "reject", "stop")]
    changes += [f"/review/data/scenarios/support/{act}" for act in ("train", "rollback", "canary")]
    for author in (VERA, MO):
        browser = await signed_in(desk, author)
        for path in changes:
            assert await words(browser, path) == (403, "Only those who may train can do that. Nothing was changed.")
        assert (await browser.get("/review/data/people")).status == 403
        await browser.http.close()
    kept = await desk.stores.runs.get(run.id)
    assert kept is not None
    assert kept.state == "inconclusive"
    assert await desk.stores.registry.services() == []


async def test_an_admin_of_a_server_that_is_not_trusted_does_not_train(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN) as page:
        run = await ended(page)
        browser = await signed_in(page, ADMIN)
        assert (await words(browser, f"/review/data/runs/{run.id}/promote"))[0] == 403
        assert (await browser.json("GET", "/review/items"))["items"] == []
        await browser.http.close()


async def test_forged_promotions_are_refused(desk: Page) -> None:
    run = await ended(desk)
    browser = await signed_in(desk, TESS)
    path = f"/review/data/runs/{run.id}/promote"
    for origin in ("https://evil.example", "null", ""):
        assert (await browser.send("POST", path, json={}, headers={"Origin": origin})).status == 403
    assert (await browser.send("POST", path, data="a=b")).status == 415
    assert (await browser.get(path)).status == 405
    assert await desk.stores.registry.services() == []
    await browser.http.close()


async def test_promote_and_roll_back(desk: Page) -> None:
    first, second = await ended(desk, seed=1), await ended(desk, seed=2, rows=("t2",))
    browser = await signed_in(desk, TESS)
    served = await browser.json("POST", f"/review/data/runs/{first.id}/promote", {})
    assert (served["adapter"], served["by"]) == ("support@0001", "Tess")
    trial = await browser.json("POST", f"/review/data/runs/{second.id}/promote", {"share": 10})
    assert (trial["adapter"], trial["canary"], trial["share"]) == ("support@0001", "support@0002", 10)
    whole = await browser.json("POST", "/review/data/scenarios/support/canary", {"keep": True})
    assert (whole["adapter"], whole["canary"]) == ("support@0002", "")
    back = await browser.json("POST", "/review/data/scenarios/support/rollback", {})
    assert back["adapter"] == "support@0001"
    listed = await browser.json("GET", "/review/data/runs")
    assert [(run["adapter"], run["state"], run["serving"]) for run in listed["runs"]] == [
        ("support@0002", "rolled_back", ""), ("support@0001", "promoted", "service"),
    ]  # fmt: skip
    adapters = (await browser.json("GET", "/review/data/adapters"))["adapters"]
    assert [(one["name"], one["trained"], one["run"]["id"]) for one in adapters] == [
        ("support@0002", {"sft": 1}, second.id), ("support@0001", {"sft": 1}, first.id),
    ]  # fmt: skip
    status, said = await words(browser, "/review/data/scenarios/chat/rollback")
    assert status == 400
    assert "nothing to roll back to" in said
    await browser.http.close()


async def test_what_cannot_be_done_is_said(desk: Page) -> None:
    rejected, (running, _) = await ended(desk, "rejected"), await begun(desk)
    browser = await signed_in(desk, TESS)
    status, said = await words(browser, f"/review/data/runs/{rejected.id}/promote")
    assert status == 400
    assert "It has to be forced." in said
    assert (await words(browser, f"/review/data/runs/{running.id}/promote"))[1] == "support@0002 is still training."
    assert (await words(browser, f"/review/data/runs/{running.id}/reject"))[0] == 400
    assert (await words(browser, f"/review/data/runs/{rejected.id}/stop"))[1] == "support@0001 has ended already."
    assert (await words(browser, f"/review/data/runs/{running.id}/promote", {"share": 200}))[0] == 400
    assert (await words(browser, "/review/data/runs/nonsense/promote"))[0] == 404
    assert (await words(browser, "/review/data/scenarios/nonsense/rollback"))[0] == 404
    assert "python -m bot train" in (await words(browser, "/review/data/scenarios/chat/train"))[1]
    forced = await browser.json("POST", f"/review/data/runs/{rejected.id}/promote", {"force": True})
    assert "although the gate did not let it pass" in forced["words"]
    await browser.json("POST", f"/review/data/runs/{running.id}/stop", {})
    stopping = await desk.stores.runs.get(running.id)
    assert stopping is not None
    assert stopping.stop_asked
    await browser.http.close()


async def test_rejecting_leaves_everything_as_it_is(desk: Page) -> None:
    run = await ended(desk)
    browser = await signed_in(desk, TESS)
    await browser.json("POST", f"/review/data/runs/{run.id}/reject", {})
    kept = await desk.stores.runs.get(run.id)
    assert kept is not None
    assert (kept.state, kept.words.startswith("Tess rejected it.")) == ("rejected", True)
    await browser.http.close()


async def test_a_run_is_followed_to_its_end(desk: Page) -> None:
    run, folder = await begun(desk)
    browser = await signed_in(desk, VERA)
    following = asyncio.create_task(browser.send("GET", f"/review/data/runs/{run.id}/events"))
    tell(folder, "sft", step=1, steps=2, loss=2.5)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"stage": "sft", "st')  # a kill in the middle of a line
    write_outcome(folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write("\n")
    tell(folder, "gate", "Judged")
    await desk.stores.runs.end(run.id, "inconclusive", "Chance could have done it.")
    told = events(await (await following).text())
    assert [data["stage"] for name, data in told if name == "event"] == ["load", "sft", "gate"]
    assert told[-2] == ("state", {"state": "inconclusive", "words": "Chance could have done it."})
    assert told[-1][0] == "end"
    await browser.http.close()


async def test_a_report_shows_what_people_wrote_to_those_who_may_train(desk: Page) -> None:
    run = await ended(desk)
    tess, mo = await signed_in(desk, TESS), await signed_in(desk, MO)
    whole = await tess.json("GET", f"/review/data/runs/{run.id}")
    assert whole["report"]["samples"][0]["question"] == "Is there a lift?"
    assert (whole["lineage"]["trained"], whole["lineage"]["base"]["name"]) == ({"sft": 1}, "tiny")
    assert [event["loss"] for event in whole["events"] if "loss" in event] == [3.0 / step for step in range(1, 6)]
    part = await mo.json("GET", f"/review/data/runs/{run.id}")
    assert part["report"]["verdict"] == "inconclusive"
    assert "samples" not in part["report"]
    assert "secret-id" not in json.dumps(part)
    assert part["report"]["words"][1] == "It lost one."
    assert "Who is" not in json.dumps(part)
    assert "Who is" not in json.dumps(await mo.json("GET", "/review/data/runs"))
    assert "Who is" not in json.dumps(await mo.json("GET", "/review/data/adapters"))
    assert "Who is" in json.dumps(whole)
    for browser in (tess, mo):
        await browser.http.close()


async def test_an_item_tells_who_learned_from_it(desk: Page) -> None:
    turn = await flagged(desk.stores, "Where?", "Here.", "There.")
    tess = await signed_in(desk, TESS)
    item = await tess.json("GET", f"/review/items/{turn}")
    await tess.json("POST", f"/review/items/{turn}/approve", {"revision": item["revision"]})
    run = await ended(desk, rows=(turn,))
    await tess.json("POST", f"/review/data/runs/{run.id}/promote", {})
    assert (await tess.json("GET", f"/review/items/{turn}"))["learned"] == ["support@0001"]
    status, said = await words(tess, f"/review/items/{turn}/undo")
    assert (status, said) == (
        400, "An adapter was trained with that decision, so it stays. Flag the answer anew instead.",
    )  # fmt: skip
    await tess.http.close()


async def test_datasets_by_server(desk: Page) -> None:
    write_dataset(desk)
    run = await ended(desk, rows=("t0",))
    tess, mo = await signed_in(desk, TESS), await signed_in(desk, MO)
    await tess.json("POST", f"/review/data/runs/{run.id}/promote", {})
    (listed,) = (await mo.json("GET", "/review/data/datasets"))["datasets"]
    assert (listed["name"], listed["dropped"], listed["runs"]) == (DATASET, {"no consent": 1}, ["support@0001"])
    rows = f"/review/data/datasets/{DATASET}/rows?file=sft.train"
    all_of_them = await tess.json("GET", rows)
    assert (all_of_them["count"], all_of_them["hidden"]) == (3, 0)
    assert all_of_them["rows"][0]["adapters"] == ["support@0001"]
    assert all_of_them["rows"][0]["provenance"]["source"] == "correction"
    ours = await mo.json("GET", rows)
    assert ([row["id"] for row in ours["rows"]], ours["hidden"]) == (["t0", "t1"], 1)
    assert [row["id"] for row in (await tess.json("GET", f"{rows}&words=answer 2"))["rows"]] == ["t2"]
    shown = await mo.json("GET", f"/review/data/datasets/{DATASET}")
    assert shown["files"] == [{"file": "sft.train", "title": "Learns to answer so", "count": 3}]
    for browser in (tess, mo):
        await browser.http.close()


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fetc", "support-0123456789ab%2F..", "support-zzzzzzzzzzzz", "chat-0123456789ab"]
)
async def test_a_datasets_name_leads_nowhere_else(desk: Page, name: str) -> None:
    write_dataset(desk)
    browser = await signed_in(desk, TESS)
    for path in (f"/review/data/datasets/{name}", f"/review/data/datasets/{name}/rows?file=sft.train"):
        assert (await browser.get(path)).status == 404
    assert (await browser.get(f"/review/data/datasets/{DATASET}/rows?file=../x")).status == 400
    await browser.http.close()


async def test_the_golden_set_is_kept_by_those_who_may_train(desk: Page) -> None:
    for number in range(2):
        await desk.stores.database.transact(add_turns, [turn_row(f"Question {number}?", "a", id=f"g{number}")])
        turn = await desk.stores.turns.get(f"g{number}")
        assert turn is not None
        await desk.stores.golden.add(turn, f"Answer {number}.", "discord:2")
    tess, mo = await signed_in(desk, TESS), await signed_in(desk, MO)
    assert await mo.json("GET", "/review/data/golden") == {"counts": {"support": 2}, "items": []}
    assert (await words(mo, "/review/data/golden/g0", {"wanted": "out"}))[0] == 403
    await tess.json("POST", "/review/data/golden/g0", {"wanted": "critical"})
    await tess.json("POST", "/review/data/golden/g1", {"wanted": "out"})
    assert (await words(tess, "/review/data/golden/g1", {"wanted": "critical"}))[0] == 404
    (kept,) = (await tess.json("GET", "/review/data/golden"))["items"]
    assert (kept["id"], kept["reference"], kept["critical"]) == ("g0", "Answer 0.", True)
    for browser in (tess, mo):
        await browser.http.close()


async def test_the_service(desk: Page) -> None:
    moment = now()
    rows = [
        turn_row("q", "a", ttft=0.1 * number, seconds=float(number), created=moment - timedelta(minutes=number))
        for number in range(1, 21)
    ]
    rows.append(turn_row("q", "", state="failed", error="EngineUnavailable: secret words", created=moment, ttft=None))
    rows.append(turn_row("q", "a", created=moment - timedelta(days=2)))
    rows.append(turn_row("q", "a", platform="import", created=moment))
    await desk.stores.database.transact(add_turns, rows)
    for number, row in enumerate(rows[:10]):
        await desk.stores.feedback.rate(row["id"], "discord:8", "up" if number < 8 else "down")
    browser = await signed_in(desk, VERA)
    day = await browser.json("GET", "/review/data/service?hours=24")
    assert (day["running"], day["waiting"], day["turns"], day["failed"]) == (0, 0, 21, 1)
    assert day["ttft"] == {"p50": pytest.approx(1.0), "p95": pytest.approx(1.9)}
    assert day["errors"] == {"EngineUnavailable": 1}
    assert (sum(bar["turns"] for bar in day["bars"]), len(day["bars"])) == (21, 24)
    (rating,) = day["ratings"]
    assert (rating["scenario"], rating["adapter"], rating["up"], rating["n"]) == ("support", "", 8, 10)
    assert rating["interval"] == pytest.approx([0.490, 0.943], abs=0.001)
    assert (await browser.json("GET", "/review/data/service?hours=168"))["turns"] == 22
    assert "secret words" not in json.dumps(day)
    await browser.http.close()


async def test_the_owner_signs_people_out(desk: Page) -> None:
    mo = await signed_in(desk, MO)
    owner = await signed_in(desk, Author("owner", "Olga"), granted="admin")
    visits = (await owner.json("GET", "/review/data/people"))["visits"]
    assert [(one["name"], one["granted"]) for one in visits] == [("Olga", "admin"), ("Mo", "")]
    await owner.json("POST", f"/review/data/people/{visits[1]['key']}/dismiss")
    assert (await mo.get("/review/items")).status == 401
    assert (await owner.send("POST", "/review/data/people/nonsense/dismiss")).status == 404
    for browser in (mo, owner):
        await browser.http.close()
