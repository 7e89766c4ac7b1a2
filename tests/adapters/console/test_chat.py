"""`chat` and `doctor` in a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.console.conftest import Run


async def test_a_conversation_ends_with_the_input(run: Run) -> None:
    ended = await run("chat", typed="say: Good *day*\n\n/nope\n:7\n/help\n")
    assert ended.code == 0
    assert "Good day" in ended.out
    assert "There is no command /nope." in ended.out
    assert "Type the number or the name of a button" in ended.out
    assert "/translate" in ended.out
    assert "Traceback" not in ended.err


async def test_a_button_is_pressed_by_its_number(run: Run) -> None:
    ended = await run("chat", typed="say: Good day\n:1\n")
    assert ended.out.count("Good day") >= 2  # 1 is Retry
    assert ended.code == 0


async def test_versions_are_turned_and_words_beside_an_answer_leave_its_buttons(run: Run) -> None:
    ended = await run("chat", typed="say: Good day\n:retry\n:back\n:why\n:up\n:back\n:)\n:nothing\n")
    assert ended.out.count("version 2 of 2") == 2
    assert ended.out.count("version 1 of 2") == 1
    assert "Scenario" in ended.out
    assert "Noted, thank you." in ended.out
    assert ended.out.count("Type the number or the name of a button") == 1
    assert ended.code == 0


async def test_doctor_finds_a_sound_set_up_sound(run: Run) -> None:
    ended = await run("doctor", WEB_PORT="0")
    assert ended.code == 0, ended.out
    assert "serves parley" in ended.out


async def test_doctor_names_what_is_wrong_and_what_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.db").write_bytes(b"no database" * 1000)
    wrong = {"ENGINE_URL": "http://127.0.0.1:9", "DATABASE_URL": f"sqlite:///{tmp_path / 'p.db'}"}
    ended = await run("doctor", WEB_PORT="0", COLUMNS="200", **wrong)
    assert ended.code == 1
    flat = " ".join(ended.out.split())
    assert "correct ENGINE_URL" in flat
    assert "2 errors to mend" in flat
    assert "Is it Parley's?" in flat


async def test_documents_are_added_listed_and_removed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pump.md").write_text("# Pump\n\nPress the red button for three seconds.\n")
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    added = await run("knowledge", "add", str(tmp_path / "docs"))
    assert "1 added" in added.err
    assert "broken.pdf" in added.err
    assert "Pump" in (await run("knowledge", "list")).out
    assert "1 same" in (await run("knowledge", "add", str(tmp_path / "docs" / "pump.md"))).err
    path = str(tmp_path / "docs" / "pump.md")
    assert (await run("knowledge", "remove", path)).code == 0
    missing = await run("knowledge", "remove", path)
    assert missing.code == 1
    assert "Pump" not in (await run("knowledge", "list")).out


async def test_a_backup_is_a_store_and_never_overwrites(run: Run, tmp_path: Path) -> None:
    await run("ask", "say: hello")
    copy = tmp_path / "copy.db"
    assert (await run("backup", str(copy))).code == 0
    again = await run("backup", str(copy))
    assert (again.code, "exists already" in again.err) == (1, True)
    ended = await run("ask", "/memory show", DATABASE_URL=f"sqlite+aiosqlite:///{copy}")
    assert ended.code == 0
