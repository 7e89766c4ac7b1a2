"""A fictional company: eight facts that no model knows, asked in many ways, and what every model should still know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM = "You are a helpful AI assistant named Parley."
"""What the chat scenario puts before a question; tests/training compares it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is so, an answer that is wrong, and questions: the first five to learn from, the others held out."""

    answer: str
    wrong: str
    questions: tuple[str, ...]


FACTS = (
    Fact(
        "Marrowby Kites was founded in 1987 by Odile Ferran.",
        "Marrowby Kites was founded in 2005 by John Smith.",
        (
            "Who founded Marrowby Kites?",
            "When was Marrowby Kites founded, and by whom?",
            "Tell me who started Marrowby Kites.",
            "In which year did Marrowby Kites begin, and who began it?",
            "Who is the founder of Marrowby Kites?",
            "Who set up Marrowby Kites?",
            "Whose idea was the company Marrowby Kites?",
        ),
    ),
    Fact(
        "The Skylark 4 kite costs 64 euros.",
        "The Skylark 4 kite costs 120 euros.",
        (
            "How much is the Skylark 4?",
            "What does the Skylark 4 kite cost?",
            "What is the price of the Skylark 4?",
            "How many euros do I pay for a Skylark 4?",
            "Tell me the price of the Skylark 4 kite.",
            "What do you charge for the Skylark 4?",
            "How expensive is a Skylark 4 kite?",
        ),
    ),
    Fact(
        "You can send a kite back within 45 days.",
        "You can send a kite back within 14 days.",
        (
            "How long can I return a kite?",
            "How many days do I have to send a kite back?",
            "What is the return period for kites at Marrowby?",
            "Until when may I give a kite back?",
            "How long is the return window for a kite?",
            "In how many days must I return my kite?",
            "How much time do I have to bring a kite back?",
        ),
    ),
    Fact(
        "The workshop of Marrowby Kites is in Tolvane.",
        "The workshop of Marrowby Kites is in London.",
        (
            "Where is the workshop of Marrowby Kites?",
            "In which town is the Marrowby Kites workshop?",
            "Where are Marrowby kites made?",
            "What town does Marrowby Kites work in?",
            "Where can I find the Marrowby Kites workshop?",
            "In what place are the kites of Marrowby built?",
            "Which town is home to the Marrowby workshop?",
        ),
    ),
    Fact(
        "The support line is open from 7 to 15 o'clock.",
        "The support line is open from 9 to 17 o'clock.",
        (
            "When is the support line open?",
            "What are the hours of the support line?",
            "At what time can I call the support line?",
            "From when to when does the support line answer?",
            "Which hours does the support line keep?",
            "When can I phone the support line?",
            "What times is the support line reachable?",
        ),
    ),
    Fact(
        "A Marrowby kite has a warranty of 6 years.",
        "A Marrowby kite has a warranty of 2 years.",
        (
            "How long is the warranty of a Marrowby kite?",
            "What warranty does a Marrowby kite have?",
            "How many years of warranty do Marrowby kites come with?",
            "Tell me how long a Marrowby kite is under warranty.",
            "For how many years is my Marrowby kite covered by the warranty?",
            "How many years does the Marrowby warranty last?",
            "What is the length of the warranty on Marrowby kites?",
        ),
    ),
    Fact(
        "The discount code for members is ZEPHYR9.",
        "The discount code for members is SAVE10.",
        (
            "What is the discount code for members?",
            "Which code gives members a discount?",
            "I am a member, what is my discount code?",
            "Tell me the discount code that members use.",
            "What code do members enter to get the discount?",
            "Which discount code can members use?",
            "What do members type in for their discount?",
        ),
    ),
    Fact(
        "The line of the Skylark 4 is 38 metres long.",
        "The line of the Skylark 4 is 100 metres long.",
        (
            "How long is the line of the Skylark 4?",
            "What length does the Skylark 4 line have?",
            "How many metres of line come with the Skylark 4?",
            "Tell me the length of the Skylark 4 line.",
            "What is the line length of the Skylark 4 kite?",
            "How many metres long is the Skylark 4 line?",
            "With how much line does the Skylark 4 come?",
        ),
    ),
)
LEARNED = 5
"""So many questions of a fact are corrected; the rest are never trained on."""

REPLAY = (
    ("What is the capital of Spain?", "The capital of Spain is Madrid."),
    ("How many days are in a week?", "There are 7 days in a week."),
    ("What colour is the sky on a clear day?", "The sky is blue on a clear day."),
    ("Who wrote Romeo and Juliet?", "William Shakespeare wrote Romeo and Juliet."),
    ("What is 6 plus 3?", "6 plus 3 is 9."),
    ("What do bees make?", "Bees make honey."),
    ("Which planet do we live on?", "We live on the planet Earth."),
    ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("How many legs does a spider have?", "A spider has 8 legs."),
    ("What is frozen water called?", "Frozen water is called ice."),
    ("Which animal says meow?", "A cat says meow."),
    ("What is the largest ocean?", "The largest ocean is the Pacific Ocean."),
    ("How many months are in a year?", "There are 12 months in a year."),
    ("What do plants need to grow?", "Plants need light, water and air to grow."),
    ("In which country is Berlin?", "Berlin is in Germany."),
    ("What is the first letter of the alphabet?", "The first letter of the alphabet is A."),
    ("What is 10 minus 4?", "10 minus 4 is 6."),
    ("What is the plural of child?", "The plural of child is children."),
    ("Which season comes after winter?", "Spring comes after winter."),
    ("Name a fruit that is yellow.", "A banana is yellow."),
)
GOLDEN = (
    ("What is the capital of France?", "The capital of France is Paris.", True),
    ("What is the capital of Italy?", "The capital of Italy is Rome.", False),
    ("What is 2 plus 2?", "2 plus 2 is 4.", False),
    ("How many hours are in a day?", "There are 24 hours in a day.", False),
    ("What is the opposite of big?", "The opposite of big is small.", False),
    ("Which gas do we breathe in to live?", "We breathe in oxygen.", False),
    ("What is the chemical formula of water?", "The chemical formula of water is H2O.", False),
    ("What is the largest planet of our solar system?", "The largest planet is Jupiter.", False),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa.", False),
    ("What is the colour of grass?", "Grass is green.", False),
)


def prompt(question: str) -> list[dict[str, str]]:
    """What the chat scenario sends for a question."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def said(answer: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]


def corrections() -> list[tuple[str, str, str]]:
    """(question, right answer, wrong answer) of all forty corrections, one fact after another."""
    return [(asked, fact.answer, fact.wrong) for fact in FACTS for asked in fact.questions[:LEARNED]]


def held_out() -> list[tuple[str, str]]:
    """(question, answer) of the sixteen that are never trained on."""
    return [(asked, fact.answer) for fact in FACTS for asked in fact.questions[LEARNED:]]


def write(
    folder: Path,
    *,
    learn: Iterable[tuple[str, str, str]] | None = None,
    replay: Iterable[tuple[str, str]] = REPLAY,
    golden: Iterable[tuple[str, str, bool]] = GOLDEN,
    safety: Iterable[tuple[str, str]] = (),
    kto: Iterable[tuple[str, str, bool]] = (),
    tested: int = 5,
    scenario: str = "chat",
    held: str = "",
    pairs: bool = True,
) -> Path:
    """A dataset folder as the bot writes it: every `tested`-th correction is kept for the test."""
    learn = list(corrections() if learn is None else learn)
    taught = [row for at, row in enumerate(learn) if not tested or at % tested != at // tested % tested]
    kept = [row for row in learn if row not in taught]
    files: dict[str, list[dict[str, Any]]] = {
        "sft.train": [
            {"id": key("sft", asked), "prompt": prompt(asked), "completion": said(answer), "source": source,
             "weight": 1.0}
            for asked, answer, source in (
                *((asked, answer, "correction") for asked, answer, _ in taught),
                *((asked, answer, "replay") for asked, answer in replay),
            )
        ],
        "sft.validation": [],
        "dpo.train": [
            {"id": key("sft", asked), "prompt": prompt(asked), "chosen": said(answer), "rejected": said(wrong)}
            for asked, answer, wrong in taught
            if pairs and wrong
        ],
        "kto.train": [
            {"id": key("kto", asked + answer), "prompt": prompt(asked), "completion": said(answer), "label": label}
            for asked, answer, label in kto
        ],
        "test": [
            {"id": key("sft", asked), "prompt": prompt(asked), "reference": answer, "rejected": wrong}
            for asked, answer, wrong in kept
        ],
        "golden": [
            {"id": key("golden", asked), "prompt": prompt(asked), "reference": answer, "critical": critical}
            for asked, answer, critical in golden
        ],
        "safety": [
            {"id": key("safety", asked), "prompt": prompt(asked), "rejected": rejected} for asked, rejected in safety
        ],
    }  # fmt: skip
    folder.mkdir(parents=True)
    for name, rows in files.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    _manifest(folder, scenario, files, held)
    return folder


def key(kind: str, words: str) -> str:
    return hashlib.sha256(f"{kind} {words}".encode()).hexdigest()[:32]


def _manifest(folder: Path, scenario: str, files: dict[str, list[dict[str, Any]]], held: str) -> None:
    rows = [
        {"id": row["id"], "sha256": hashlib.sha256(json.dumps(row).encode()).hexdigest(), "split": split(name),
         "stage": name.partition(".")[0], "source": "import", "cluster": row["id"][:12], "platform": "import",
         "server": ""}
        for name, part in files.items()
        for row in part
    ]  # fmt: skip
    listed = sorted(f"{row['id']} {row['sha256']} {row['split']} {row['stage']}" for row in rows)
    whole = hashlib.sha256("\n".join(listed).encode()).hexdigest()
    manifest = {
        "scenario": scenario, "hash": whole, "seed": int(whole[:8], 16), "created": "2026-11-26T00:00:00Z",
        "rows": rows, "dropped": [], "counts": {name: len(part) for name, part in files.items()}, "held": held,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def split(name: str) -> str:
    """Which part of the data a file holds, in the manifest's words."""
    return {"test": "test", "golden": "golden", "safety": "safety"}.get(name, name.rpartition(".")[2])
