"""The moderators' console over HTTP: who comes in, what each role may do, forged requests, long queues."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.request import Author
from tests.adapters.web.browser import Browser
from tests.adapters.web.conftest import Page
from tests.adapters.web.desk import (
    ADMIN,
    GUILD,
    MIA,
    MO,
    TESS,
    TOKEN,
    VERA,
    five,
    flagged,
    link,
    many,
    set_up,
    signed_in,
)

Serve = Callable[..., AbstractAsyncContextManager[Page]]
HTML = {"Accept": "text/html"}


@pytest.fixture
async def desk(serve_page: Serve) -> AsyncIterator[Page]:
    """A page behind a token, with a server that has moderators."""
    async with serve_page(web_token=TOKEN, console_servers="discord:77") as page:
        await set_up(page.stores)
        yield page


async def sign_in(page: Page, author: Author, **more: Any) -> Browser:
    return await signed_in(page, author, **more)


async def words(browser: Browser, method: str, path: str, body: object = None) -> tuple[int, str]:
    """The status of a call, and its sentence."""
    response = await browser.send(method, path, **({} if body is None else {"json": body}))
    data = json.loads(await response.text())
    return response.status, str(data.get("error", "")) if isinstance(data, dict) else ""


async def test_nobody_comes_in_without_a_link(desk: Page) -> None:
    async with desk.browser() as browser:
        asked = await browser.get("/review", headers=HTML)
        assert asked.url.path == "/review/enter"
        assert "/review</code>" in await asked.text()
        assert await words(browser, "GET", "/review/items") == (
            401, "You are no longer signed in. Ask for a new link with /review.",
        )  # fmt: skip
        made_up = {f"parley-review-{desk.port}": "0" * 48}
        assert (await browser.get("/review/items", cookies=made_up)).status == 401


async def test_a_link_signs_in_once_and_not_by_being_looked_at(desk: Page) -> None:
    path = await link(desk.stores, MO)
    for _ in range(2):  # as chats do to preview a link
        async with desk.browser() as browser:
            looked = await browser.get(path, headers=HTML)
            assert "signs you in as <strong>Mo</strong>, who may review" in await looked.text()
            assert (await browser.get("/review/items")).status == 401
    async with desk.browser() as browser:
        forged = await browser.send("POST", path, headers={"Origin": "https://evil.example"})
        assert forged.status == 403
        entered = await browser.send("POST", path)
        assert (entered.status, entered.url.path) == (200, "/review")
        assert (await browser.get("/review/items")).status == 200
        assert (await browser.get("/commands")).status == 401  # the chat wants the page's token all the same
    async with desk.browser() as other:
        late = await other.send("POST", path)
        assert late.status == 410
        assert "used already" in await late.text()


async def test_the_cookie_is_strict_and_ends_with_signing_out(desk: Page) -> None:
    browser = await sign_in(desk, MO)
    (cookie,) = [one for one in browser.http.cookie_jar if one.key.startswith("parley-review")]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    kept = {cookie.key: cookie.value}
    assert (await browser.send("POST", "/review/leave")).url.path == "/review/enter"
    assert (await browser.get("/review/items", cookies=kept)).status == 401
    await browser.http.close()


async def test_the_owner_needs_no_link(desk: Page) -> None:
    async with desk.browser() as browser:
        await browser.send("POST", "/login", data={"token": TOKEN})
        page = await browser.get("/review", headers=HTML)
        assert 'data-role="4"' in await page.text()


async def test_on_this_machine_alone_everybody_is_the_owner(page: Page) -> None:
    async with page.browser() as browser:
        assert 'data-role="4"' in await (await browser.get("/review", headers=HTML)).text()
        browser.http.cookie_jar.clear()
        crossed = await browser.get("/review", headers=HTML | {"Sec-Fetch-Site": "cross-site"})
        assert "Set-Cookie" not in crossed.headers
        assert 'http-equiv="refresh"' in await crossed.text()


async def test_behind_a_proxy_the_page_has_its_public_name(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN, web_url="https://parley.example.org") as page, page.browser() as browser:
        path, public = await link(page.stores, ADMIN, granted="view"), {"Host": "parley.example.org"}
        assert (await browser.get(path, headers=public)).status == 200
        assert (await browser.get(path, headers={"Host": "evil.example"})).status == 403
        headers = public | {"Origin": "https://parley.example.org", "X-Forwarded-Proto": "https"}
        entered = await browser.send("POST", path, headers=headers, allow_redirects=False)
        assert entered.status == 303
        assert "Secure" in entered.headers["Set-Cookie"]


async def test_a_role_that_was_taken_away_counts_no_longer(desk: Page) -> None:
    browser = await sign_in(desk, MO)
    await desk.stores.places.change(GUILD, ADMIN, "moderator_roles", "others")
    assert (await browser.get("/review/items")).status == 401
    await browser.http.close()


async def test_a_viewer_changes_nothing(desk: Page) -> None:
    turn = (await five(desk.stores))[0]
    browser = await sign_in(desk, VERA)
    assert (await browser.json("GET", "/review/items"))["counts"]["open"] == 5
    assert (await browser.json("GET", f"/review/items/{turn}"))["hindered"].startswith("You may look here")
    body = {"revision": 1, "text": "x", "wanted": "in"}
    for act in ("claim", "release", "escalate", "approve", "edit", "reject", "undo", "golden"):
        status, said = await words(browser, "POST", f"/review/items/{turn}/{act}", body)
        assert (status, said) == (403, "You may look here, but only this server's moderators can decide."), act
    item = await desk.stores.reviews.get(turn)
    assert item is not None
    assert (item.state, item.claimed_by) == ("open", "")
    await browser.http.close()


async def test_forged_requests_are_refused(desk: Page) -> None:
    turn = (await five(desk.stores))[0]
    browser = await sign_in(desk, MO)
    path = f"/review/items/{turn}/reject"
    for origin in ("https://evil.example", "null", "", "http://127.0.0.1:1"):
        assert (await browser.send("POST", path, json={}, headers={"Origin": origin})).status == 403
    as_form = await browser.send("POST", path, data="{}", headers={"Content-Type": "text/plain"})
    assert as_form.status == 415
    assert (await browser.send("POST", path, json={})).status == 200
    await browser.http.close()


async def test_other_servers_are_none_of_a_moderators_business(desk: Page) -> None:
    turn = await flagged(desk.stores, "Where?", "Here.", server="78")
    browser = await sign_in(desk, MO)
    assert (await browser.json("GET", "/review/items"))["items"] == []
    assert (await words(browser, "GET", f"/review/items/{turn}"))[0] == 404
    for act in ("claim", "approve", "edit", "reject", "undo", "escalate", "golden", "translate"):
        body = {"revision": 1, "text": "x", "wanted": "in", "to": "de"}
        assert (await words(browser, "POST", f"/review/items/{turn}/{act}", body))[0] in (400, 404), act
    assert await desk.stores.golden.get(turn) is None
    await browser.http.close()


async def test_votes_are_shown_after_ones_own(desk: Page) -> None:
    turn = await flagged(desk.stores, "How much?", "It is 20.", "It is 35.")
    mo, mia = await sign_in(desk, MO), await sign_in(desk, MIA)
    before = await mo.json("GET", f"/review/items/{turn}")
    assert (before["votes"], before["needed"]) == (None, 2)
    after = await mo.json(
        "POST", f"/review/items/{turn}/approve", {"revision": before["revision"], "reasons": ["style"]}
    )
    assert (after["state"], after["own"]) == ("open", "approved")
    assert after["votes"]["reviewers"] == [
        {"who": "you", "decision": "approved", "reasons": ["style"], "correction": "It is 35."}
    ]
    hers = await mia.json("GET", f"/review/items/{turn}")
    assert hers["votes"] is None
    done = await mia.json("POST", f"/review/items/{turn}/approve", {"revision": hers["revision"]})
    assert (done["state"], len(done["votes"]["reviewers"])) == ("approved", 2)
    for browser in (mo, mia):
        await browser.http.close()


async def test_stale_wrong_and_strange_bodies(desk: Page) -> None:
    turn = await flagged(desk.stores, "Where?", "Here.", "There.")
    browser = await sign_in(desk, MO)
    path = f"/review/items/{turn}"
    for act, body, said in (
        ("approve", {}, "Say which revision was looked at."),
        ("approve", {"revision": 99}, "This one has changed since you opened it; look at it again."),
        ("reject", {"reasons": ["nonsense"]}, "There is no such reason."),
        ("edit", {"text": " "}, "The better answer needs some text; use Approve when there is none to give."),
        ("golden", {"wanted": "in"}, "Decide on it first: the golden set holds right answers only."),
    ):
        assert await words(browser, "POST", f"{path}/{act}", body) == (400, said)
    assert (await words(browser, "POST", f"{path}/nonsense", {}))[0] == 404
    assert (await words(browser, "GET", "/review/items?state=nonsense"))[0] == 400
    assert (await words(browser, "GET", "/review/items/nonsense"))[0] == 404
    await browser.http.close()


async def test_the_golden_set(desk: Page) -> None:
    turn = await flagged(desk.stores, "Where?", "Here.", "There.")
    browser = await sign_in(desk, MO)
    path = f"/review/items/{turn}"
    await browser.json("POST", f"{path}/edit", {"text": "Over there.", "question": "Where is it?"})
    assert (await browser.json("POST", f"{path}/golden", {"wanted": "critical"}))["golden"] == {"critical": True}
    kept = await desk.stores.golden.get(turn)
    assert kept is not None
    assert (kept.reference, kept.critical, kept.user) == ("Over there.", True, "discord:2")
    assert (await browser.json("POST", f"{path}/golden", {"wanted": "out"}))["golden"] is None
    await browser.json("POST", f"{path}/golden", {"wanted": "in"})
    assert (await browser.json("GET", path))["rewritten"] == "Where is it?"
    await browser.json("POST", f"{path}/undo", {})
    assert await desk.stores.golden.get(turn) is None  # what vouched for it was taken back
    await browser.http.close()


async def test_what_is_passed_on_is_for_those_who_may_train(desk: Page) -> None:
    turn = await flagged(desk.stores, "Where?", "Here.", "There.")
    mo, tess = await sign_in(desk, MO), await sign_in(desk, TESS)
    passed = await mo.json("POST", f"/review/items/{turn}/escalate", {})
    assert passed["hindered"] == "Mo has passed that one on to the admins."
    assert (await words(mo, "POST", f"/review/items/{turn}/reject", {}))[0] == 400
    assert (await tess.json("POST", f"/review/items/{turn}/reject", {}))["state"] == "rejected"
    for browser in (mo, tess):
        await browser.http.close()


async def test_a_text_is_read_in_another_language_and_kept_nowhere(desk: Page) -> None:
    turn = await flagged(desk.stores, "Wo?", "Hier.", "Dort.")
    browser = await sign_in(desk, VERA)
    said = await browser.json("POST", f"/review/items/{turn}/translate", {"to": "en"})
    assert said == {"question": "[en] Wo?", "answer": "[en] Hier.", "suggestion": "[en] Dort."}
    assert await desk.stores.turns.of_user("web:5") == []
    assert desk.script.open == 0
    await browser.http.close()


async def test_a_model_that_breaks_is_one_sentence(desk: Page) -> None:
    turn = await flagged(desk.stores, "please break", "Hier.")
    browser = await sign_in(desk, VERA)
    status, said = await words(browser, "POST", f"/review/items/{turn}/translate", {"to": "en"})
    assert status == 503
    assert said.startswith("The model cannot translate it just now.")
    await browser.http.close()


async def test_a_long_queue_costs_no_more_than_a_short_one(desk: Page) -> None:
    browser = await sign_in(desk, MO)
    await five(desk.stores)
    await browser.get("/review/items")  # what is kept for half a minute is loaded before each count
    few = await statements(desk.stores.database, browser, "/review/items")
    await many(desk.stores, 1000)
    await browser.get("/review/items")
    assert await statements(desk.stores.database, browser, "/review/items") == few
    page = await browser.json("GET", "/review/items")
    assert (len(page["items"]), page["more"], page["counts"]["open"]) == (50, True, 1005)
    assert page["items"][0]["reasons"] == {"style": 1}
    await browser.http.close()


async def statements(database: Database, browser: Browser, path: str) -> int:
    """How many statements a request costs."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    engines = (database.engine.sync_engine, database._alone.sync_engine)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        await browser.json("GET", path)
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
    return len([one for one in seen if one.startswith(("SELECT", "WITH"))])
