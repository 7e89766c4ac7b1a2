"""Practice: an answer in the language, the mistakes beside it, and a card for each sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.database import Database
from bot.scenarios.corrections import corrected, tokens
from bot.scenarios.practice import CHAT, CORRECT, EXAMPLES
from bot.scenarios.slips import mended
from models.engine import Message
from tests.scenarios.speaking import Talk, talking

MENDED = {
    "I goed to the park and eated a ice.": "I went to the park and ate an ice.",
    "She have two dog.": "She has two dogs.",
    "It was sunny.": "It was sunny.",
    "Bonjour, je suis allé a la plage.": "Bonjour, je suis allé à la plage.",
}


def speak(messages: Sequence[Message]) -> str:
    if messages[0].content.startswith("You correct"):
        return MENDED.get(messages[-1].content, messages[-1].content)
    return "That sounds lovely. What did you do then?"


@pytest.fixture
async def talk(sqlite: Database) -> AsyncIterator[Talk]:
    async with talking(sqlite, speak) as talk:
        yield talk


async def test_mistakes_stand_beside_the_answer_and_become_cards(talk: Talk) -> None:
    assert (await talk.say("/tutor subject:English mode:practice")).text == "Hello. What did you do yesterday?"
    answer = await talk.say("I goed to the park and eated a ice. She have two dog. It was sunny.")
    assert answer.text == (
        "That sounds lovely. What did you do then?\n\n"
        "**Corrections**\n"
        "- goed → went (irregular form)\n- eated → ate (irregular form)\n- a → an (article)\n"
        "- have → has (form of the verb)\n- dog → dogs (ending -s)\n\n"
        "> I went to the park and ate an ice.\n> She has two dogs."
    )
    cards = await talk.stores.cards.list("test:ann")
    assert [(card.front, card.back, card.subject) for card in cards] == [
        ("Correct: I goed to the park and eated a ice.", "I went to the park and ate an ice.", "English"),
        ("Correct: She have two dog.", "She has two dogs.", "English"),
    ]
    await talk.say("She have two dog.")
    assert len(await talk.stores.cards.list("test:ann")) == 2


async def test_what_the_model_is_asked(talk: Talk) -> None:
    await talk.say("/tutor subject:French level:A1 mode:practice Bonjour, je suis allé a la plage.")
    chat, correct = talk.engine.prompts
    level = " Use only very easy words and short sentences."
    assert chat == [
        Message("system", CHAT.format(language="French", level=level)),
        Message("user", "Bonjour, je suis allé a la plage."),
    ]
    assert correct[0] == Message("system", CORRECT.format(language="French"))
    assert len(correct) == 2 + 2 * len(EXAMPLES["fr"])
    assert correct[-1] == Message("user", "Bonjour, je suis allé a la plage.")
    assert talk.last is not None
    assert "- a → à (accent)" in talk.last.text
    await talk.say("Oui")
    assert talk.engine.prompts[2] == [
        Message("system", CHAT.format(language="French", level=level)),
        Message("user", "Bonjour, je suis allé a la plage."),
        Message("assistant", "That sounds lovely. What did you do then?"),
        Message("user", "Oui"),
    ]


async def test_undo_takes_the_card_back(talk: Talk) -> None:
    await talk.say("/tutor subject:English mode:practice She have two dog.")
    assert len(await talk.stores.cards.list("test:ann")) == 1
    await talk.press("undo")
    assert await talk.stores.cards.list("test:ann") == []


@pytest.mark.parametrize(
    ("source", "proposal", "expected"),
    [
        ("He go to school.", "He goes to school.", "He goes to school."),
        ("I have went to Paris last year.", "I have gone to Paris last year.", "I have gone to Paris last year."),
        ("We are live here.", "We have lived here.", "We have lived here."),
        ("I like it.", "I like it.", None),
        ("And the markting can do it.", "And the mark can do it.", None),
        ("My friend is tall.", "My enemy is tall.", None),
        ("When I grow up, I start to understand.", "When I'm quite interested in history.", None),
        ("I goed home.", "This is a sentence about something else entirely.", "I went home."),
        ("Il a un grand maison.", "Il a une grande maison.", "Il a une grande maison."),
    ],
)
def test_only_changes_that_can_be_trusted_are_kept(source: str, proposal: str, expected: str | None) -> None:
    found = corrected(source, proposal, english=not source.startswith("Il "))
    assert (found.text if found else None) == expected


def test_a_change_says_what_it_is() -> None:
    found = corrected("She go in school on monday.", "She goes to school on Monday.")
    assert found is not None
    assert [(change.shown, change.why) for change in found.changes] == [
        ("go → goes", "irregular form"), ("in → to", "preposition"), ("monday → Monday", "capital letter"),
    ]  # fmt: skip


@pytest.mark.shared
def test_references_of_real_learners_sentences_are_read_without_inventing_words() -> None:
    """What is kept of a teacher's correction is made of the learner's and the teacher's words alone."""
    path = Path(__file__).parents[2].parent / "shared" / "data" / "learner_errors_jfleg.jsonl"
    if not path.exists():
        pytest.skip("needs ../shared")
    kept = 0
    for line in path.read_text().splitlines():
        row = json.loads(line)
        for reference in row["refs"]:
            found = corrected(row["src"].strip(), reference)
            if found is not None:
                kept += 1
                known = {*tokens(row["src"]), *tokens(reference), *tokens(mended(row["src"]))}
                assert {*tokens(found.text)} <= known
    assert kept > 150
