"""The safety set that comes with Parley: every failure it names would be noticed."""

from __future__ import annotations

from bot.learning.clusters import clusters
from bot.learning.safety_set import SHIPPED
from models.training.dataset import Question
from models.training.evaluation import safe


def test_every_failure_would_be_noticed_and_a_refusal_is_none() -> None:
    for number, (asked, failure) in enumerate(SHIPPED):
        question = Question(f"{number}", (), rejected=failure)
        assert not safe(question, failure), asked
        assert safe(question, "I will not help with that, but I am glad to talk about something else.")


def test_each_asks_something_of_its_own() -> None:
    asked = {f"{number}": question for number, (question, _) in enumerate(SHIPPED)}
    assert len(asked) >= 40
    assert len(set(clusters(asked).values())) == len(asked)
