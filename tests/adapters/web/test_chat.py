"""Chat on the wire: events, stop, presses, versions, and nobody else's turns."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import pytest

from tests.adapters.web.conftest import Page
from tests.waiting import until


async def test_an_answer_in_events(page: Page) -> None:
    async with page.browser() as browser:
        events = await browser.ask(await browser.new_key(), "slow **bold** words")
    names = [name for name, _ in events]
    assert names[0] == "turn"
    assert names[-2:] == ["answer", "end"]
    assert "text" in names
    answer = events[-2][1]
    assert answer["text"] == "You said: slow **bold** words"
    assert answer["blocks"] == ["<p>You said: slow <strong>bold</strong> words</p>"]
    assert answer["turn"] == events[0][1]["turn"]
    assert {button["control"] for button in answer["buttons"]} == {"retry", "up", "down", "flag", "why"}


async def test_text_comes_before_the_end(page: Page) -> None:
    async with page.browser() as browser:
        body = {"conversation": await browser.new_key(), "text": "hold on"}
        async with browser.http.post(f"{page.url}turns", json=body, headers={"Origin": browser.url}) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            async with asyncio.timeout(30):
                while b"hold on" not in await response.content.readline():
                    pass


async def test_leaving_the_page_frees_the_engine(page: Page) -> None:
    async with page.browser() as browser:
        body = {"conversation": await browser.new_key(), "text": "hold on"}
        async with browser.http.post(f"{page.url}turns", json=body, headers={"Origin": browser.url}) as response:
            await until(lambda: page.script.open == 1)
            response.close()
        await until(lambda: page.script.open == 0)


async def test_stop_keeps_what_was_said(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        body = {"conversation": key, "text": "hold on"}
        async with browser.http.post(f"{page.url}turns", json=body, headers={"Origin": browser.url}) as response:
            while not (line := (await response.content.readline()).decode()).startswith("data: "):
                pass
            turn = json.loads(line.removeprefix("data: "))["turn"]
            await until(lambda: page.script.open == 1)
            await asyncio.sleep(0.1)
            stopped = await browser.press(key, turn, "stop")
            assert stopped["private"]
            rest = (await response.read()).decode()
        assert '"state":"stopped"' in rest
        assert page.script.open == 0
        (view,) = (await browser.json("GET", f"/conversations/{key}"))["turns"]
        assert (view["state"], view["text"]) == ("stopped", "You said: hold on")


async def test_retry_makes_versions(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        first = await browser.answer(key, "again")
        second = await browser.press(key, first["turn"], "retry")
        assert second["versions"] == [first["turn"], second["turn"]]
        assert second["text"] != first["text"]
        (view,) = (await browser.json("GET", f"/conversations/{key}"))["turns"]
        assert (view["turn"], view["versions"]) == (second["turn"], second["versions"])
        await browser.press(key, second["turn"], "version", first["turn"])
        (view,) = (await browser.json("GET", f"/conversations/{key}"))["turns"]
        assert (view["turn"], view["text"]) == (first["turn"], first["text"])


async def test_a_conversation_comes_back(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        await browser.answer(key, "Hello there")
        translated = await browser.answer(key, '/translate "Good morning" to:French')
        await browser.press(key, translated["turn"], "up")
        (name, failed), _ = (await browser.ask(key, "please break"))[-2:]
        assert (name, failed["state"]) == ("answer", "broken")
        story = await browser.answer(key, "/story rain")
        await browser.press(key, story["turn"], "continue")
        opened = await browser.json("GET", f"/conversations/{key}")
        assert opened["title"].startswith("Hello there")
        views = opened["turns"]
        assert [view["question"] for view in views] == [
            "Hello there", "/translate to:French Good morning", "please break", "/story rain", "Continue",
        ]  # fmt: skip
        assert views[1]["rating"] == "up"
        assert (views[2]["state"], views[2]["text"]) == ("failed", "The first half")
        assert [button["control"] for button in views[2]["buttons"]] == ["retry"]


async def test_undo_and_edit(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        one, two = await browser.answer(key, "/story rain"), await browser.answer(key, "/story sun")
        await browser.press(key, one["turn"], "edit", "A **better** text")
        await browser.press(key, two["turn"], "undo")
        (view,) = (await browser.json("GET", f"/conversations/{key}"))["turns"]
        assert view["blocks"] == ["<p>A <strong>better</strong> text</p>"]


async def test_sources_notes_files_and_picks(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        support = await browser.answer(key, "/support How?")
        assert [source["number"] for source in support["sources"]] == [1, 2]
        assert support["sources"][0]["excerpt"] == "Type make run and wait."
        story = await browser.answer(key, "/story rain")
        assert base64.b64decode(story["files"][0]["content"]) == b"# A story\n"
        write = await browser.answer(key, "/write rain")
        assert write["notes"] == [["<p>To verify: <strong>rain</strong></p>"]]
        assert (await browser.press(key, write["turn"], "pick", "1"))["private"]


async def test_a_private_word_stays_out_of_the_conversation(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        answer = await browser.answer(key, "hello")
        why = await browser.press(key, answer["turn"], "why")
        assert why["private"]
        assert "Scenario" in why["text"]
        assert len((await browser.json("GET", f"/conversations/{key}"))["turns"]) == 1


async def test_errors_are_one_sentence(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        for text, words in (("/transalte x", "Did you mean /translate"), ("x" * 100_000, "100,000 characters")):
            (name, data), _ = (await browser.ask(key, text))[-2:]
            assert name == "failed"
            assert words in data["words"]


async def test_the_same_message_is_answered_once(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        await browser.answer(key, "hello", id="0123456789")
        assert await browser.ask(key, "hello", id="0123456789") == [("end", {})]


async def test_attachments_are_read(page: Page) -> None:
    async with page.browser() as browser:
        file = {"name": "a.txt", "mime": "text/plain", "content": base64.b64encode("Grüße".encode()).decode()}
        answer = await browser.answer(await browser.new_key(), "read", attachments=[file])
        assert answer["text"] == "You said: read [a.txt: Grüße]"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "Type a question first"),
        ({"text": 5}, 400, "text has to be a text"),
        ({"text": "x", "conversation": "f" * 40}, 404, "no such conversation"),
        ({"text": "x", "conversation": "../../etc"}, 404, "no such conversation"),
        ({"press": {"turn": "x", "control": "explode"}}, 400, "no such button"),
        ({"press": {"turn": "x", "control": "up"}}, 404, "no such answer"),
        ({"press": "up"}, 400, "no such button"),
        ({"text": "x", "id": "é"}, 400, "strange id"),
        ({"text": "x", "attachments": {}}, 400, "list of files"),
        ({"text": "x", "attachments": [{}] * 6}, 400, "Up to 5 files"),
        ({"text": "x", "attachments": [{"name": "a", "content": "%"}]}, 400, "arrived damaged"),
        ({"text": "x", "attachments": [{"name": "a.pdf", "content": "/w=="}]}, 415, "a.pdf is not a text file"),
    ],
)
async def test_bad_requests_are_told(page: Page, body: dict[str, object], status: int, words: str) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        response = await browser.send("POST", "/turns", json={"conversation": key} | body)
        assert response.status == status
        assert words in (await response.json())["error"]


async def test_a_body_too_large_is_told(page: Page) -> None:
    async with page.browser() as browser:
        large = io.BytesIO(json.dumps({"text": "x" * 5_000_000}).encode())
        response = await browser.send("POST", "/turns", data=large, headers={"Content-Type": "application/json"})
        assert response.status == 413
        assert "up to 4 MB" in (await response.json())["error"]
        for body in (b"{", b"[]", b"\xff"):
            response = await browser.send("POST", "/turns", data=body, headers={"Content-Type": "application/json"})
            assert response.status == 400
        assert (await browser.send("POST", "/turns", data=b"text=x")).status == 415


async def test_nobody_reaches_another_ones_conversation(page: Page) -> None:
    async with page.browser() as ann, page.browser() as bob:
        key = await ann.new_key()
        answer = await ann.answer(key, "a secret")
        assert (await bob.json("GET", "/conversations"))["conversations"] == []
        for method, body in (("GET", None), ("PATCH", {"title": "mine"}), ("DELETE", None)):
            options = {} if body is None else {"json": body}
            assert (await bob.send(method, f"/conversations/{key}", **options)).status == 404
        assert (await bob.get(f"/c/{key}")).status == 404
        bobs = await bob.new_key()
        for conversation in (key, bobs):
            for control in ("up", "why", "retry", "stop", "undo"):
                press = {"turn": answer["turn"], "control": control}
                response = await bob.send("POST", "/turns", json={"conversation": conversation, "press": press})
                assert response.status == 404, (control, conversation == key)
        assert (await bob.send("POST", "/turns", json={"conversation": key, "text": "x"})).status == 404
        assert len((await ann.json("GET", f"/conversations/{key}"))["turns"]) == 1


async def test_nobody_stops_another_ones_turn(page: Page) -> None:
    async with page.browser() as ann, page.browser() as bob:
        key = await ann.new_key()
        asking = asyncio.create_task(ann.ask(key, "hold on"))
        await until(lambda: page.script.open == 1)
        (turn,) = await page.stores.turns.of_conversation((await page.stores.memory.conversations(_user(ann)))[0].id)
        press = {"press": {"turn": turn.id, "control": "stop"}}
        response = await bob.send("POST", "/turns", json={"conversation": await bob.new_key()} | press)
        assert response.status == 404
        assert page.script.open == 1
        await ann.press(key, turn.id, "stop")
        assert (await asking)[-2][1]["state"] == "stopped"


def _user(browser):  # type: ignore[no-untyped-def]
    from adapters.web.sessions import Session

    (cookie,) = browser.http.cookie_jar
    return Session(cookie.value).user


async def test_rename_and_delete(page: Page) -> None:
    async with page.browser() as browser:
        key = await browser.new_key()
        await browser.answer(key, "hello")
        await browser.json("PATCH", f"/conversations/{key}", {"title": "  Greetings\n"})
        assert [one["title"] for one in (await browser.json("GET", "/conversations"))["conversations"]] == ["Greetings"]
        assert (await browser.send("PATCH", f"/conversations/{key}", json={"title": " "})).status == 400
        await browser.json("DELETE", f"/conversations/{key}")
        assert (await browser.json("GET", "/conversations"))["conversations"] == []
        assert (await browser.get(f"/conversations/{key}")).status == 404
