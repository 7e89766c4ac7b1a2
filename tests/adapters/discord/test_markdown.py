"""Markdown as Discord draws it: tables become what can be read, code stays as it is."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.markdown import drawn

TABLE = "| Day | Hours |\n|-----|:-----:|\n| **Monday** | 9 to 6 |\n| 火曜日 | closed |"
PIECES = st.sampled_from(
    ["word ", "| a | b |\n", "|---|---|\n", "\n", "\n\n", "```\n", "#### deep\n", "---\n", "- [ ] do\n"]
)


def test_a_small_table_stands_side_by_side() -> None:
    assert drawn(f"Open:\n\n{TABLE}\n\nSee you.") == (
        "Open:\n\n```\nDay     Hours\n──────  ──────\nMonday  9 to 6\n火曜日  closed\n```\n\nSee you."
    )


def test_a_table_that_is_wide_or_has_links_becomes_a_list() -> None:
    wide = f"| Name | What it is | When |\n|---|---|---|\n| Pool | {'a long story ' * 6}| six |\n| Gym | | |"
    assert drawn(wide).splitlines()[0].startswith("- **Pool** · What it is: a long story")
    assert drawn(wide).splitlines()[1] == "- **Gym**"
    assert drawn("a|b\n-|-\n<@1>|[x](https://e.org)") == "- **<@1>** · b: [x](https://e.org)"


def test_code_and_what_is_no_table_stay() -> None:
    for text in (f"```\n{TABLE}\n#### x\n```", "either | or\nand so on", "a | b\n---\nc", "x = a | b"):
        assert drawn(text) == text.replace("\n---\n", "\n───\n")


def test_what_discord_does_not_know_gets_a_form_it_knows() -> None:
    assert drawn("#### Deep down ####") == "**Deep down**"
    assert drawn("# Top") == "# Top"
    assert drawn("- [ ] buy\n- [x] sell") == "- ☐ buy\n- ☑ sell"
    assert drawn("![a cat](https://e.org/cat.png)") == "[a cat](https://e.org/cat.png)"


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_no_word_is_lost_and_none_comes_twice(text: str) -> None:
    assert re.findall(r"\w+", drawn(text)).count("word") == re.findall(r"\w+", text).count("word")
    assert len(re.findall(r"\bdeep\b", drawn(text))) == len(re.findall(r"\bdeep\b", text))
