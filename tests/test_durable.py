"""Files written piece by piece: whole under their name, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.durable import writing


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with writing(path) as file:
        file.write("one\n")
        assert not path.exists()
        file.write("two\n")
    assert path.read_text() == "one\ntwo\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    def break_off() -> None:
        with writing(path) as file:
            file.write("after")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        break_off()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
