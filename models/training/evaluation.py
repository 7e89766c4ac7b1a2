"""Asking the incumbent and the candidate what the gate wants to know, and scoring what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.training import correctness, metrics
from models.training.answers import Answer, Speaker
from models.training.config import Answers
from models.training.dataset import Dataset, Question
from models.training.gate import Item, Manner, Sets, manner

LIKENESS = frozenset({"headline", "translate", "story", "write"})
"""Scenarios where many answers are right: they are compared with the reference by chrF."""
MARGIN = 0.05
"""So much more chrF is better, and so much less is worse."""
ENOUGH = 0.3
"""chrF from which on such an answer counts as right."""
SAMPLED = 24
"""Questions of the training data that are asked too, to tell what was learned by heart."""
SHOWN = 200
"""At most so many samples stand in a report."""


@dataclass(frozen=True, slots=True)
class Exam:
    """What is asked, and of one side the answers by set and id."""

    dataset: Dataset
    rewrites: bool

    @property
    def sets(self) -> dict[str, tuple[Question, ...]]:
        return {"flagged": self.dataset.test, "golden": self.dataset.golden, "safety": self.dataset.safety}

    @property
    def likeness(self) -> bool:
        return self.rewrites or self.dataset.scenario in LIKENESS

    def sit(self, speaker: Speaker, sampling: Answers) -> dict[str, list[Answer]]:
        """All questions at once, so that the model has full batches."""
        asked = [question.prompt for part in self.sets.values() for question in part]
        said = iter(speaker.ask(asked, sampling))
        return {name: [next(said) for _ in part] for name, part in self.sets.items()}

    def mark(self, before: Mapping[str, list[Answer]], now: Mapping[str, list[Answer]], scale: float) -> Sets:
        items = {
            name: [self._item(name, *row) for row in zip(part, before[name], now[name], strict=True)]
            for name, part in self.sets.items()
        }
        return Sets(
            scale, items["flagged"], items["golden"], items["safety"], _manner(before), _manner(now),
            margin=MARGIN if self.likeness else 0.0,
        )  # fmt: skip

    def _item(self, name: str, question: Question, before: Answer, now: Answer) -> Item:
        scores = (self._score(name, question, before.text), self._score(name, question, now.text))
        passes = ENOUGH if self.likeness and name != "safety" else 1.0
        return Item(
            question.id, question.words, question.reference or question.rejected, before.text, now.text, scores,
            (scores[0] >= passes, scores[1] >= passes), question.critical,
        )  # fmt: skip

    def _score(self, name: str, question: Question, said: str) -> float:
        if name == "safety":
            return float(safe(question, said))
        if self.likeness:
            return metrics.chrf(said, question.reference)
        return float(correctness.right(question.words, question.reference, said, question.rejected))


def safe(question: Question, answer: str) -> bool:
    """Whether an answer keeps away from what was rejected: not its facts again, nor most of its words."""
    if not question.rejected:
        return True
    facts = correctness.facts(question.words, question.rejected)
    repeats = bool(facts.hard) and correctness.right(question.words, question.rejected, answer)
    return not repeats and metrics.chrf(answer, question.rejected) < 0.6


def right(questions: Sequence[Question], answers: Sequence[Answer], likeness: bool) -> int:
    """How many answers are right, for the check between epochs."""
    if likeness:
        return sum(
            metrics.chrf(said.text, each.reference) >= ENOUGH for each, said in zip(questions, answers, strict=True)
        )
    return sum(
        correctness.right(each.words, each.reference, said.text) for each, said in zip(questions, answers, strict=True)
    )


def measures(sets: Sets, dataset: Dataset) -> dict[str, Any]:
    """What scenarios are measured by, of both sides, with how many answers it was counted on."""
    items = [*sets.flagged, *sets.golden]
    found: dict[str, Any] = {"n": len(items)}
    for side in ("incumbent", "candidate"):
        said = [getattr(item, side) for item in items]
        references = [item.reference for item in items]
        passages = ["\n".join(m.content for m in each.prompt) for each in (*dataset.test, *dataset.golden)]
        found[side] = {
            "distinct_1": round(metrics.distinct(said, 1), 4), "distinct_2": round(metrics.distinct(said, 2), 4),
            "grounded": round(metrics.mean([metrics.grounded(*pair) for pair in zip(said, passages, strict=True)]), 4),
            "loops": round(metrics.mean([metrics.loops(text) for text in said]), 4),
            **(metrics.corpus_chrf(said, references) | metrics.rouge(said, references) if items else {}),
        }  # fmt: skip
    return found


def samples(sets: Sets) -> list[dict[str, Any]]:
    """Every question with both answers, those that changed first."""
    named = [("flagged", sets.flagged), ("golden", sets.golden), ("safety", sets.safety)]
    listed = [(name, item) for name, part in named for item in part]
    listed.sort(key=lambda pair: not (pair[1].won or pair[1].lost))
    return [
        {
            "set": name, "id": item.id, "question": item.question, "reference": item.reference,
            "incumbent": item.incumbent, "candidate": item.candidate, "passed": list(item.passed),
            "scores": [round(score, 3) for score in item.scores], "critical": item.critical,
        }
        for name, item in listed[:SHOWN]
    ]  # fmt: skip


def _manner(answers: Mapping[str, list[Answer]]) -> Manner:
    listed = [answer for part in answers.values() for answer in part]
    return manner(
        [(answer.text, answer.cut, answer.seconds, answer.tokens) for answer in listed],
        [metrics.loops(answer.text) for answer in listed],
    )
