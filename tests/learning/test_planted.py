"""Two hundred planted secrets and personal data, from the command line to every file that is kept."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bot.database import Database
from bot.learning.dataset_folder import folder_of, write
from tests import processes
from tests.learning.company import row
from tests.learning.company import write as write_rows
from tests.learning.planted import ORDINARY, planted, rows_with
from tests.learning.stores import built, over


def feedback(data: Path, action: str, path: Path) -> str:
    """What `python -m bot feedback` says, on both its channels."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "feedback", action, str(path)], capture_output=True, text=True,
        **processes.apart(DATA_DIR=str(data), LOG_LEVEL="debug"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


async def test_none_is_in_the_store_a_dataset_a_log_or_an_export(tmp_path: Path) -> None:
    pairs, data = planted(), tmp_path / "data"
    assert len(pairs) >= 200
    lines = write_rows(tmp_path / "rows.jsonl", rows_with(pairs)).read_text()
    things = [thing for thing, _ in pairs]
    # Lines that are not taken are told, and the telling repeats nothing either.
    lines += "".join(f'{{"scenario": "{thing!r}", "prompt": {thing!r}}}\n' for thing in things[:40])
    (tmp_path / "rows.jsonl").write_text(lines)
    said = feedback(data, "import", tmp_path / "rows.jsonl") + feedback(data, "export", tmp_path / "out.jsonl")
    assert "40 rejected" in said
    async with Database(f"sqlite+aiosqlite:///{data / 'parley.db'}") as database:
        dataset = await built(over(database))
        write(dataset, folder_of(data, dataset))
        assert len(dataset.trained) > 100
    kept = [path for path in (*data.rglob("*"), tmp_path / "out.jsonl") if path.is_file()]
    assert {path.suffix for path in kept} >= {".db", ".jsonl", ".json"}
    texts = {path.name: path.read_bytes().decode(errors="replace") for path in kept} | {"said": said}
    for name, text in texts.items():
        assert [thing for thing in things if len(thing) > 6 and thing in text] == [], name


def test_ordinary_sentences_come_through_as_they_are(tmp_path: Path) -> None:
    """At most 2 of 500 are changed on their way into a dataset."""
    sentences = [sentence.replace("{}", str(at)) for at in range(10) for sentence in ORDINARY]
    rows = [
        row(f"Number {at}: {sentence}", f"Answer {at}: {sentence}", "a") for at, sentence in enumerate(sentences[:500])
    ]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    said = feedback(tmp_path / "data", "import", path)
    changed = re.search(r"taken out of (\d+)", said)
    assert changed is None or int(changed[1]) <= 2, said
    assert "500 lines: 500 approved" in said
