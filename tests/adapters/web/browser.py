"""A browser's side of the wire: cookies kept, the origin told, answers read as events."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import aiohttp


class Browser:
    """One person's browser, as far as the server can tell."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # The address has a number for a name, which aiohttp's jar else takes no cookies from.
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Self:
        await self.get("/")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    async def get(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        async with self.http.get(self.url + path, **options) as response:
            await response.read()
        return response

    async def send(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        headers = {"Origin": self.url} | options.pop("headers", {})
        async with self.http.request(method, self.url + path, headers=headers, **options) as response:
            await response.read()
        return response

    async def json(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a call that has to succeed."""
        response = await self.send(method, path, **({} if body is None else {"json": body}))
        data = json.loads(await response.text())
        assert response.ok, data
        return data

    async def new_key(self) -> str:
        return str((await self.json("POST", "/conversations"))["key"])

    async def ask(self, key: str, text: str = "", **more: object) -> list[tuple[str, Any]]:
        """All events of an answer."""
        response = await self.send("POST", "/turns", json={"conversation": key, "text": text, **more})
        assert response.ok, await response.text()
        return events(await response.text())

    async def answer(self, key: str, text: str = "", **more: object) -> Any:
        """The last event of an answer, which has to be one."""
        name, data = (await self.ask(key, text, **more))[-2]
        assert name == "answer", data
        return data

    async def press(self, key: str, turn: str, control: str, value: str = "") -> Any:
        return await self.answer(key, press={"turn": turn, "control": control, "value": value})


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events as pairs of name and data; comments are left out."""
    assert text.endswith("\n\n")
    found = []
    for part in text.removesuffix("\n\n").split("\n\n"):
        if part.startswith(":"):
            continue
        name, data = part.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found
