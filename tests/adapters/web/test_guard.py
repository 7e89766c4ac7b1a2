"""The guard: hosts, origins, the token, and what each response tells the browser."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
from pydantic import ValidationError

from adapters.web import sessions
from adapters.web.sessions import Attempts
from bot.errors import UserError
from tests.adapters.web.conftest import Page

Serve = Callable[..., AbstractAsyncContextManager[Page]]
TOKEN = "a-long-token"


async def test_every_response_is_locked_down(page: Page) -> None:
    async with page.browser() as browser:
        for path in ("/", "/knowledge", "/static/main.js", "/healthz", "/nowhere"):
            response = await browser.get(path)
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "same-origin"


async def test_the_cookie_is_strict(page: Page) -> None:
    async with page.browser() as browser:
        cookie = (await browser.get("/")).headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie


async def test_the_store_never_sees_the_cookie(page: Page) -> None:
    async with page.browser() as browser:
        (cookie,) = browser.http.cookie_jar
        await browser.answer(await browser.new_key(), "hello")
        (turn,) = await page.stores.turns.recent((await _conversation(page)).id)
        assert cookie.value not in turn.user
        assert turn.user.startswith("web:")


async def _conversation(page: Page):  # type: ignore[no-untyped-def]
    from bot.memory import conversations

    async with page.stores.database.read() as connection:
        return (await connection.execute(conversations.select())).one()


async def test_other_names_are_not_served(page: Page) -> None:
    async with page.browser() as browser:
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8080", ""):
            assert (await browser.get("/", headers={"Host": host})).status == 403
        for host in ("localhost", "localhost:9000", "[::1]:8080"):
            assert (await browser.get("/", headers={"Host": host})).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1:1", "http://localhost"])
async def test_other_pages_change_nothing(page: Page, origin: str) -> None:
    async with page.browser() as browser:
        for method, path in (("POST", "/turns"), ("POST", "/conversations"), ("DELETE", "/conversations/x")):
            response = await browser.send(method, path, json={}, headers={"Origin": origin})
            assert response.status == 403, (method, path)
            assert "did not come from this page" in await response.text()


async def test_a_proxy_may_name_the_host(page: Page) -> None:
    async with page.browser() as browser:
        headers = {"Origin": "https://chat.example", "X-Forwarded-Host": "chat.example"}
        assert (await browser.send("POST", "/conversations", headers=headers)).status == 201


async def test_a_link_from_elsewhere_keeps_the_old_cookie(page: Page) -> None:
    async with page.browser() as browser:
        browser.http.cookie_jar.clear()  # a strict cookie does not come along
        response = await browser.get("/", headers={"Sec-Fetch-Site": "cross-site"})
        assert "Set-Cookie" not in response.headers
        assert 'http-equiv="refresh"' in await response.text()


async def test_the_token_is_asked_for(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN) as page, page.browser() as browser:
        asked = await browser.get("/", headers={"Accept": "text/html"})
        assert asked.url.path == "/login"
        for path in ("/commands", "/conversations", "/knowledge/documents", "/metrics"):
            assert (await browser.get(path)).status == 401
        assert (await browser.send("POST", "/turns", json={})).status == 401
        assert (await browser.get("/healthz")).status == 200
        assert (await browser.get("/readyz")).status == 200
        assert (await browser.send("POST", "/login", data={"token": "wrong"})).status == 403
        assert (await browser.get("/commands")).status == 401
        assert (await browser.send("POST", "/login", data={"token": TOKEN})).status == 200
        assert (await browser.get("/commands")).status == 200
        await browser.send("POST", "/logout")
        assert (await browser.get("/commands")).status == 401


async def test_a_collector_sends_the_token_along(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN) as page, page.browser() as browser:
        browser.http.cookie_jar.clear()
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await browser.get("/metrics", headers=bearer)).status == 200
        assert (await browser.get("/metrics", headers={"Authorization": "Bearer wrong"})).status == 401
        assert (await browser.get("/commands", headers=bearer)).status == 401


async def test_a_made_up_cookie_opens_nothing(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN) as page, page.browser() as browser:
        for value in ("0" * 32, "0" * 32 + "." + "0" * 32, "x"):
            cookies = {f"parley-{page.port}": value}
            assert (await browser.get("/commands", cookies=cookies)).status == 401


async def test_conversations_outlive_a_login(serve_page: Serve) -> None:
    async with serve_page(web_token=TOKEN) as page, page.browser() as browser:
        await browser.send("POST", "/login", data={"token": TOKEN})
        key = await browser.new_key()
        await browser.answer(key, "hello")
        await browser.send("POST", "/logout")
        await browser.send("POST", "/login", data={"token": TOKEN})
        assert (await browser.json("GET", f"/conversations/{key}"))["turns"]


async def test_guessing_is_slowed(serve_page: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # The wait is one second, which a busy machine may need for the next request.
    monkeypatch.setattr(sessions, "Attempts", partial(Attempts, clock=lambda: 0.0))
    async with serve_page(web_token=TOKEN) as page, page.browser() as browser:
        for _ in range(Attempts.FREE):
            assert (await browser.send("POST", "/login", data={"token": "wrong"})).status == 403
        late = await browser.send("POST", "/login", data={"token": TOKEN})
        assert late.status == 429
        assert "Try again in" in await late.text()


def test_each_wrong_token_doubles_the_wait() -> None:
    now = 0.0
    attempts = Attempts(clock=lambda: now)
    waits = []
    for _ in range(12):
        attempts.wrong("a")
        waits.append(attempts.wait("a"))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert attempts.wait("b") == 0
    now = 61.0
    assert attempts.wait("a") == 0
    attempts.right("a")
    attempts.wrong("a")
    assert attempts.wait("a") == 0


async def test_a_taken_port_is_one_sentence(serve_page: Serve, page: Page) -> None:
    with pytest.raises(UserError, match=f"Port {page.port} is in use by another program; set WEB_PORT"):
        async with serve_page(web_port=page.port):
            pass


async def test_an_address_of_others_is_one_sentence(serve_page: Serve) -> None:
    with pytest.raises(UserError, match="Check WEB_HOST"):
        async with serve_page(web_host="192.0.2.1", web_token=TOKEN):
            pass


async def test_other_addresses_need_the_token(serve_page: Serve) -> None:
    with pytest.raises(ValidationError, match="WEB_TOKEN must be set"):
        async with serve_page(web_host="0.0.0.0"):
            pass


async def test_metrics_and_health(page: Page) -> None:
    async with page.browser() as browser:
        assert "parley_turns_total 1.0" in await (await browser.get("/metrics")).text()
        assert (await browser.get("/readyz")).status == 200
        page.parts["model"] = (False, "The model is loading, about 10 seconds.")
        loading = await browser.get("/readyz")
        assert loading.status == 503
        assert (await loading.json())["parts"]["model"]["words"] == "The model is loading, about 10 seconds."


async def test_what_breaks_is_one_sentence(page: Page) -> None:
    page.parts = None  # type: ignore[assignment]
    async with page.browser() as browser:
        broken = await browser.get("/readyz")
        assert broken.status == 500
        assert (await broken.json())["error"].startswith("Something in me broke on this one.")
        assert "Traceback" not in await (await browser.get("/readyz", headers={"Accept": "text/html"})).text()
