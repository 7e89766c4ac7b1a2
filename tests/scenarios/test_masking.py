"""Masking: nothing that must stay is ever lost, whatever the model does."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.scenarios.glossary import Term
from bot.scenarios.masking import mask

LOOSE = [
    "<@123>", "<@!45>", "<@&6>", "<#78>", "<@U0AB12>", "<#C99|general>", "<!here>", "<!channel>", "<!subteam^S1>",
    "@everyone", "@here", "<:party:901>", "<a:spin:902>", ":tada:", "🎉", "👩‍💻", "🇫🇷", "https://example.org/a_b?c=d#e",
    "http://one.example/x(1)", "<https://two.example>", "www.three.example", "ann@example.org", "<t:1700000000:R>",
]  # fmt: skip
BOUND = ["`code`", "`a * b`", "``x ` y``", "{name}", "{0}", "{{user}}", "${HOME}", "%s", "%(count)d", "[3]", "<br>"]
PAIRS = [("**", "**"), ("__", "__"), ("~~", "~~"), ("||", "||"), ("*", "*"), ("_", "_")]
LINKS = [("[", "](https://four.example/p)"), ("[", "](<#1>)"), ("<https://five.example|", ">")]
FENCES = ["```py\nprint('*hi* <@1>')\n```", "~~~\n# no heading\n~~~", "```\n\n  - x\n```"]
PREFIXES = ["", "", "", "- ", "  * ", "1. ", "> ", ">> ", "# ", "### ", "- [ ] ", "- [x] ", "> - "]
WORDS = ["hello", "see", "the", "file", "tomorrow", "Zürich", "ça", "你好", "мир", "it's", "5", "tea,"]

word = st.sampled_from(WORDS)
words = st.lists(word, min_size=1, max_size=4).map(" ".join)
atom = st.sampled_from(LOOSE + BOUND)


@st.composite
def inlines(draw: st.DrawFn, unused: tuple[tuple[str, str], ...] = (*PAIRS, LINKS[0])) -> str:
    """Words, a token, or words in a pair, which may hold another kind of pair: Markdown nests no kind in itself."""
    if not unused or draw(st.booleans()):
        return draw(words | atom)
    pair = draw(st.sampled_from(unused))
    inner = draw(inlines(tuple(other for other in unused if other[0] not in (pair[0], "_" + pair[0][1:]))))
    return f"{pair[0]}{draw(words)} {inner} end{pair[1]}"


inline = inlines() | words.map(lambda label: f"<https://five.example|{label}>")
line = st.tuples(st.sampled_from(PREFIXES), st.lists(inline, min_size=1, max_size=6)).map(
    lambda made: made[0] + " ".join(made[1])
)
block = line | st.sampled_from([*FENCES, "", "| a cell | <@9> |", "|---|---|"])
document = st.lists(block, min_size=1, max_size=6).map("\n".join)
noise = st.sampled_from(
    [
        "mot", "oui", "[1]", "[2]", "[7]", "【1】", "[ 2 ]", "<1>", "</1>", "<3>", "**", "*", "_", "`", "```", "||",
        "~~", "\n", "\n# x", "<@999>", "@everyone", "https://evil.example", "](", "[", "(", ")", "<", ">", "。", "了解",
        ":", "/x",
    ]
)  # fmt: skip


def counted(text: str) -> Counter[str]:
    """How often each thing that must stay occurs in `text`, each stretch counted once."""
    known = sorted([*LOOSE, *BOUND, *FENCES, *(part for pair in LINKS for part in pair if len(part) > 1)], key=len)
    return Counter(re.findall("|".join(map(re.escape, reversed(known))), text))


def check(text: str, out: str) -> None:
    before, after = counted(text), counted(out)
    assert {key: count for key, count in before.items() if after[key] != count} == {}, out
    assert not ({"@everyone", "<@999>"} & after.keys()) - before.keys(), out
    assert out.count("\n") == text.count("\n")
    for old, new in zip(text.split("\n"), out.split("\n"), strict=True):
        assert new.startswith(re.match(r"(?:\s+|>|#+ |[*-] |\d\. |\[[ x]\] )*", old)[0].rstrip())  # type: ignore[index]
    for marker in ("**", "__", "~~", "||"):
        assert out.count(marker) == text.count(marker), (marker, out)


@given(document)
@settings(max_examples=150)
def test_a_faithful_model_gives_the_text_back_unchanged(text: str) -> None:
    masked = mask(text)
    out, restored = masked.restore([segment.text for segment in masked.segments])
    assert out == text
    assert not any(piece.lost or piece.kept for piece in restored)


@given(document, st.data())
@settings(max_examples=300)
def test_a_hostile_model_loses_nothing(text: str, data: st.DataObject) -> None:
    """It drops, doubles, reorders and rewrites stand-ins, and puts in mentions, ticks and markers of its own."""
    masked = mask(text)
    said = []
    for segment in masked.segments:
        parts = re.findall(r"\[\d+\]|</?\d+>|\*\*|[^\s\[<]+|.", segment.text)
        chosen = data.draw(st.lists(st.sampled_from(parts) | noise, max_size=12))
        said.append(data.draw(st.sampled_from(["", " "])).join(chosen))
    check(text, masked.restore(said)[0])


@given(document, st.permutations(range(8)))
@settings(max_examples=100)
def test_a_model_that_turns_the_words_around_loses_nothing(text: str, order: list[int]) -> None:
    masked = mask(text)
    said = []
    for segment in masked.segments:
        parts = segment.text.split(" ")
        said.append(" ".join(parts[index] for index in order if index < len(parts)))
    check(text, masked.restore(said)[0])


@given(document)
@settings(max_examples=100)
def test_streaming_shows_the_same_tokens(text: str) -> None:
    for segment in mask(text).segments:
        shown = segment.filter()
        streamed = "".join(shown.feed(character) for character in segment.text) + shown.end()
        assert shown.said == segment.text
        assert counted(streamed) == counted(segment.restore(segment.text).text)


def test_structure_never_reaches_the_model() -> None:
    masked = mask("# Hello **world**\n- [ ] <@123> please see https://x.y now, <@5>\n```\ncode\n```\n> Bye :wave:\n")
    assert [segment.text for segment in masked.segments] == ["Hello **world**", "please see [1] now,", "Bye"]
    assert masked.restore(["Bonjour **monde**", "regarde [1] maintenant,", "Salut"])[0] == (
        "# Bonjour **monde**\n- [ ] <@123> regarde https://x.y maintenant, <@5>\n```\ncode\n```\n> Salut :wave:\n"
    )


def test_links_keep_their_target_and_get_a_new_label() -> None:
    (segment,) = mask("See the [user manual](https://x.y/m) or <https://z|our page>.").segments
    assert segment.text == "See the <1>user manual</1> or <3>our page</3>."
    restored = segment.restore("Voir <3>notre page</3> ou le <1>manuel</1>.")
    assert restored.text == "Voir <https://z|notre page> ou le [manuel](https://x.y/m)."
    assert restored.lost == ()


@pytest.mark.parametrize(
    ("said", "text", "lost"),
    [
        ("Merci [1] pour tout", "Merci <@1> pour tout", ()),
        ("Merci pour tout", "Merci <@1> pour tout", ("<@1>",)),
        ("Merci [1] [1] pour [1] tout", "Merci <@1> pour tout", ()),
        ("Merci <@1> pour tout", "Merci <@1> pour tout", ()),
        ("Merci <@2> [1] pour tout @everyone", "Merci <@1> pour tout", ()),
        ("Merci[1]pour tout", "Merci <@1> pour tout", ()),
        ("", "Thanks <@1> for all", ()),
    ],
)
def test_what_a_model_may_do_to_a_mention(said: str, text: str, lost: tuple[str, ...]) -> None:
    (segment,) = mask("Thanks <@1> for all").segments
    restored = segment.restore(said)
    assert " ".join(restored.text.split()) == text
    assert restored.lost == lost


def test_a_link_is_not_swallowed_by_the_next_word() -> None:
    (segment,) = mask("Open https://x.y please").segments
    assert segment.restore("请打开[1]谢谢").text == "请打开 https://x.y 谢谢"
    assert segment.restore("Ouvrez [1]/evil").text == "Ouvrez https://x.y /evil"


def test_glossary_terms() -> None:
    terms = (Term("ticket", "fr", "billet"), Term("Parley"))
    (segment,) = mask("Parley opens a Ticket.", terms).segments
    assert segment.text == "Parley opens a [2]."
    assert segment.restore("Parley ouvre un [2].").text == "Parley ouvre un billet."
    assert segment.restore("Il ouvre un.").text == "Parley Il ouvre billet un."
    (segment,) = mask("tickets are not a term", terms).segments
    assert segment.text == "tickets are not a term"


def test_long_lines_are_cut_between_sentences_and_come_back_whole() -> None:
    text = "One sentence here. **Two. Three. Four.** Five is at https://x.y/a.b. Six! " * 6 + "你好。再见！"
    masked = mask(text, most=80)
    assert len(masked.segments) > 3
    assert masked.restore([segment.text for segment in masked.segments])[0] == text
    assert all(segment.text.count("**") % 2 == 0 for segment in masked.segments)


@pytest.mark.parametrize("text", ["", "   ", "<@1> :tada:", "`code`", "```\nall code\n```", "https://x.y", "12 + 3"])
def test_nothing_for_a_model(text: str) -> None:
    masked = mask(text)
    assert masked.segments == ()
    assert masked.restore([])[0] == text
