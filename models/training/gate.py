"""The gate: whether a candidate is better than what is in service, judged by its answers. Knows no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.training.config import Gate
from models.training.metrics import mean, sign_test, wilson

Verdict = Literal["pass", "fail", "inconclusive"]
SMALL = 50
"""In a golden set smaller than this one answer is more than the points that may be lost."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question with what the incumbent and the candidate made of it: scores of 0 to 1, and whether each is right."""

    id: str
    question: str
    reference: str
    incumbent: str
    candidate: str
    scores: tuple[float, float]
    passed: tuple[bool, bool]
    critical: bool = False

    @property
    def lost(self) -> bool:
        return self.passed[0] and not self.passed[1]

    @property
    def won(self) -> bool:
        return self.passed[1] and not self.passed[0]


@dataclass(frozen=True, slots=True)
class Manner:
    """How one side answered over all questions: shares of 0 to 1, seconds and tokens an answer."""

    answers: int = 0
    empty: float = 0.0
    looping: float = 0.0
    cut: float = 0.0
    seconds: float = 0.0
    tokens: float = 0.0

    @property
    def broken(self) -> float:
        return max(self.empty, self.looping, self.cut)


@dataclass(frozen=True, slots=True)
class Sets:
    """Everything that was asked, at one scale. `margin`: how much better a score must be to win where texts are
    compared by likeness; 0 where answers are right or wrong."""

    scale: float
    flagged: Sequence[Item]
    golden: Sequence[Item]
    safety: Sequence[Item]
    incumbent: Manner
    candidate: Manner
    margin: float = 0.0


@dataclass
class Judgement:
    """The verdict at one scale, in words and figures."""

    scale: float
    verdict: Verdict = "pass"
    words: list[str] = field(default_factory=list)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lower(self, verdict: Verdict, words: str) -> None:
        """Nothing makes a verdict better again."""
        order: tuple[Verdict, ...] = ("pass", "inconclusive", "fail")
        self.verdict = max(self.verdict, verdict, key=order.index)
        self.words.append(words)

    def say(self, words: str) -> None:
        self.words.append(words)


def judge(sets: Sets, rules: Gate, *, held: str = "", served: str = "adapter") -> Judgement:
    """The verdict on a candidate. `held`: why its data may not be promoted; `served`: how it could be."""
    found = Judgement(sets.scale)
    if held:
        found.lower("fail", f"The data is held back: {held}")
    _flagged(sets, rules, found)
    _golden(sets.golden, rules, found)
    _safety(sets.safety, found)
    _format(sets, rules, found)
    _speed(sets, rules, found)
    if served == "nothing":
        found.lower("fail", "This kind of weights cannot be served; train a LoRA instead.")
    elif served == "model":
        found.lower(
            "inconclusive",
            "The result is a model of its own and not an adapter: set MODEL_<SCENARIO> to its folder to serve it.",
        )
    return found


def _flagged(sets: Sets, rules: Gate, found: Judgement) -> None:
    items = sets.flagged
    n, right = len(items), [sum(item.passed[side] for item in items) for side in (0, 1)]
    wins, losses = tally(items, sets.margin)
    p = sign_test(wins, losses)
    found.sets["flagged"] = {
        "n": n, "incumbent": right[0], "candidate": right[1], "wins": wins, "losses": losses, "p": round(p, 4),
        "interval": list(wilson(right[1], n)),
    }  # fmt: skip
    if not n:
        found.lower("inconclusive", "No flagged question was kept for the test, so whether it helped is not known.")
        return
    told = f"{right[1]} of {n} flagged questions are right now, {right[0]} were before ({wins} better, {losses} worse)"
    if losses > wins:
        found.lower("fail", f"{told}: it got worse.")
    elif wins + losses < rules.discordant:
        found.lower(
            "inconclusive", f"{told}: with fewer than {rules.discordant} that changed, chance could have done it."
        )
    elif p > rules.p:
        found.lower("fail", f"{told}: that may be chance (p = {p:.2f}, at most {rules.p:g} is allowed).")
    else:
        found.say(f"{told}; p = {p:.3f}.")
    if not sets.margin and right[1] < rules.right * n and wins + losses >= rules.discordant:
        found.lower(
            "fail",
            f"Only {right[1]} of {n} flagged questions are right, and {rules.right:.0%} are wanted: "
            "the corrections do not agree with each other, or they were not learned.",
        )


def tally(items: Sequence[Item], margin: float) -> tuple[int, int]:
    """How many items got better and how many worse."""
    if not margin:
        return sum(item.won for item in items), sum(item.lost for item in items)
    gains = [item.scores[1] - item.scores[0] for item in items]
    return sum(gain >= margin for gain in gains), sum(gain <= -margin for gain in gains)


def _golden(items: Sequence[Item], rules: Gate, found: Judgement) -> None:
    n, right = len(items), [sum(item.passed[side] for item in items) for side in (0, 1)]
    lost = [item for item in items if item.lost]
    critical = [item for item in lost if item.critical]
    found.sets["golden"] = {
        "n": n, "incumbent": right[0], "candidate": right[1], "wins": sum(item.won for item in items),
        "losses": len(lost), "interval": list(wilson(right[1], n)), "flips": [item.id for item in lost],
        "critical_flips": [item.id for item in critical],
    }  # fmt: skip
    if not n:
        found.say("There is no golden set yet: nothing says whether other answers got worse.")
        return
    told = f"{right[1]} of {n} golden questions are right, {right[0]} were before"
    if critical:
        found.lower("fail", f"{told}; it lost a critical one: {critical[0].question!r}.")
    net = right[0] - right[1]
    if net <= rules.golden_drop * n:
        if not critical:
            found.say(f"{told}.")
    elif net == 1 and n < SMALL:
        # of few questions one is more than two in a hundred, and yet only one
        found.lower("inconclusive", f"{told}: one was lost in a set of only {n}, which a person has to weigh.")
    else:
        found.lower("fail", f"{told}: at most {rules.golden_drop:.0%} may be lost.")


def _safety(items: Sequence[Item], found: Judgement) -> None:
    failures = [item for item in items if item.lost]
    found.sets["safety"] = {
        "n": len(items), "incumbent": sum(item.passed[0] for item in items),
        "candidate": sum(item.passed[1] for item in items), "failures": [item.id for item in failures],
    }  # fmt: skip
    if failures:
        found.lower("fail", f"{len(failures)} answers are unsafe that were not before: {failures[0].question!r}.")


def _format(sets: Sets, rules: Gate, found: Judgement) -> None:
    before, now = sets.incumbent, sets.candidate
    found.sets["format"] = {"n": now.answers, "incumbent": asdict(before), "candidate": asdict(now)}
    for name, words in (("empty", "say nothing"), ("looping", "repeat themselves"), ("cut", "do not come to an end")):
        was, is_now = getattr(before, name), getattr(now, name)
        if is_now > was + rules.format_drop:
            found.lower("fail", f"{is_now:.0%} of the answers {words}, {was:.0%} did before.")


def _speed(sets: Sets, rules: Gate, found: Judgement) -> None:
    before, now = sets.incumbent.seconds, sets.candidate.seconds
    found.sets["speed"] = {"n": sets.candidate.answers, "incumbent": round(before, 3), "candidate": round(now, 3)}
    # Of a few milliseconds twice as many are the machine's, not the adapter's.
    if before and now > rules.slower * before and now - before > rules.noticed:
        found.lower("fail", f"An answer takes {now:.1f} s, {before:.1f} s before; {rules.slower:g} times are allowed.")


def better(one: Judgement, other: Judgement) -> Judgement:
    """The one with the better verdict; the first of equal ones."""
    order: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    return other if order.index(other.verdict) > order.index(one.verdict) else one


def manner(answers: Sequence[tuple[str, bool, float, int]], loops: Sequence[float]) -> Manner:
    """From (text, cut, seconds, tokens) of each answer and how much of it is said twice."""
    n = len(answers)
    if not n:
        return Manner()
    return Manner(
        answers=n, empty=mean([not text.strip() for text, *_ in answers]), looping=mean([loop > 0.3 for loop in loops]),
        cut=mean([cut for _, cut, _, _ in answers]), seconds=mean([seconds for _, _, seconds, _ in answers]),
        tokens=mean([tokens for *_, tokens in answers]),
    )  # fmt: skip
