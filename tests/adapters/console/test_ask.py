"""`ask`: the contract's object, the conversation it goes on with, and one sentence for every mistake."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.console.conftest import Run

CONTRACT = {"turn", "scenario", "text", "model", "adapter", "sources", "action", "tokens", "ttft", "seconds"}


async def test_an_answer_is_streamed_to_stdout_and_nothing_else_is(run: Run) -> None:
    ended = await run("ask", "say: Good day")
    assert (ended.code, ended.out, ended.err) == (0, "Good day\n", "")


async def test_what_comes_behind_the_stream_is_said_once(run: Run) -> None:
    ended = await run("ask", "/tutor math: solve 2x + 3 = 11")
    assert ended.out.count("**Steps**") == 1
    assert "**Your turn**" in ended.out.splitlines()[-1]


async def test_json_is_the_contracts_object(run: Run) -> None:
    ended = await run("ask", "say: Good day", "--json", "--user", "ann", "--channel", "c")
    answer = json.loads(ended.out)
    assert answer.keys() == CONTRACT
    assert (answer["scenario"], answer["text"], answer["model"], answer["action"]) == (
        "chat", "Good day", "parley", "answer",
    )  # fmt: skip
    assert answer["tokens"] > 0


async def test_the_same_user_and_channel_go_on_with_their_conversation(run: Run) -> None:
    await run("ask", "/remember my boat is called Rosalind", "--user", "ann")
    assert "Rosalind" in (await run("ask", "/memory show", "--user", "ann")).out
    assert "Rosalind" not in (await run("ask", "/memory show", "--user", "bob")).out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * 100_000, "Your message has 100,000 characters and I read at most"),
        ("/nope", "There is no command /nope."),
        ("/translate", "/translate"),
        ("/write kind:poem the sea", "poem"),
        ("/translate text:hello to:Klingon-ish", "Klingon-ish"),
        ("   ", "There are no words in that message."),
    ],
)
async def test_a_mistake_is_one_sentence_and_a_failure(run: Run, text: str, words: str) -> None:
    ended = await run("ask", text)
    assert ended.code == 1
    assert ended.out.strip() == ""
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"WEB_PORT": "many"}, "WEB_PORT"),
        ({"DATABASE_URL": "sqlite+aiosqlite:////proc/nowhere/p.db"}, "I cannot reach my memory"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
    ],
)
async def test_a_wrong_setting_is_named(run: Run, settings: dict[str, str], words: str) -> None:
    ended = await run("ask", "hello", **settings)
    assert ended.code == 1
    assert words in ended.err
    assert ended.out.strip() == ""


async def test_an_engine_that_is_not_there_is_said_so(run: Run) -> None:
    ended = await run("ask", "hello", ENGINE_URL="http://127.0.0.1:9", QUEUE_SECONDS="5")
    assert ended.code == 1
    assert "The model server does not answer" in ended.err


async def test_a_model_that_is_not_there_is_a_sentence_and_no_log_line(run: Run) -> None:
    ended = await run("ask", "hello", ENGINE_URL="", MODEL="/nope")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1].startswith("The model cannot be started. There is no model /nope")
    assert "turn_failed" not in ended.err


async def test_a_conversations_name_has_to_fit_the_store(run: Run) -> None:
    ended = await run("ask", "say: hello", "--channel", "c" * 65)
    assert ended.code == 2
    assert "at most 64 characters, not 65" in ended.err
    assert (await run("ask", "say: hello", "--channel", "c" * 64)).code == 0


@pytest.mark.parametrize("seconds", [2.0, 3.0, 4.0])
async def test_an_interrupted_question_ends_without_a_word(run: Run, seconds: float) -> None:
    ended = await run("ask", "hold", interrupts=[seconds])
    assert ended.code in (130, -signal.SIGINT)  # the latter while it loads
    assert "Traceback" not in ended.err
    assert "Error" not in ended.err


async def test_who_interrupts_twice_does_not_wait_for_a_store_that_is_held(run: Run, tmp_path: Path) -> None:
    await run("ask", "say: There is a store now.")
    with closing(sqlite3.connect(tmp_path / "parley.db", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(20):
            ended = await run("ask", "say: Never.", interrupts=[4.0, 0.3])
    assert ended.code in (130, -signal.SIGINT)
    assert ended.out == ""
    assert "Traceback" not in ended.err
