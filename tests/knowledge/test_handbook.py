"""The figures that hold on real documents: found, answered and abstained, with the encoder that the worker serves.

The first run encodes some 2,900 passages, which takes minutes; `build/` remembers them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.knowledge.index import Index
from tests.conftest import missing
from tests.knowledge.calibrate import ask, figures, small_libraries
from tests.knowledge.handbook import (
    OWN_QUESTIONS,
    PAGES,
    SHARED_QUESTIONS,
    Encoder,
    handbook_entries,
    handbook_index,
    page_files,
    questions,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    # torch's own imports, which are nobody's here to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    if not PAGES.exists():
        missing("The Debian package debian-handbook is not installed, so nothing is measured on it.")
    found = Encoder()
    yield found
    found.save()


@pytest.fixture(scope="module")
def handbook(encoder: Encoder) -> Index:
    return handbook_index(handbook_entries(), encoder)


def test_the_questions_are_about_pages_that_exist(encoder: Encoder) -> None:
    names = {path.name for path in page_files()}
    asked = questions(OWN_QUESTIONS)
    assert all(question.pages <= names for question in asked)
    assert len({question.text for question in asked}) == len(asked)
    assert len([question for question in asked if question.answerable]) >= 120


def test_own_questions(handbook: Index, encoder: Encoder) -> None:
    found = figures(ask(handbook, encoder, questions(OWN_QUESTIONS)))
    assert found["first three"] >= 0.92
    assert found["answers"] >= 0.90
    assert found["abstains"] >= 0.90


@pytest.mark.shared
def test_shared_questions(handbook: Index, encoder: Encoder) -> None:
    if not SHARED_QUESTIONS.exists():
        missing("The folder ../shared is not here.")
    found = figures(ask(handbook, encoder, questions(SHARED_QUESTIONS)))
    assert found["first three"] >= 0.90
    assert found["answers"] >= 0.80
    assert found["abstains"] >= 0.85


def test_without_vectors_it_still_answers_and_abstains(handbook: Index, encoder: Encoder) -> None:
    found = figures(ask(handbook, encoder, questions(OWN_QUESTIONS)), lexical=True)
    assert found["answers"] >= 0.70
    assert found["abstains"] >= 0.80


@pytest.mark.parametrize(("pages", "times", "answers", "abstains"), [(1, 30, 0.80, 0.90), (8, 10, 0.80, 0.80)])
def test_small_libraries(encoder: Encoder, pages: int, times: int, answers: float, abstains: float) -> None:
    found = figures(small_libraries(encoder, questions(OWN_QUESTIONS), pages, times))
    assert found["first three"] >= 0.95
    assert found["answers"] >= answers
    assert found["abstains"] >= abstains
