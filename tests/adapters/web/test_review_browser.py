"""The moderators' console in a real browser: signed in by a link, five flags by keyboard, a viewer, a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from bot.learning.promotion import Promotion
from bot.request import Author
from tests.adapters.web.chromium import CHROMIUM, launched, watch
from tests.adapters.web.conftest import Page as Served
from tests.adapters.web.conftest import serve
from tests.adapters.web.desk import ADMIN, MIA, MO, QUESTIONS, TESS, TOKEN, VERA, five, flagged, link, set_up
from tests.adapters.web.platforms import Members, Platforms
from tests.adapters.web.trained import DATASET, begun, ended, tell, write_dataset, write_outcome
from tests.conftest import missing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM:
        missing("Chromium is not installed, so the console is not tried in a browser.")
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path, web_token=TOKEN, console_servers="discord:77") as page:
        await set_up(page.stores)
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def troubles() -> AsyncIterator[list[str]]:
    """Script errors and requests to any other host fail the test."""
    found: list[str] = []
    yield found
    assert not found


async def sign_in(chromium: Browser, desk: Served, author: Author, troubles: list[str], **options: object) -> Page:
    """A browser of somebody's own, signed in by their link."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 820}, **options)  # type: ignore[arg-type]
    tab = await context.new_page()
    watch(tab, desk.url, troubles)
    await tab.goto(desk.url.rstrip("/") + await link(desk.stores, author))
    await tab.get_by_role("button", name="Sign in").click()
    await tab.wait_for_url("**/review")
    return tab


async def test_five_flags_by_keyboard(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    ids = await five(desk.stores)
    tab = await sign_in(chromium, desk, MO, troubles)
    await expect(tab.locator(".entry")).to_have_count(5)
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[0][0])
    await expect(tab.locator(".compare ins").first).to_be_visible()
    await tab.keyboard.press("2")
    await tab.keyboard.press("g")
    await expect(tab.locator(".chip.gold")).to_be_visible()
    await tab.keyboard.press("a")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[1][0])
    await tab.keyboard.press("r")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[2][0])
    await tab.keyboard.press("e")
    await tab.locator("textarea.better").press("ControlOrMeta+a")
    await tab.keyboard.type("Guide dogs only.")
    await expect(tab.locator(".preview ins").first).to_be_visible()
    await tab.keyboard.press("Control+Enter")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[3][0])
    await tab.keyboard.press("x")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[4][0])
    await tab.keyboard.press("r")
    await expect(tab.locator(".entry.done")).to_have_count(4)
    await tab.keyboard.press("u")
    await expect(tab.locator("#toast")).to_have_text("It is open again.")
    await expect(tab.locator(".entry.done")).to_have_count(3)
    await tab.keyboard.press("a")
    await expect(tab.locator(".entry.done")).to_have_count(4)
    await expect(tab.locator("[data-count=decided]")).to_have_text("4")
    items = [await desk.stores.reviews.get(one) for one in ids]
    assert [(item.state, item.correction, item.escalator) for item in items if item is not None] == [
        ("approved", QUESTIONS[0][2], ""), ("rejected", "", ""), ("edited", "Guide dogs only.", ""), ("open", "", "Mo"),
        ("approved", QUESTIONS[4][2], ""),
    ]  # fmt: skip
    (verdict,) = await desk.stores.reviews.verdicts(ids[0])
    assert verdict.reasons == ("wrong_fact", "wrong_language")
    golden = await desk.stores.golden.get(ids[0])
    assert golden is not None
    assert golden.reference == QUESTIONS[0][2]
    await tab.context.close()


async def test_keys_help_and_search(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    await five(desk.stores)
    tab = await sign_in(chromium, desk, MO, troubles)
    await expect(tab.locator(".entry")).to_have_count(5)
    await tab.keyboard.press("ArrowDown")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[1][0])
    await tab.keyboard.press("ArrowUp")
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[0][0])
    await tab.keyboard.press("?")
    await expect(tab.locator("#keys")).to_be_visible()
    await tab.keyboard.press("a")  # decides nothing while the keys are shown
    await tab.keyboard.press("Escape")
    await expect(tab.locator("#keys")).to_be_hidden()
    await tab.keyboard.press("/")
    await tab.keyboard.type("gift")
    await tab.keyboard.press("Enter")
    await expect(tab.locator(".entry")).to_have_count(1)
    await expect(tab.locator(".question")).to_have_text(QUESTIONS[4][0])
    await expect(tab.locator("[data-count=open]")).to_have_text("5")
    await tab.keyboard.press("Escape")
    await tab.keyboard.press("t")
    await expect(tab.locator(".translation")).to_contain_text(f"[en-US] {QUESTIONS[4][0]}")
    await tab.locator("#figures").click()
    await expect(tab.locator("#figures-body .bar")).to_have_count(14)
    await tab.context.close()


async def test_two_moderators_on_one_item(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    await flagged(desk.stores, "How much is it?", "It is 20.", "It is 35.")
    mo, mia = [await sign_in(chromium, desk, who, troubles) for who in (MO, MIA)]
    await expect(mo.locator(".question")).to_be_visible()
    await mo.keyboard.press("c")
    await expect(mo.locator(".chip.state").first).to_contain_text("yours")
    await mia.reload()
    await expect(mia.locator(".hindered")).to_have_text("Mo is looking at this one just now.")
    await expect(mia.locator("[data-verb=approve]")).to_be_disabled()
    await mo.keyboard.press("a")
    await expect(mo.locator("#toast")).to_contain_text("a second moderator has to agree")
    await mia.reload()
    await expect(mia.locator(".votes")).to_have_count(0)
    await mia.locator("[data-verb=approve]").click()
    await expect(mia.locator("#toast")).to_contain_text("Approved")
    for tab in (mo, mia):
        await tab.context.close()


async def test_a_viewer_only_looks(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    ids = await five(desk.stores)
    tab = await sign_in(chromium, desk, VERA, troubles)
    await expect(tab.locator(".hindered")).to_contain_text("You may look here")
    for key in ("a", "r", "e", "g", "x", "c", "u"):
        await tab.keyboard.press(key)
    for verb in ("approve", "edit", "reject"):
        await expect(tab.locator(f"[data-verb={verb}]")).to_be_disabled()
    forged = await tab.evaluate(
        "path => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        ".then((answer) => answer.status)",
        f"/review/items/{ids[0]}/reject",
    )
    assert forged == 403
    assert len(await desk.stores.reviews.queue()) == 5
    await tab.context.close()


async def test_a_phone(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    await five(desk.stores)
    context = await chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    phone = await context.new_page()
    watch(phone, desk.url, troubles)
    await phone.goto(desk.url.rstrip("/") + await link(desk.stores, MO))
    await phone.get_by_role("button", name="Sign in").tap()
    await phone.locator(".entry").nth(1).tap()
    await expect(phone.locator(".question")).to_have_text(QUESTIONS[1][0])
    assert await phone.evaluate("document.documentElement.scrollWidth") == 360
    await phone.locator("[data-verb=approve]").tap()
    await expect(phone.locator(".question")).to_have_text(QUESTIONS[2][0])
    await phone.locator("#back").tap()
    await expect(phone.locator(".entry.done")).to_be_visible()
    await context.close()


async def test_a_run_is_watched_promoted_and_rolled_back(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    before = await ended(desk, "promoted", seed=1)
    await Promotion(desk.settings, desk.stores).promote(before, by="schedule")
    run, folder = await begun(desk)
    tab = await sign_in(chromium, desk, TESS, troubles)
    await tab.get_by_role("link", name="Runs").click()
    await expect(tab.locator("tr", has_text="/support")).to_contain_text("support@0001")
    await tab.get_by_role("link", name="support@0002").click()
    await expect(tab.locator(".log")).to_contain_text("Loading the model")
    for step in range(1, 4):
        tell(folder, "sft", step=step, steps=3, loss=3.0 / step)
    await expect(tab.locator(".chart .end")).to_have_text("1.00")
    await expect(tab.locator("progress")).to_have_attribute("value", "3")
    write_outcome(folder, seed=2)
    tell(folder, "gate", "Judged")
    await desk.stores.runs.end(run.id, "inconclusive", "Chance could have done it.")
    await expect(tab.locator(".verdict")).to_contain_text("The gate cannot tell")
    await expect(tab.locator(".sample")).to_contain_text("Is there a lift?")
    await tab.get_by_role("button", name="Promote").click()
    await tab.get_by_role("button", name="Answer /support with it?").click()
    await expect(tab.locator(".run-title .chip").first).to_have_text("in service")
    service = await desk.stores.registry.service("support")
    assert service is not None
    assert (service.adapter, service.by) == ("support@0002", "Tess")
    await tab.get_by_role("button", name="Roll back").click()
    await tab.get_by_role("button", name="Take support@0002 out?").click()
    await expect(tab.locator(".run-title .chip").first).to_have_text("rolled back")
    service = await desk.stores.registry.service("support")
    assert service is not None
    assert service.adapter == "support@0001"
    await tab.get_by_role("link", name="Adapters").click()
    await expect(tab.locator(".adapter")).to_have_count(2)
    await expect(tab.locator(".adapter").nth(1)).to_contain_text("in service")
    await tab.context.close()


async def test_a_viewer_promotes_nothing(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    run = await ended(desk)
    tab = await sign_in(chromium, desk, VERA, troubles)
    await tab.goto(f"{desk.url}review/runs/{run.id}")
    await expect(tab.locator(".verdict")).to_be_visible()
    await expect(tab.get_by_role("button", name="Promote")).to_have_count(0)
    await expect(tab.locator(".sample")).to_have_count(0)
    forged = await tab.evaluate(
        "path => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        ".then((answer) => answer.status)",
        f"/review/data/runs/{run.id}/promote",
    )
    assert forged == 403
    assert await desk.stores.registry.services() == []
    await tab.context.close()


async def test_every_page_fits_a_phone_and_the_dark(chromium: Browser, desk: Served, troubles: list[str]) -> None:
    write_dataset(desk)
    run = await ended(desk)
    context = await chromium.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    phone = await context.new_page()
    watch(phone, desk.url, troubles)
    await phone.goto(desk.url.rstrip("/") + await link(desk.stores, ADMIN, granted="admin"))
    await phone.get_by_role("button", name="Sign in").tap()
    await phone.wait_for_url("**/review")
    for path, shown in (
        ("runs", "table"), (f"runs/{run.id}", ".chart"), ("datasets", "table"), (f"datasets/{DATASET}", ".data-row"),
        ("adapters", ".empty"), ("service", ".figures"), ("people", "table"),
    ):  # fmt: skip
        await phone.goto(f"{desk.url}review/{path}")
        await expect(phone.locator(shown).first).to_be_visible()
        assert await phone.evaluate("document.documentElement.scrollWidth") == 360, path
    await expect(phone.locator("body")).to_have_css("background-color", "rgb(22, 25, 28)")
    await context.close()


async def test_the_button_signs_in_with_discord(chromium: Browser, tmp_path: Path) -> None:
    async with Platforms(guilds={"77": "Harbour"}) as platforms, serve(
        tmp_path, web_token=TOKEN, **platforms.settings
    ) as page:  # fmt: skip
        await set_up(page.stores)
        page.messengers["discord"] = Members({"77": MO})  # type: ignore[assignment]
        context = await chromium.new_context(viewport={"width": 1280, "height": 820})
        tab = await context.new_page()

        async def allowed(route: Route) -> None:
            """Discord's own page, whose visitor presses Authorize."""
            address = platforms.allow(route.request.url)
            body = f'<a href="{address.replace("&", "&amp;")}">Authorize</a>'
            await route.fulfill(body=body, content_type="text/html")

        await tab.route("https://discord.com/**", allowed)
        await tab.goto(page.url + "review")
        await tab.get_by_role("link", name="Sign in with Discord").click()
        await tab.get_by_role("link", name="Authorize").click()
        await tab.wait_for_url("**/review")
        await expect(tab.get_by_role("heading", name="Review")).to_be_visible()
        await context.close()
