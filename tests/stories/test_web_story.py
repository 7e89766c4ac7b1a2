"""A stranger's first quarter of an hour on the page: the real process, the real model, a real browser."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests import processes
from tests.adapters.web.chromium import CHROMIUM, ask, last, launched, watch
from tests.conftest import missing

ANSWER = 120_000
"""Milliseconds that the model may take on a slow machine."""
GUIDE = """# Lantern: the heating controller

## Setting the clock

Hold the round button for five seconds until the display shows CLOCK, turn it to the right hour, and press once.

## Frost protection

Frost protection starts by itself below 6 degrees. It is switched off in the menu under SAFETY, entry 14.

## Warranty

The controller has a warranty of 30 months from the day it was bought. Keep the receipt.
"""


def settings(path: Path) -> dict[str, str]:
    """Of the bot, and of a command beside it."""
    store = f"sqlite+aiosqlite:///{path}/p.db"
    return {"DATA_DIR": str(processes.DATA), "WEB_PORT": "0", "DATABASE_URL": store}


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[str]:
    """`python -m bot run` on a free port with a store of its own; gives the page's address."""
    process = await processes.bot("run", settings=settings(path), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(180):
            while not (found := re.search(r"Parley is at (http://\S+)", lines[-1] if lines else "")):
                line = (await process.stderr.readline()).decode()
                assert line, "".join(lines)
                lines.append(line)
        draining = asyncio.create_task(process.stderr.read())
        yield found[1]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(120):
            assert await process.wait() == 0
        await draining
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answer(page: Page, question: str) -> str:
    """Ask and wait for the answer's end."""
    await ask(page, question)
    await expect(last(page, ".said")).to_have_text(question)
    await expect(page.locator(".turn.running")).to_have_count(0, timeout=ANSWER)
    await expect(last(page, ".trouble")).to_have_count(0)
    return str(await last(page, ".blocks").inner_text())


@pytest.mark.timeout(900)
async def test_the_first_quarter_of_an_hour(tmp_path: Path) -> None:
    if not CHROMIUM:
        missing("Chromium is not installed, so the page is not tried in a browser.")
    troubles: list[str] = []
    async with running(tmp_path) as url, async_playwright() as playwright:
        browser = await launched(playwright)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        watch(page, url, troubles)
        await page.goto(url)
        await talks(page)
        await stops(page)
        await retries(page)
        await uses_the_palette(page)
        await asks_a_document(page, url)
        await moderates(page, await sign_in(browser, url, tmp_path, troubles))
        await browser.close()
    assert not troubles


async def talks(page: Page) -> None:
    # The model may still be loading: the question keeps its place and is answered.
    assert await answer(page, "Hello, what is the capital of France?")
    await expect(page.locator("#conversations a")).to_have_count(1)
    await expect(page.locator("#status")).to_be_hidden(timeout=ANSWER)


async def stops(page: Page) -> None:
    await ask(page, "Write a long story about a lighthouse keeper and the sea.")
    await expect(last(page, ".blocks")).not_to_be_empty(timeout=ANSWER)
    await page.keyboard.press("Escape")
    await expect(last(page, ".state")).to_contain_text("Stopped", timeout=ANSWER)
    kept = await last(page, ".blocks").inner_text()
    await page.reload()
    await expect(last(page, ".blocks")).to_have_text(kept, use_inner_text=True)
    await expect(last(page, ".state")).to_contain_text("Stopped")


async def retries(page: Page) -> None:
    await page.locator("#new").click()
    await answer(page, "Give me a name for a small sailing boat.")
    await last(page, "[data-control=retry]").click()
    await expect(last(page, ".versions")).to_contain_text("2/2", timeout=ANSWER)
    await last(page, ".versions button").first.click()
    await expect(last(page, ".versions")).to_contain_text("1/2")


async def uses_the_palette(page: Page) -> None:
    await page.locator("#question").focus()
    await page.keyboard.type("/tu")
    await expect(page.locator(".choice")).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(page.locator("#question")).to_have_value("/tutor ")
    await page.keyboard.type("math: solve 2x + 3 = 11")
    await page.keyboard.press("Enter")
    await expect(last(page, ".said .command")).to_have_text("/tutor")
    await expect(last(page, ".blocks")).to_contain_text("x = 4", timeout=ANSWER)
    await expect(page.locator(".turn.running")).to_have_count(0, timeout=ANSWER)


async def asks_a_document(page: Page, url: str) -> None:
    await page.get_by_role("link", name="Knowledge").click()
    file = {"name": "lantern.md", "mimeType": "text/markdown", "buffer": GUIDE.encode()}
    # Only once the page's script has listed what there is does it hear of a chosen file.
    await expect(page.locator("#empty")).to_be_visible(timeout=ANSWER)
    await page.set_input_files("#files", file)  # type: ignore[arg-type]
    await expect(page.locator(".document")).to_have_count(1, timeout=ANSWER)
    await page.fill("#words", "How long is the warranty?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".passage").first).to_contain_text("30 months")
    await page.goto(url)
    assert "30 months" in await answer(page, "/support How long is the warranty of the controller?")
    await last(page, ".sources summary").click()
    await expect(last(page, ".source").first).to_contain_text("Lantern")
    await answer(page, "/support Who painted the ceiling of the Sistine Chapel?")
    await expect(last(page, ".source")).to_have_count(0)


async def sign_in(browser: Browser, url: str, path: Path, troubles: list[str]) -> Page:
    """Somebody else's browser, by the link that the command line prints beside the running bot."""
    command = ("console-link", "--name", "Mia", "--role", "review")
    process = await processes.bot(*command, settings=settings(path), stdout=asyncio.subprocess.PIPE)
    printed = (await process.communicate())[0].decode()
    found = re.search(r"/review/enter/\S+", printed)
    assert found is not None, printed
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    tab = await context.new_page()
    watch(tab, url, troubles)
    await tab.goto(url.rstrip("/") + found[0])
    await expect(tab.locator("main")).to_contain_text("signs you in as Mia")
    await tab.get_by_role("button", name="Sign in").click()
    await tab.wait_for_url("**/review")
    return tab


async def moderates(page: Page, console: Page) -> None:
    await expect(console.locator("#none")).to_have_text("Nothing waits for review.")
    told = page.locator(".turn").nth(-2)
    await told.locator("[data-control=flag]").click()
    await page.keyboard.type("style: it should say what to keep")
    await page.keyboard.press("Control+Enter")
    await expect(told.locator(".aside")).to_contain_text("Flagged, thank you", timeout=ANSWER)
    await console.reload()
    await expect(console.locator(".question")).to_contain_text("warranty of the controller")
    await console.keyboard.press("e")
    await console.locator("textarea.better").fill("Two and a half years. Keep the receipt.")
    await console.keyboard.press("Control+Enter")
    await expect(console.locator("#toast")).to_contain_text("Approved: this is the better answer.")
    await console.get_by_role("link", name="Service").click()
    await expect(console.locator(".figures")).to_contain_text("First word after")
    await expect(console.locator(".parts")).to_contain_text("database")
