"""Grounding: what a model says reaches the reader only where its sources bear it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.claims import ground, unsupported
from bot.knowledge.grounding import Grounding

FIRST = """Keeping a system up to date > Upgrades
Run `apt update` and then `apt full-upgrade -y` as root. It takes about 15 minutes, or 1,200 seconds.
The list of sources stands in /etc/apt/sources.list. See https://wiki.debian.org/Upgrade for more.
The unattended-upgrades package does it by night. Debian 11.4 is called Bullseye.

```
$ apt update
$ apt full-upgrade
```"""
SECOND = "Printing\nThe CUPS server listens on port 631. Use lpr to print a file from the shell."
SOURCES = [FIRST, SECOND]


def filtered(text: str, *, pieces: int = 1, sources: list[str] | None = None) -> tuple[str, Grounding]:
    grounding = Grounding(SOURCES if sources is None else sources)
    out = "".join(grounding.feed(text[at : at + pieces]) for at in range(0, len(text), pieces))
    return out + grounding.end(), grounding


@pytest.mark.parametrize(
    "sentence",
    [
        "Run `apt update` as root.",
        "Run apt full-upgrade -y as root.",
        "It takes about 15 minutes.",
        "It takes 1,200 seconds.",
        "The sources stand in /etc/apt/sources.list.",
        "The list of sources stands in /etc/apt.",
        "See https://wiki.debian.org/Upgrade for more.",
        "The CUPS server listens on port 631.",
        "You can use lpr to print a file.",
        "Debian's Bullseye is version 11.4.",
        "The package unattended-upgrades does it by night.",
    ],
)
def test_what_the_sources_say_is_said(sentence: str) -> None:
    assert unsupported(sentence, ground(SOURCES)) == []


@pytest.mark.parametrize(
    ("sentence", "claim"),
    [
        ("Run `apt upgrade` as root.", "apt upgrade"),
        ("Run `apt full-upgrade --force` as root.", "apt full-upgrade --force"),
        ("Run apt full-upgrade --yes as root.", "--yes"),
        ("It takes about 20 minutes.", "20"),
        ("It takes about 5 minutes.", "5"),
        ("The sources stand in /etc/apt/sources.", "/etc/apt/sources"),
        ("See https://wiki.debian.org/Downgrade for more.", "https://wiki.debian.org/Downgrade"),
        ("Run apt-get as root.", "apt-get"),
        ("The list is printed by apt-cache too.", "apt-cache"),
        ("The CUPS server listens on port 63.", "63"),
        ("The Apache server listens on port 631.", "Apache"),
        ("Ubuntu takes about 15 minutes.", "Ubuntu"),
        ("Use zypper to print a file from the shell.", "zypper"),
        ("Run dnf as root.", "dnf"),
        ("Debian 12 is called Bullseye.", "12"),
        ("Write to help@example.org about the upgrade.", "help@example.org"),
        ("Set APT_UPGRADE in the list of sources.", "APT_UPGRADE"),
    ],
)
def test_what_they_do_not_say_is_found(sentence: str, claim: str) -> None:
    assert claim in unsupported(sentence, ground(SOURCES))


def test_words_that_are_mostly_others_are_another_matter() -> None:
    assert unsupported("Regular exercise improves overall health and reduces stress significantly.", ground(SOURCES))
    assert unsupported("- zypper", ground(SOURCES))


def test_only_borne_out_sentences_come_through_with_their_marker() -> None:
    out, grounding = filtered(
        "Run `apt update` as root. It takes 3 hours. The CUPS server listens on port 631. Ubuntu is called Bullseye."
    )
    assert out == "Run `apt update` as root [1]. The CUPS server listens on port 631 [2]."
    assert (grounding.kept, grounding.dropped) == (2, 2)
    assert {"3", "Ubuntu"} <= set(grounding.unsupported)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("It takes about 15 minutes [1].", "It takes about 15 minutes [1]."),
        ("It takes about 15 minutes. [1]", "It takes about 15 minutes [1]."),
        ("It takes about 15 minutes [7].", "It takes about 15 minutes [1]."),
        ("It takes about 15 minutes [2].", "It takes about 15 minutes [1]."),
        ("The CUPS server listens on port 631 [1, 2].", "The CUPS server listens on port 631 [2]."),
    ],
)
def test_markers_are_put_right(said: str, shown: str) -> None:
    assert filtered(said)[0] == shown


def test_code_is_held_until_it_is_whole_and_judged_by_line() -> None:
    good = "Run this:\n\n```bash\n$ apt update\n$ apt full-upgrade\n```\n"
    assert filtered(good, pieces=3)[0] == "Run this:\n\n```bash\n$ apt update\n$ apt full-upgrade\n```"
    out, grounding = filtered("Run this:\n\n```bash\n$ apt update\n$ rm -rf /\n```\n")
    assert out == ""
    assert grounding.unsupported == ["rm -rf /"]


def test_items_are_numbered_anew() -> None:
    out, _ = filtered("1. Run `apt update`\n2. Run `yum update`\n3. Run `apt full-upgrade`\n")
    assert out == "1. Run `apt update` [1]\n2. Run `apt full-upgrade`"


def test_what_announces_nothing_breaks_off_or_comes_twice_is_left_out() -> None:
    assert filtered("Here is how:\n\n- Run `yum update`\n")[0] == ""
    assert filtered("It takes about 15 minutes. Then it")[0] == "It takes about 15 minutes [1]."
    assert filtered("It takes about 15 minutes. It takes about 15 minutes.")[0] == "It takes about 15 minutes [1]."


def test_a_sentence_is_shown_as_soon_as_it_is_known_to_be_whole() -> None:
    grounding = Grounding(SOURCES)
    assert grounding.feed("It takes about 15 minutes.") == ""
    assert grounding.feed(" Run") == "It takes about 15 minutes [1]."


def test_without_sources_nothing_that_claims_is_said() -> None:
    assert filtered("It takes about 15 minutes.", sources=[])[0] == ""


PARTS = st.lists(
    st.sampled_from(
        [
            "Run `apt update` as root. ", "It takes 15 minutes. ", "It takes 99 minutes. ", "\n\n", "1. Run `yum`\n",
            "- See /etc/apt/sources.list\n", "```\napt update\n```\n", "```\nrm -rf /\n```\n", "Ubuntu says so [3]. ",
            "[1] ", "`", "e.g. ", "Use lpr to print a file [2]. ", "…", "**bold** words. ", "Note: ", "```",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(PARTS, st.integers(1, 7))
def test_how_the_stream_is_cut_makes_no_difference(text: str, pieces: int) -> None:
    assert filtered(text, pieces=pieces)[0] == filtered(text, pieces=len(text) or 1)[0]


@given(PARTS)
def test_nothing_unsupported_is_ever_shown(text: str) -> None:
    out, _ = filtered(text, pieces=2)
    assert not any(claim in out for claim in ("99", "yum", "rm -rf", "Ubuntu", "[3]"))


@given(st.text(max_size=300), st.lists(st.text(max_size=100), max_size=3))
def test_any_text_passes_without_an_error(text: str, sources: list[str]) -> None:
    filtered(text, pieces=5, sources=sources)
