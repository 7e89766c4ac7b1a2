"""The palette: all of the one declaration, nothing of its own."""

from __future__ import annotations

from tests.adapters.web.conftest import Page
from tests.adapters.web.scenes import SCENARIOS


async def test_every_command_is_there(page: Page) -> None:
    async with page.browser() as browser:
        commands = (await browser.json("GET", "/commands"))["commands"]
    assert [command["name"] for command in commands] == [scenario.command.name for scenario in SCENARIOS]
    translate = commands[1]
    assert translate["usage"] == "/translate text to:… [tone:…] [note:…]"
    assert translate["examples"][0] == '/translate "Good morning" to:French'
    to, tone, note = translate["options"][1:]
    assert (to["required"], to["suggests"]) == (True, True)
    assert [choice["value"] for choice in tone["choices"]] == ["plain", "formal", "friendly"]
    assert [choice["value"] for choice in note["choices"]] == ["yes", "no"]


async def test_the_readers_language(page: Page) -> None:
    async with page.browser() as browser:
        response = await browser.get("/commands", headers={"Accept-Language": "de-AT,de;q=0.9"})
        assert (await response.json())["commands"][1]["description"] == "Einen Text übersetzen"


async def test_suggestions(page: Page) -> None:
    async with page.browser() as browser:
        for query, values in (
            ("command=translate&option=to&typed=ge", ["German"]),
            ("command=translate&option=tone&typed=f", ["formal", "friendly"]),
            ("command=translate&option=text&typed=x", []),
        ):
            choices = (await browser.json("GET", f"/commands/suggest?{query}"))["choices"]
            assert [choice["value"] for choice in choices] == values
        assert (await browser.get("/commands/suggest?command=translate&option=no")).status == 404
        assert (await browser.get("/commands/suggest")).status == 404


async def test_the_first_page_shows_examples(page: Page) -> None:
    async with page.browser() as browser:
        text = await (await browser.get("/")).text()
    assert text.count("data-example=") == 5
    assert "/translate &#34;Good morning&#34; to:French" in text
    assert "<noscript>" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
