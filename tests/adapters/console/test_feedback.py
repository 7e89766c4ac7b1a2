"""`feedback`: lines taken in or told, the same lines written to a file and to the output; nothing half-done."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from adapters.console.feedback import import_feedback
from bot.settings import Settings
from tests.adapters.console.conftest import Run
from tests.learning.company import honest, row, write


async def test_more_than_a_page_goes_to_a_file_and_to_the_output(run: Run, tmp_path: Path) -> None:
    rows = [one | {"correction": f"{one['correction']} {at}"} for at in range(14) for one in honest(1)]
    taken = await run("feedback", "import", str(write(tmp_path / "rows.jsonl", rows)))
    assert f"{len(rows)} lines: {len(rows)} approved" in taken.out
    exported = await run("feedback", "export", str(tmp_path / "out.jsonl"))
    assert f"{len(rows)} lines in" in exported.out
    said = await run("feedback", "export", "-")
    assert said.out == (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert {json.loads(line)["correction"] for line in said.out.splitlines()} == {one["correction"] for one in rows}
    assert f"{len(rows)} lines in -." in said.err


async def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    refused = await run("feedback", "export", str(tmp_path / "file" / "out.jsonl"))
    assert (refused.code, "cannot be written (Not a directory)" in refused.err) == (1, True)
    taken = await run("feedback", "export", str(tmp_path / "file"))
    assert (taken.code, "exists already" in taken.err) == (1, True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_lines_that_are_not_taken_are_told_together_where_the_reason_is_one(tmp_path: Path) -> None:
    unasked = [row(f"Question {number}?", "So.", "a", consent=False) for number in range(450)]
    rows = [*unasked, row("Is it so?", "Yes.", "a"), row("And so?", "Yes.", "a", consent=False), row(" ", "c", "a")]
    screen = Console(file=io.StringIO(), width=200)
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    assert await import_feedback(settings, write(tmp_path / "rows.jsonl", rows), screen) == 0
    assert screen.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "lines 1 to 450: consent is not true, so nobody has allowed it to be used",
        "line 452: consent is not true, so nobody has allowed it to be used",
        "line 453: prompt has to end with what a user said",
        "453 lines: 1 approved, 0 waiting for review, 0 golden, 0 there already, 452 rejected.",
    ]
