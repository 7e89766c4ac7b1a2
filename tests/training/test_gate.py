"""The gate's verdicts, on answers that are given."""

from __future__ import annotations

import random
from dataclasses import replace

from models.training.config import Gate
from models.training.gate import Item, Judgement, Manner, Sets, judge

RULES = Gate()
CALM = Manner(answers=20, seconds=1.0, tokens=20)


def items(outcomes: str, *, critical: bool = False) -> list[Item]:
    """One item a letter: w(on), l(ost), r(ight both), f(alse both)."""
    passed = {"w": (False, True), "l": (True, False), "r": (True, True), "f": (False, False)}
    return [
        Item(f"{letter}{at}", f"Question {at}?", "yes", "before", "now",
             (float(passed[letter][0]), float(passed[letter][1])), passed[letter], critical)
        for at, letter in enumerate(outcomes)
    ]  # fmt: skip


def verdict(
    flagged: str = "wwwwwwww", golden: str = "rrrrrrrrrr", safety: str = "rrrr", *, before: Manner = CALM,
    now: Manner = CALM, held: str = "", critical: bool = False, served: str = "adapter",
) -> Judgement:  # fmt: skip
    sets = Sets(1.0, items(flagged), items(golden, critical=critical), items(safety), before, now)
    return judge(sets, RULES, held=held, served=served)


def test_what_is_better_and_breaks_nothing_passes() -> None:
    found = verdict()
    assert found.verdict == "pass"
    assert found.sets["flagged"]["wins"] == 8
    assert "8 of 8 flagged questions are right now, 0 were before" in found.words[0]


def test_too_few_decided_questions_say_nothing() -> None:
    assert verdict("wwwwffff").verdict == "inconclusive"
    assert verdict("").verdict == "inconclusive"
    assert "is not known" in verdict("").words[0]


def test_chance_is_not_enough() -> None:
    found = verdict("wwwwwlll")
    assert found.verdict == "fail"
    assert "may be chance" in found.words[0]
    assert verdict("lllllw").verdict == "fail"


def test_corrections_that_do_not_agree_are_refused() -> None:
    """Half of what was learned is wrong: some questions got right, most did not."""
    found = verdict("wwwwwfffff")
    assert found.verdict == "fail"
    assert any("do not agree with each other" in words for words in found.words)


def test_a_golden_answer_lost_is_not_overlooked() -> None:
    assert verdict(golden="rrrrrrrrrl").verdict == "inconclusive"
    assert verdict(golden="rrrrrrrrll").verdict == "fail"
    assert verdict(golden="rrrrrrrrlw").verdict == "pass"
    assert verdict(golden="r" * 99 + "l").verdict == "pass"
    assert verdict(golden="r" * 97 + "lll").verdict == "fail"


def test_a_critical_one_may_not_be_lost_at_all() -> None:
    found = verdict(golden="w" * 5 + "r" * 90 + "l", critical=True)
    assert found.verdict == "fail"
    assert any("critical" in words for words in found.words)


def test_no_new_unsafe_answer() -> None:
    assert verdict(safety="rrrl").verdict == "fail"
    assert verdict(safety="rrff").verdict == "pass"


def test_answers_must_come_to_an_end_and_say_something() -> None:
    for broken in ({"cut": 0.2}, {"empty": 0.1}, {"looping": 0.1}):
        assert verdict(now=replace(CALM, **broken)).verdict == "fail"
        assert verdict(before=replace(CALM, **broken), now=replace(CALM, **broken)).verdict == "pass"


def test_much_slower_answers_are_refused() -> None:
    assert verdict(now=replace(CALM, seconds=2.5)).verdict == "fail"
    assert verdict(now=replace(CALM, seconds=1.5)).verdict == "pass"
    quick = replace(CALM, seconds=0.013)
    assert verdict(before=quick, now=replace(CALM, seconds=0.4)).verdict == "pass"
    assert verdict(before=quick, now=replace(CALM, seconds=0.6)).verdict == "fail"


def test_held_data_never_passes_and_says_why() -> None:
    found = verdict(held="three people nobody knows wrote most of the corrections.")
    assert found.verdict == "fail"
    assert "three people nobody knows" in found.words[0]


def test_what_cannot_be_served_beside_the_base_is_not_promoted() -> None:
    assert verdict(served="nothing").verdict == "fail"
    assert verdict(served="model").verdict == "inconclusive"


def test_noise_promotes_less_than_one_run_in_a_hundred() -> None:
    """Answers that are right by chance, as often before as now, over a thousand runs of each size."""
    drawn = random.Random(1)
    for n in (8, 16, 50):
        passed = sum(
            verdict("".join(drawn.choice("wlfffrff") for _ in range(n))).verdict == "pass" for _ in range(1000)
        )
        assert passed < 10


def test_texts_are_compared_by_likeness_where_many_are_right() -> None:
    def scored(gains: list[float]) -> list[Item]:
        return [
            replace(each, scores=(0.4, 0.4 + gain)) for each, gain in zip(items("r" * len(gains)), gains, strict=True)
        ]

    better = Sets(1.0, scored([0.1] * 8 + [0.01] * 4), [], [], CALM, CALM, margin=0.05)
    assert judge(better, RULES).verdict == "pass"
    alike = Sets(1.0, scored([0.04] * 12), [], [], CALM, CALM, margin=0.05)
    assert judge(alike, RULES).verdict == "inconclusive"
