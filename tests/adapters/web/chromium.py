"""Chromium: where it is, how it is started, and what the tests in it have in common."""

from __future__ import annotations

import os
import shutil

from playwright.async_api import Browser, Locator, Page, Playwright, expect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# Milliseconds; what Playwright waits by itself is little on a loaded machine.
START = 120_000
expect.set_options(timeout=30_000)


async def launched(playwright: Playwright) -> Browser:
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=START)


def watch(tab: Page, url: str, troubles: list[str]) -> None:
    """Note script errors, what the content policy stops, and requests to any other host."""

    def asked(address: str) -> None:
        if not address.startswith((url, "blob:", "data:")):
            troubles.append(f"asked {address}")

    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("request", lambda request: asked(request.url))
    tab.on("console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None)


async def ask(tab: Page, text: str) -> None:
    await tab.fill("#question", text)
    await tab.keyboard.press("Enter")


def last(tab: Page, selector: str) -> Locator:
    """What fits `selector` in the newest turn."""
    return tab.locator(f".turn:last-child {selector}")
