"""Knowledge on the wire: documents in, listed, searched, removed."""

from __future__ import annotations

import io

from tests.adapters.web.browser import events
from tests.adapters.web.conftest import Page

GUIDE = b"# Installing\n\nType make run and wait until the page opens.\n\n## Ports\n\nWEB_PORT names the port.\n"


async def test_a_document_comes_and_goes(page: Page) -> None:
    async with page.browser() as browser:
        response = await browser.send("POST", "/knowledge/documents?name=guide.md", data=GUIDE)
        added = events(await response.text())
        assert [name for name, _ in added][-2:] == ["added", "end"]
        assert added[-2][1]["words"].startswith("Read: ")
        (document,) = (await browser.json("GET", "/knowledge/documents"))["documents"]
        assert (document["title"], document["path"], document["size"]) == ("Installing", "guide.md", len(GUIDE))
        assert document["passages"] >= 1
        again = await browser.send("POST", "/knowledge/documents?name=guide.md", data=GUIDE)
        assert "Known already" in await again.text()
        found = await browser.json("GET", "/knowledge/search?words=which+port")
        assert found["passages"][0]["title"] == "Installing"
        assert 0 <= found["confidence"] <= 1
        await browser.json("DELETE", f"/knowledge/documents/{document['id']}")
        assert (await browser.json("GET", "/knowledge/documents"))["documents"] == []
        assert (await browser.send("DELETE", f"/knowledge/documents/{document['id']}")).status == 404


async def test_what_cannot_be_read_is_told(page: Page) -> None:
    async with page.browser() as browser:
        for name, content in (("a.exe", b"MZ"), ("", b"x"), ("empty.txt", b" "), ("no.pdf", b"not a pdf")):
            response = await browser.send("POST", f"/knowledge/documents?name={name}", data=content)
            kind, data = events(await response.text())[-2]
            assert kind == "failed"
            assert data["words"].endswith(".")
        large = await browser.send("POST", "/knowledge/documents?name=a.txt", data=io.BytesIO(b"x" * (51 * 2**20)))
        assert large.status == 413
        assert "up to 50 MB" in (await large.json())["error"]


async def test_an_empty_search_is_told(page: Page) -> None:
    async with page.browser() as browser:
        assert (await browser.get("/knowledge/search?words=+")).status == 400
        assert (await browser.json("GET", "/knowledge/search?words=port"))["passages"] == []
