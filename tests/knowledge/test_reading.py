"""Reading: what becomes of files of each kind, and the words for those that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.knowledge.reading import files_in, read, read_bytes

GUIDE = """---
title: "The Gateway"
---
# Gateway guide

Intro with `code` and a [download](https://x.example/d.zip), see <https://y.example>.

1. first
2. second

| key | value |
|---|---|
| port | 8080 |

```yaml
port: 8080
```

## 2. Errors

<div><p>Html <b>para</b></p><pre>x = 1</pre></div>
"""


def test_markdown_keeps_headings_code_lists_tables_and_links() -> None:
    found = read("guide.md", GUIDE.encode())
    assert found.title == "The Gateway"
    assert [(block.kind, block.text) for block in found.blocks] == [
        ("heading", "Gateway guide"),
        ("prose", "Intro with `code` and a download (https://x.example/d.zip), see https://y.example."),
        ("prose", "1. first"),
        ("prose", "2. second"),
        ("prose", "key | value"),
        ("prose", "port | 8080"),
        ("code", "```\nport: 8080\n```"),
        ("heading", "Errors"),
        ("prose", "Html para"),
        ("code", "```\nx = 1\n```"),
    ]
    assert found.blocks[-1].headings == ("Gateway guide", "Errors")


def test_offsets_point_into_the_text() -> None:
    found = read("guide.md", GUIDE.encode())
    assert all(found.text[block.start : block.end] == block.text for block in found.blocks)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Grüße aus München, schön ist es hier. Straße und Öl.", "latin-1"),
        ("Привет мир, это проверка кодировки текста", "cp1251"),
        ("日本語のテキストです。これはテストです。", "shift_jis"),
        ("text in two bytes a letter", "utf-16"),
        ("text in two bytes a letter", "utf-16-le"),
        ("with a mark in front", "utf-8-sig"),
    ],
)
def test_encodings_are_found(text: str, encoding: str) -> None:
    assert read("a.txt", text.encode(encoding)).text == text


def test_a_declared_encoding_is_believed() -> None:
    page = '<html><head><meta charset="iso-8859-2"></head><body>Łódź</body></html>'
    assert read("a.html", page.encode("iso-8859-2")).text == "Łódź"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.docx", b"x", "no file I can read"),
        ("a.txt", b"PK\x03\x04rest", "an archive or an office document"),
        ("a.txt", bytes(range(20)) * 100, "not a text file"),
        ("a.md", b" \n\t", "is empty"),
        ("a.html", b"<html><body><nav>Home</nav></body></html>", "holds no text"),
        ("a.pdf", b"%PDF-1.4 and then nothing of the sort", "broken PDF"),
        ("a.pdf", b"not at all", "broken PDF"),
        ("a.txt", b"x" * (10 * 2**20 + 1), "larger than 10 MB"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(name: str, content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read(name, content)
    assert caught.value.words.startswith(name)


@given(st.binary(max_size=400), st.sampled_from(["a.md", "a.txt", "a.html", "a.pdf"]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    try:
        found = read(name, content)
    except UserError:
        return
    assert "\0" not in found.text
    found.text.encode("utf-8")


@pytest.mark.timeout(120)  # a reader that takes quadratic time hangs for minutes
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.html", b"<div>" * 30_000 + b"deep down"),
        ("deep.md", b"top\n\n" + b">" * 20_000 + b" deep"),
        ("links.md", b"[a](" * 20_000),
        ("stars.md", b"text " + b"a*_" * 20_000),
        ("line.txt", b"x" * 5_000_000),
    ],
)
def test_hostile_files_are_read_to_their_end(name: str, content: bytes) -> None:
    assert read(name, content).text


def test_a_folder_gives_its_readable_files(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", ".hidden.md", "picture.png", "sub/c.html", ".git/d.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="utf-8")
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    assert [path.relative_to(tmp_path).as_posix() for path in files_in(tmp_path)] == ["a.txt", "b.md", "sub/c.html"]
    assert files_in(tmp_path / "b.md") == [tmp_path / "b.md"]


def test_a_folder_without_any_and_a_path_to_nothing_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no file I can read"):
        files_in(tmp_path)
    with pytest.raises(UserError, match="There is nothing at"):
        files_in(tmp_path / "gone")
    with pytest.raises(UserError, match="cannot be read"):
        read_bytes(tmp_path / "gone.md")
