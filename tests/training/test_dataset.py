"""Reading a dataset folder; above all what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.dialect import Message
from models.training import dataset
from models.training.dataset import DatasetError
from tests.training import company


def edit(folder: Path, name: str, change: object) -> None:
    """Let `change` work on the rows of a file, or on the manifest."""
    path = folder / name
    if name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        change(rows)  # type: ignore[operator]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        value = json.loads(path.read_text())
        change(value)  # type: ignore[operator]
        path.write_text(json.dumps(value))


def test_all_of_it_is_read(tmp_path: Path) -> None:
    folder = company.write(tmp_path / "data", kto=[("Hello?", "Hello.", True)], safety=[("How?", "So.")])
    read = dataset.read(folder)
    assert (len(read.sft), len(read.dpo), len(read.kto)) == (52, 32, 1)
    assert (len(read.test), len(read.golden), len(read.safety)) == (8, 10, 1)
    assert read.sft[0].prompt == (
        Message("system", company.SYSTEM),
        Message("user", "When was Marrowby Kites founded, and by whom?"),
    )
    assert read.golden[0].critical
    assert read.test[0].words in company.FACTS[0].questions
    assert not read.held


def test_a_row_on_both_sides_is_refused(tmp_path: Path) -> None:
    folder = company.write(tmp_path / "data")
    taught = json.loads((folder / "sft.train.jsonl").read_text().splitlines()[0])
    edit(folder, "golden.jsonl", lambda rows: rows[0].update(id=taught["id"]))
    with pytest.raises(DatasetError, match="both trained on and asked"):
        dataset.read(folder)


def test_a_cluster_on_both_sides_is_refused(tmp_path: Path) -> None:
    folder = company.write(tmp_path / "data")

    def join(manifest: dict[str, list[dict[str, str]]]) -> None:
        tested = next(row for row in manifest["rows"] if row["split"] == "test")
        tested["cluster"] = manifest["rows"][0]["cluster"]

    edit(folder, "manifest.json", join)
    with pytest.raises(DatasetError, match="clusters"):
        dataset.read(folder)


def test_a_question_asked_word_for_word_is_refused(tmp_path: Path) -> None:
    folder = company.write(tmp_path / "data")
    taught = json.loads((folder / "sft.train.jsonl").read_text().splitlines()[0])
    edit(folder, "test.jsonl", lambda rows: rows[0].update(prompt=taught["prompt"]))
    with pytest.raises(DatasetError, match="word for word"):
        dataset.read(folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Line 1 of golden.jsonl"),
        ("[]", "Line 1 of golden.jsonl"),
        ('{"id": "a", "prompt": []}', "ends with words of the user"),
        ('{"id": "a", "prompt": [{"role": "tool", "content": "x"}]}', "ends with words of the user"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, line: str, words: str) -> None:
    folder = company.write(tmp_path / "data")
    (folder / "golden.jsonl").write_text(line + "\n")
    with pytest.raises(DatasetError, match=words):
        dataset.read(folder)


def test_no_manifest_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        dataset.read(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DatasetError, match="lacks scenario, hash, seed, rows"):
        dataset.read(tmp_path)


def test_the_companys_prompts_are_those_of_the_chat_scenario() -> None:
    from bot.scenarios.chat import PERSONA

    assert company.SYSTEM == PERSONA
