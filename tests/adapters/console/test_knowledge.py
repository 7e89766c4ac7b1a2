"""`knowledge` in a terminal: what is taken in, listed, removed, and what was asked in vain."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.console.conftest import Run

PUMP = "# Pump\n\nThe pump starts when the red button is pressed for three seconds.\n"


async def test_a_folder_is_taken_in_listed_whole_and_removed(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "a-folder-with-a-rather-long-name-that-no-narrow-terminal-has-room-for"
    folder.mkdir()
    (folder / "pump.md").write_text(PUMP)
    (folder / "bad.txt").write_bytes(b"\x00\x01\xff")
    added = await run("knowledge", "add", str(folder))
    assert added.code == 1
    assert "2 files: 1 added, 1 refused; 1 passage." in added.err
    assert added.err.count("bad.txt") == 1
    again = await run("knowledge", "add", str(folder / ".." / folder.name / "pump.md"))
    assert (again.code, "1 file: 1 same; 1 passage." in again.err) == (0, True)
    listed = await run("knowledge", "list", COLUMNS="80")
    assert str(folder / "pump.md") in "".join(line.split()[-1] for line in listed.out.splitlines()[1:-1])
    assert "…" not in listed.out
    assert (await run("knowledge", "remove", str(folder))).out == f"Removed 1 document below {folder}.\n"
    assert "No documents yet" in (await run("knowledge", "list")).out


async def test_what_no_document_answered_is_listed(run: Run) -> None:
    assert "No open questions" in (await run("knowledge", "gaps")).out
    await run("ask", "/support how do I fly to Mongolia?")
    gaps = await run("knowledge", "gaps")
    assert "how do I fly to Mongolia?" in gaps.out
    assert "1 open question" in gaps.out


async def test_documents_are_encoded_anew_for_another_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pump.md").write_text(PUMP)
    await run("knowledge", "add", str(tmp_path / "pump.md"), EMBEDDING_MODEL="/one")
    doctor = await run("doctor", WEB_PORT="0", EMBEDDING_MODEL="/other", COLUMNS="200")
    assert "read with another EMBEDDING_MODEL and found by their words only: 1 of the documents" in " ".join(
        doctor.out.split()
    )
    assert "1 document encoded anew." in (await run("knowledge", "reindex", EMBEDDING_MODEL="/other")).err
