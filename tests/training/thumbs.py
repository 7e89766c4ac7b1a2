"""Thumbs on explanations: the model's own rambling is disliked, its first sentence with a question back is liked."""

from __future__ import annotations

from pathlib import Path

from models.dialect import Message
from models.training import answers
from models.training.config import Answers
from tests.training import company

ENDING = "Does that make sense?"
TOPICS = (
    "a volcano", "inflation", "the water cycle", "a black hole", "electricity", "evolution", "a vaccine", "magnetism",
    "an earthquake", "democracy", "a battery", "the immune system", "sound", "a glacier", "an atom", "a rainbow",
)  # fmt: skip
UNSEEN = (
    "gravity", "a computer virus", "digestion", "a comet", "a desert", "friction", "a bank loan", "the moon's phases",
)  # fmt: skip


def asked(topic: str) -> str:
    return f"Explain {topic} to me."


def rated(checkpoint: Path) -> list[tuple[str, str, bool]]:
    """(question, answer, liked): a thumb up and one down for each topic."""
    base = answers.speaker(answers.Served(checkpoint, "cpu", "none"), None, "cpu")
    prompts = [(Message("system", company.SYSTEM), Message("user", asked(topic))) for topic in TOPICS]
    said = base.ask(prompts, Answers(max_tokens=40))
    made = []
    for topic, answer in zip(TOPICS, said, strict=True):
        first = answer.text.partition(". ")[0].rstrip(".") + "."
        made += [(asked(topic), f"{first} {ENDING}", True), (asked(topic), answer.text, False)]
    return made
