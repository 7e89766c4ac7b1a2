"""The page in a real browser: Chromium, the keyboard, and what a person sees."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from bot.delivery import Ledger
from bot.request import MessageRef
from tests.adapters.web.chromium import CHROMIUM, ask, last, launched, watch
from tests.adapters.web.conftest import Page as Served
from tests.adapters.web.conftest import serve
from tests.conftest import missing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM:
        missing("Chromium is not installed, so the page is not tried in a browser.")
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(tmp_path: Path) -> AsyncIterator[Served]:
    """The same page as elsewhere, in the loop that Chromium is driven from."""
    async with serve(tmp_path) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def tab(chromium: Browser, page: Served) -> AsyncIterator[Page]:
    """A tab with the chat open. Script errors, and requests to any other host, fail the test."""
    troubles: list[str] = []
    tab = await chromium.new_page(viewport={"width": 1200, "height": 800})
    watch(tab, page.url, troubles)
    async with tab.expect_response("**/commands"):
        await tab.goto(page.url)
    yield tab
    await tab.close()
    assert not troubles


async def test_chat_and_reload(tab: Page) -> None:
    await expect(tab.locator("[data-example]")).to_have_count(5)
    await ask(tab, "show me something rich")
    await expect(last(tab, ".blocks table")).to_be_visible()
    await expect(last(tab, ".code-head")).to_contain_text("python")
    await expect(tab.locator("#conversations a")).to_contain_text("show me something rich")
    assert re.search(r"/c/[0-9a-f]{40}$", tab.url)
    await tab.reload()
    await expect(last(tab, ".said")).to_have_text("show me something rich")
    await expect(last(tab, ".blocks table")).to_be_visible()
    await tab.locator("#new").click()
    await expect(tab.locator("#welcome")).to_be_visible()
    await tab.go_back()
    await expect(last(tab, ".said")).to_have_text("show me something rich")


async def test_an_example_is_asked_by_a_click(tab: Page) -> None:
    await tab.locator("[data-example]").first.click()
    await expect(last(tab, ".blocks")).to_have_text("[French] Good morning")
    await expect(last(tab, ".said .command")).to_have_text("/translate")


@pytest.mark.parametrize("how", ["button", "escape"])
async def test_stop(tab: Page, page: Served, how: str) -> None:
    await ask(tab, "hold on")
    await expect(last(tab, ".blocks")).to_contain_text("You said")
    await (tab.locator("#stop").click() if how == "button" else tab.keyboard.press("Escape"))
    await expect(last(tab, ".state")).to_contain_text("Stopped")
    await expect(tab.locator("#stop")).to_be_hidden()
    assert page.script.open == 0


async def test_two_questions_one_after_the_other(tab: Page) -> None:
    await ask(tab, "hold on")
    await expect(last(tab, ".blocks")).to_contain_text("You said")
    await ask(tab, "the second")
    await expect(last(tab, ".waiting")).not_to_be_empty()
    await tab.locator("#stop").click()
    await expect(tab.locator(".turn")).to_have_count(2)
    await expect(tab.locator("#stop")).to_be_hidden()


async def test_retry_and_versions(tab: Page) -> None:
    await ask(tab, "again")
    await expect(last(tab, ".controls")).to_be_visible()
    first = await last(tab, ".blocks p").inner_text()
    await last(tab, "[data-control=retry]").click()
    await expect(last(tab, ".versions")).to_contain_text("2/2")
    await expect(last(tab, ".blocks p")).not_to_have_text(first)
    await last(tab, ".versions button").first.click()
    await expect(last(tab, ".versions")).to_contain_text("1/2")
    await expect(last(tab, ".blocks p")).to_have_text(first)
    await expect(tab.locator(".turn")).to_have_count(1)


async def test_an_error_is_calm_and_can_be_retried(tab: Page) -> None:
    await ask(tab, "/nonsense")
    await expect(last(tab, ".trouble")).to_contain_text("There is no command /nonsense")
    await ask(tab, "please break")
    await expect(last(tab, ".trouble")).to_contain_text("broke off")
    await expect(last(tab, ".blocks")).to_have_text("The first half")
    await last(tab, ".trouble button").click()
    await expect(last(tab, ".versions")).to_contain_text("2/2")


async def test_what_stands_under_an_answer_works_while_the_store_still_writes(
    tab: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, written = Ledger.sent, asyncio.Event()

    async def slowly(self: Ledger, turn_id: str, message: MessageRef) -> None:
        await written.wait()
        await sent(self, turn_id, message)

    monkeypatch.setattr(Ledger, "sent", slowly)
    await ask(tab, "say: hello")
    await last(tab, "[data-control=retry]").click()
    await expect(last(tab, ".versions")).to_contain_text("2/2")
    written.set()


async def test_thumbs_why_edit_undo(tab: Page) -> None:
    await ask(tab, "/story rain")
    await last(tab, "[data-control=up]").click()
    await expect(last(tab, "[data-control=up]")).to_have_attribute("aria-pressed", "true")
    await last(tab, "[data-control=down]").click()
    await tab.keyboard.type("A better answer")
    await tab.keyboard.press("Control+Enter")
    await expect(last(tab, ".aside")).to_contain_text("better answer waits for review")
    await last(tab, "[data-control=flag]").click()
    await tab.keyboard.type("style: too long")
    await tab.keyboard.press("Control+Enter")
    await expect(last(tab, ".aside")).to_contain_text("Flagged, thank you")
    await expect(last(tab, "[data-control=down]")).to_have_attribute("aria-pressed", "true")
    await last(tab, "[data-control=why]").click()
    await expect(last(tab, ".aside")).to_contain_text("Scenario")
    await last(tab, "[data-control=edit]").click()
    await expect(last(tab, ".ask textarea")).to_have_value("Once upon a time.")
    await tab.keyboard.press("ControlOrMeta+a")
    await tab.keyboard.type("In my own words.")
    await last(tab, ".ask .primary").click()
    await expect(last(tab, ".blocks")).to_have_text("In my own words.")
    await last(tab, "[data-control=continue]").click()
    await expect(tab.locator(".turn")).to_have_count(2)
    await expect(last(tab, ".blocks")).to_contain_text("more continue")
    await last(tab, "[data-control=undo]").click()
    await expect(tab.locator(".turn")).to_have_count(1)


async def test_a_button_with_a_value_shows_its_words_and_what_is_refused_offers_no_retry(tab: Page) -> None:
    await ask(tab, "/write rain")
    await expect(last(tab, ".picks")).to_contain_text("Write 2. The flood")
    await last(tab, ".picks [data-control=continue]").click()
    await expect(tab.locator(".turn")).to_have_count(2)
    await ask(tab, "/write nothing")
    await expect(last(tab, ".trouble")).to_contain_text("There is nothing to write about.")
    await expect(last(tab, ".trouble button")).to_have_count(0)


async def test_sources_open_from_their_numbers(tab: Page) -> None:
    await ask(tab, "/support How do I install it?")
    await expect(last(tab, ".sources summary")).to_have_text("2 sources")
    await last(tab, ".cite").nth(1).click()
    await expect(last(tab, ".source").nth(1)).to_be_focused()
    await expect(last(tab, ".source").nth(1)).to_contain_text("WEB_PORT is 8080.")


async def test_a_file_can_be_saved(tab: Page) -> None:
    await ask(tab, "/story rain")
    async with tab.expect_download() as saving:
        await last(tab, ".file").click()
    saved = await saving.value
    assert saved.suggested_filename == "story.md"
    assert (await saved.path()).read_bytes() == b"# A story\n"


async def test_the_palette_by_keyboard(tab: Page) -> None:
    await tab.locator("body").press("/")
    await expect(tab.locator(".choice")).to_have_count(6)
    await tab.keyboard.type("tr")
    await expect(tab.locator(".choice")).to_have_count(1)
    await tab.keyboard.press("Tab")
    await expect(tab.locator("#question")).to_have_value("/translate ")
    await expect(tab.locator("#palette-help")).to_contain_text("Mentions, links and code stay as they are.")
    await tab.keyboard.type("to:g")
    await expect(tab.locator(".choice-label")).to_have_text(["German", "Greek"])
    await tab.keyboard.press("ArrowDown")
    await expect(tab.locator("#question")).to_have_attribute("aria-activedescendant", "choice-1")
    await tab.keyboard.press("ArrowUp")
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#question")).to_have_value("/translate to:German ")
    await tab.keyboard.type("tone:fo")
    await tab.keyboard.press("Tab")
    await tab.keyboard.type("See you")
    await tab.keyboard.press("Enter")
    await expect(last(tab, ".blocks")).to_have_text("[German] See you")
    await tab.keyboard.type("/")
    await expect(tab.locator("#palette")).to_be_visible()
    await tab.keyboard.press("Escape")
    await expect(tab.locator("#palette")).to_be_hidden()


async def test_keys_pressed_before_the_choices_come_count_for_them(tab: Page) -> None:
    ready = asyncio.Event()

    async def late(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await tab.locator("#question").press_sequentially("/translate ")
    await tab.route("**/commands/suggest?*", late)
    await tab.keyboard.type("to:g")
    await tab.keyboard.press("ArrowDown")
    await tab.keyboard.press("Enter")
    ready.set()
    await expect(tab.locator("#question")).to_have_value("/translate to:Greek ")


async def test_choices_drawn_again_keep_what_is_selected(tab: Page) -> None:
    box = tab.locator("#question")
    await box.press_sequentially("/translate to:g")
    await expect(tab.locator(".choice-label")).to_have_text(["German", "Greek"])
    await tab.keyboard.press("ArrowDown")
    async with tab.expect_response("**/commands/suggest?*"):
        await tab.keyboard.press("End")
    await expect(box).to_have_attribute("aria-activedescendant", "choice-1")
    await tab.keyboard.press("Tab")
    await expect(box).to_have_value("/translate to:Greek ")


async def test_the_palette_tells_what_it_is(tab: Page) -> None:
    box = tab.locator("#question")
    await expect(box).to_have_attribute("role", "combobox")
    await box.press("/")
    await expect(box).to_have_attribute("aria-expanded", "true")
    await expect(tab.get_by_role("listbox", name="Commands and options")).to_be_visible()
    await expect(tab.get_by_role("option", selected=True)).to_have_count(1)


async def test_an_attached_file_goes_along(tab: Page) -> None:
    await tab.set_input_files("#files", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk"})
    await expect(tab.locator("#attached")).to_contain_text("notes.txt")
    await ask(tab, "read this")
    await expect(last(tab, ".blocks")).to_contain_text("[notes.txt: milk]")
    await expect(tab.locator("#attached li")).to_have_count(0)


async def test_rename_and_delete(tab: Page) -> None:
    await ask(tab, "hello")
    await tab.locator("#conversations .menu summary").click()
    await tab.get_by_role("button", name="Rename").click()
    await tab.keyboard.type("Greetings")
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#title")).to_have_text("Greetings")
    await tab.locator("#conversations .menu summary").click()
    await tab.get_by_role("button", name="Delete").click()
    await tab.get_by_role("button", name="Delete for good").click()
    await expect(tab.locator("#conversations li")).to_have_count(0)
    await expect(tab.locator("#welcome")).to_be_visible()


async def test_a_model_that_still_loads_is_told(tab: Page, page: Served) -> None:
    page.parts["model"] = (False, "The model is loading.")
    await tab.reload()
    await expect(tab.locator("#status")).to_have_text("The model is loading.")
    page.parts["model"] = (True, "ready")
    await expect(tab.locator("#status")).to_be_hidden()


async def test_knowledge(tab: Page, page: Served) -> None:
    await tab.get_by_role("link", name="Knowledge").click()
    await expect(tab.locator("#empty")).to_be_visible()
    files = [
        {"name": "guide.md", "mimeType": "text/markdown", "buffer": b"# Installing\n\nType make run and wait."},
        {"name": "ports.txt", "mimeType": "text/plain", "buffer": b"WEB_PORT names the port of the page."},
        {"name": "tool.exe", "mimeType": "application/x-msdownload", "buffer": b"MZ"},
    ]
    await tab.set_input_files("#files", files)  # type: ignore[arg-type]
    await expect(tab.locator(".document")).to_have_count(2)
    await expect(tab.locator(".upload.failed")).to_contain_text("tool.exe is no file I can read")
    await tab.fill("#words", "make run")
    await tab.keyboard.press("Enter")
    await expect(tab.locator(".passage").first).to_contain_text("Type make run and wait.")
    await tab.get_by_role("button", name="Remove Installing").click()
    await tab.get_by_role("button", name="Remove Installing").click()
    await expect(tab.locator(".document")).to_have_count(1)


async def test_a_phone(chromium: Browser, page: Served) -> None:
    troubles: list[str] = []
    phone = await chromium.new_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    watch(phone, page.url, troubles)
    for path in ("", "knowledge"):
        await phone.goto(page.url + path)
        assert await phone.evaluate("document.documentElement.scrollWidth") == 360
    await phone.goto(page.url)
    await ask(phone, "show me something rich")
    await expect(last(phone, ".controls")).to_be_visible()
    assert await phone.evaluate("document.documentElement.scrollWidth") == 360
    await expect(phone.locator("#side")).to_be_hidden()
    await phone.locator("#open-side").click()
    await expect(phone.locator("#conversations a")).to_be_visible()
    await phone.keyboard.press("Escape")
    await expect(phone.locator("#side")).to_be_hidden()
    assert not troubles


async def test_dark_and_light(chromium: Browser, page: Served) -> None:
    tab = await chromium.new_page(color_scheme="dark")
    await tab.goto(page.url)
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = await tab.evaluate(colour)
    await tab.locator("#theme").click()
    light = await tab.evaluate(colour)
    assert dark != light
    await tab.reload()
    assert await tab.evaluate(colour) == light


async def test_without_javascript(chromium: Browser, page: Served) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    tab = await context.new_page()
    await tab.goto(page.url)
    await expect(tab.locator("noscript p")).to_contain_text("python -m bot chat")


async def test_the_first_page_is_small(chromium: Browser, page: Served) -> None:
    tab, sizes = await chromium.new_page(), []
    tab.on("response", lambda response: sizes.append(int(response.headers.get("content-length", 0))))
    await tab.goto(page.url, wait_until="networkidle")
    assert 0 < sum(sizes) < 100_000


async def test_the_login(chromium: Browser, serve_page: Callable[..., AbstractAsyncContextManager[Served]]) -> None:
    async with serve_page(web_token="a-long-token") as page:
        tab = await chromium.new_page()
        await tab.goto(page.url)
        await tab.get_by_label("Token").fill("wrong")
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("alert")).to_contain_text("not the token")
        await tab.get_by_label("Token").fill("a-long-token")
        await tab.keyboard.press("Enter")
        await tab.wait_for_url(page.url)
        await tab.wait_for_load_state("networkidle")
        await ask(tab, "hello")
        await expect(last(tab, ".blocks")).to_have_text("You said: hello")
        await tab.get_by_role("button", name="Lock this page").click()
        await expect(tab.get_by_label("Token")).to_be_visible()
