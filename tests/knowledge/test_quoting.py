"""Quoting: the sources' own lines, and nothing else."""

from __future__ import annotations

from bot.knowledge.grounding import Grounding
from bot.knowledge.quoting import lines_of, quote

GUIDE = """Installing

Get the archive first. Then unpack it with this command:

```
tar xf parley.tar.gz
```

- `make run` starts it
- `make test` tests it

…

It listens on port 8080. They can change that."""


def test_lines_are_sentences_items_and_whole_code() -> None:
    assert [line.text for line in lines_of([GUIDE], {"Installing"})] == [
        "Get the archive first.",
        "Then unpack it with this command:",
        "```\ntar xf parley.tar.gz\n```",
        "- `make run` starts it",
        "- `make test` tests it",
        "It listens on port 8080.",
        "They can change that.",
    ]


def test_a_command_comes_with_the_words_that_announce_it() -> None:
    assert quote("unpack with this command", [GUIDE], most=1) == (
        "Get the archive first. Then unpack it with this command:\n```\ntar xf parley.tar.gz\n```\n[1]"
    )


def test_the_nearest_lines_are_taken_in_reading_order() -> None:
    lines = lines_of([GUIDE])
    nearness = [0.9 if "8080" in line.text or "archive" in line.text else 0.1 for line in lines]
    assert quote("q", [GUIDE], nearness=nearness) == "Get the archive first.\nIt listens on port 8080 [1]."


def test_each_source_has_its_title_and_marker() -> None:
    texts = ["The pump is red and loud.", "The pump is blue and small."]
    found = quote("the pump", texts, titles=("Old", "New"), nearness=[0.5, 0.6])
    assert found == "From “Old”:\nThe pump is red and loud [1].\n\nFrom “New”:\nThe pump is blue and small [2]."


def test_what_is_quoted_stands_the_test_itself() -> None:
    for question in ("unpack", "which port does it listen on", "make run", "archive"):
        filtered = Grounding([GUIDE])
        quoted = quote(question, [GUIDE])
        assert quoted
        assert filtered.feed(quoted) + filtered.end()
        assert filtered.dropped == 0


def test_nothing_to_quote() -> None:
    assert quote("q", []) == quote("q", [""]) == quote("q", ["…"]) == ""
