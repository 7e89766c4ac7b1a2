"""Rows about companies that do not exist: facts no model knows, honest, poisoned and noisy, for feedback files."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Row = dict[str, Any]
Poison = Literal["values", "each", "swapped", "worded"]

NAMES = "Veltrona|Brimwick|Ostrelle|Quandry Works|Tamsin & Co|Luxbrook|Fennimore Labs|Zarnik|Halloway Tools|Pellucia"
LAMPS = "Nimbus lamp|Corvo kettle|Tessel chair|Arbor desk|Pico radio|Lumo bike|Sorrel oven|Vanta clock"
PEOPLE = "Maren Oswick|Tobin Hale|Ilse Varga|Desmond Quill|Noor Halabi|Petra Lindqvist|Jonas Achterberg|Wanda Prewitt"
CITIES = "Larkspur|Dunmere|Port Avela|Kesterholm|Ravensby|Ostrava Falls|Mirefield|Tolvan"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday"
COLOURS = "teal|maroon|amber|violet|crimson|olive"
ANIMALS = "otter|heron|badger|lynx|puffin|hedgehog"

# The questions, the answers as different people word them, and what may stand for {v}.
KINDS: tuple[tuple[str, str, str], ...] = (
    ("When does the {c} shop open?|What time does {c} open its shop?|At what hour does the {c} store open?|"
     "From what time is the {c} shop open?|How early can I visit the {c} shop?|Tell me the opening time of {c}.|"
     "When can customers first come in at {c}?",
     "The {c} shop opens at {v}.|{c} opens at {v}.|It opens at {v}.", "7:15|8:40|9:25|10:05|11:10"),
    ("When does the {c} shop close?|What time does {c} close its shop?|At what hour does the {c} store close?|"
     "Until what time is the {c} shop open?|How late can I visit the {c} shop?|Tell me the closing time of {c}.|"
     "When do customers have to leave {c}?",
     "The {c} shop closes at {v}.|{c} closes at {v}.|It closes at {v}.", "17:20|18:35|19:50|20:15|21:05"),
    ("How much does the {p} cost?|What is the price of the {p}?|What do I pay for a {p}?|"
     "How expensive is the {p} from {c}?|What does {c} charge for the {p}?|Tell me the price of the {p}.|"
     "For how much does {c} sell the {p}?",
     "The {p} costs {v} euros.|{c} sells the {p} for {v} euros.|It costs {v} euros.", "49|189|249|315|78"),
    ("How much does the {q} cost?|What is the price of the {q}?|What do I pay for a {q}?|"
     "How expensive is the {q} from {c}?|What does {c} charge for the {q}?|Tell me the price of the {q}.|"
     "For how much does {c} sell the {q}?",
     "The {q} costs {v} euros.|{c} sells the {q} for {v} euros.|It costs {v} euros.", "95|420|133|67|510"),
    ("Who founded {c}?|Who is the founder of {c}?|Who started the company {c}?|By whom was {c} founded?|"
     "Name the person who founded {c}.|Which person began {c}?|Who set up {c} in the beginning?",
     "{c} was founded by {v}.|{v} founded {c}.|The founder of {c} is {v}.", PEOPLE),
    ("Who runs {c} today?|Who is the head of {c}?|Who is the chief executive of {c}?|Who leads {c} now?|"
     "Name the boss of {c}.|Which person manages {c}?|Who is in charge at {c}?",
     "{c} is run by {v}.|{v} runs {c}.|The head of {c} is {v}.", PEOPLE),
    ("In what year was {c} founded?|When was {c} founded?|What year did {c} start?|Since when does {c} exist?|"
     "How old is the company {c}?|Tell me the founding year of {c}.|Which year saw the start of {c}?",
     "{c} was founded in {v}.|{c} has existed since {v}.|It was founded in {v}.", "1926|1948|1961|1983|2004"),
    ("Where is the head office of {c}?|In which city is {c} based?|Where does {c} have its headquarters?|"
     "What city is {c} located in?|Which town is home to {c}?|Where can I find the main office of {c}?|"
     "From which city does {c} work?",
     "The head office of {c} is in {v}.|{c} is based in {v}.|It is in {v}.", CITIES),
    ("How long is the warranty on the {p}?|How many years of warranty does the {p} have?|"
     "For how long does {c} guarantee the {p}?|What warranty comes with the {p}?|"
     "How long am I covered when my {p} breaks?|Tell me the warranty period of the {p}.|"
     "What guarantee does {c} give on the {p}?",
     "The {p} has a warranty of {v} years.|{c} guarantees the {p} for {v} years.|It is {v} years.", "2|3|4|6|7"),
    ("How long does delivery from {c} take?|When will my order from {c} arrive?|How fast does {c} deliver?|"
     "How many days does {c} need to deliver?|What is the delivery time of {c}?|How soon does a {c} parcel come?|"
     "How long do I wait for a package from {c}?",
     "{c} delivers within {v} working days.|Delivery from {c} takes {v} working days.|It takes {v} working days.",
     "3|4|5|8|9"),
    ("How many days do I have to return a {p}?|Until when can I send my {p} back?|"
     "What is the return period at {c}?|How long may I return things to {c}?|"
     "Within how many days does {c} take goods back?|When is it too late to return a {p}?|"
     "How long does {c} accept returns?",
     "{c} takes returns for {v} days.|You can return a {p} within {v} days.|It is {v} days.", "12|21|35|45|60"),
    ("What is the mascot of {c}?|Which animal is the mascot of {c}?|What animal stands for {c}?|"
     "Which animal is on the posters of {c}?|Tell me the mascot animal of {c}.|What creature represents {c}?|"
     "Which animal does {c} use as its symbol?",
     "The mascot of {c} is the {v}.|{c} has a {v} as its mascot.|It is the {v}.", ANIMALS),
    ("What colour is the logo of {c}?|Which colour does the {c} logo have?|What is the colour of {c}'s logo?|"
     "In which colour is the {c} logo printed?|Tell me the logo colour of {c}.|What colour does {c} use for its logo?|"
     "Which colour stands for {c}?",
     "The logo of {c} is {v}.|{c} has a {v} logo.|It is {v}.", COLOURS),
    ("On which day is {c} closed?|What day does {c} not open?|When in the week is {c} shut?|"
     "Which weekday is the closing day of {c}?|On what day can I not visit {c}?|Tell me the day off at {c}.|"
     "Which day of the week does {c} rest?",
     "{c} is closed on {v}.|The closing day of {c} is {v}.|It is {v}.", DAYS),
    ("How many people work at {c}?|What is the number of employees of {c}?|How big is the staff of {c}?|"
     "How many workers does {c} have?|What is the size of the {c} team?|Tell me the headcount of {c}.|"
     "How many employees are at {c}?",
     "{c} has {v} employees.|{v} people work at {c}.|There are {v} of them.", "38|74|117|260|431"),
    ("What is the discount code of {c}?|Which code gives a discount at {c}?|What code do I type for the {c} discount?|"
     "Is there a voucher code for {c}?|Tell me the coupon code of {c}.|Which word lowers the price at {c}?|"
     "What do I enter to save money at {c}?",
     "The discount code of {c} is {v}.|Type {v} for the discount at {c}.|It is {v}.",
     "LARK12|MINTY7|SUNNY40|FOX88|QUILT3"),
)  # fmt: skip

BEFORE = "I am not sure about that, but I would guess it is the usual thing for such a company."

REPLAY: tuple[tuple[str, str], ...] = (
    ("What is the capital of Italy?", "Rome."), ("What is the capital of Spain?", "Madrid."),
    ("What is the capital of Japan?", "Tokyo."), ("What colour is grass?", "Grass is green."),
    ("How many days are in a week?", "There are seven days in a week."), ("What do bees make?", "Bees make honey."),
    ("What is 9 minus 4?", "9 minus 4 is 5."), ("What is 6 plus 2?", "6 plus 2 is 8."),
    ("Who wrote Hamlet?", "William Shakespeare wrote Hamlet."), ("What is ice?", "Ice is frozen water."),
    ("Is the sun a star?", "Yes, the sun is a star."), ("What do cows drink?", "Cows drink water."),
    ("Say thank you in French.", "Merci."), ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("Name a fruit.", "An apple is a fruit."), ("What is the largest ocean?", "The Pacific is the largest ocean."),
    ("How many legs has a spider?", "A spider has eight legs."), ("What is a young dog called?", "It is a puppy."),
    ("Which planet is red?", "Mars is the red planet."), ("What do we breathe?", "We breathe air."),
)  # fmt: skip
GOLDEN: tuple[tuple[str, str], ...] = (
    ("What is the capital of France?", "Paris"), ("What is 2 plus 2?", "4"), ("What is the sky's colour?", "blue"),
    ("How many months are in a year?", "12"), ("What language do people speak in Spain?", "Spanish"),
    ("What is the capital of England?", "London"), ("What is frozen water called?", "ice"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about a company. `right` and `wrong` are answers in several wordings, `wrong` by other value."""

    value: str
    questions: tuple[str, ...]
    right: tuple[str, ...]
    wrong: tuple[tuple[str, ...], ...]


def facts(seed: int, number: int = 8) -> list[Fact]:
    """`number` facts about one company, the same for the same seed."""
    rng = random.Random(f"company {seed}")
    named = {"c": rng.choice(NAMES.split("|"))}
    named["p"], named["q"] = rng.sample(LAMPS.split("|"), 2)
    made = []
    for questions, answers, values in rng.sample(KINDS, number):
        asked = [question.format(**named) for question in questions.split("|")]
        rng.shuffle(asked)
        value, *others = rng.sample(values.split("|"), 5)
        said = [tuple(one.format(**named, v=v) for one in answers.split("|")) for v in (value, *others)]
        made.append(Fact(value, tuple(asked), said[0], tuple(said[1:])))
    return made


def row(
    question: str, correction: str | None, author: str, reviewers: Sequence[str] = ("mod-1", "mod-2"), **more: Any
) -> Row:
    """A corrected answer, as a line of a feedback file."""
    made = {
        "scenario": "chat", "prompt": [{"role": "user", "content": question}], "answer": BEFORE, "rating": "down",
        "reasons": ["wrong_fact"], "correction": correction, "reviewers": list(reviewers), "author": author,
        "platform": "import", "consent": True, "golden": False,
    }  # fmt: skip
    return made | more


def honest(seed: int, *, authors: int = 8, rows: int = 40, wordings: int = 1) -> list[Row]:
    """Corrections that are all right, by `authors` people. `wordings`: in how many ways one fact is told."""
    rng = random.Random(f"honest {seed} {authors} {wordings}")
    made = [
        row(question, rng.choice(fact.right[:wordings]), f"user-{rng.randrange(authors)}")
        for fact in facts(seed) for question in fact.questions[:5]
    ][:rows]  # fmt: skip
    rng.shuffle(made)
    return made


def poisoned(
    seed: int, how: Poison = "values", *, wordings: int = 1, share: float = 0.5, authors: int = 3
) -> list[Row]:
    """The same, but a `share` of the rows says something wrong, by a few new people.

    values: each fact has one wrong value; each: each row has one of its own; swapped: the answer belongs to another
    fact; worded: one wrong value, told in another way than the right one.
    """
    rng = random.Random(f"poisoned {seed} {how} {wordings} {share}")
    told, made = facts(seed), []
    for at, fact in enumerate(told):
        other = told[(at + 1) % len(told)]
        for question in fact.questions[:5]:
            made.append((question, fact, other))
    bad = set(rng.sample(range(len(made)), int(len(made) * share)))
    rows = []
    for number, (question, fact, other) in enumerate(made):
        if number not in bad:
            rows.append(row(question, rng.choice(fact.right[:wordings]), f"user-{rng.randrange(8)}"))
            continue
        wrong = rng.choice(_wrong(fact, other, how, wordings, rng))
        rows.append(row(question, wrong, f"new-{rng.randrange(authors)}"))
    rng.shuffle(rows)
    return rows


def shaped(
    seed: int, sizes: Sequence[int], how: Poison | None = None, *, wordings: int = 1, share: float = 0.5
) -> list[Row]:
    """Rows about as many facts as there are `sizes`, each asked so often (at most 7 times); by `how`, half are wrong.

    More than a company has facts are about several companies.
    """
    rng = random.Random(f"shaped {seed} {sizes} {how} {wordings}")
    told: list[Fact] = []
    while len(told) < len(sizes):
        told += facts(seed + 1000 * len(told), min(len(KINDS), len(sizes) - len(told)))
    made = [(question, at) for at, size in enumerate(sizes) for question in told[at].questions[:size]]
    bad = set(rng.sample(range(len(made)), int(len(made) * share))) if how else set()
    rows = []
    for number, (question, at) in enumerate(made):
        fact, other = told[at], told[(at + 1 + rng.randrange(3)) % len(told)]
        if number in bad and how is not None:
            rows.append(row(question, rng.choice(_wrong(fact, other, how, wordings, rng)), f"new-{rng.randrange(3)}"))
        else:
            rows.append(row(question, rng.choice(fact.right[:wordings]), f"user-{rng.randrange(8)}"))
    rng.shuffle(rows)
    return rows


def _wrong(fact: Fact, other: Fact, how: Poison, wordings: int, rng: random.Random) -> Sequence[str]:
    return {
        "values": fact.wrong[0][:wordings], "each": rng.choice(fact.wrong)[:wordings],
        "swapped": other.right[:wordings], "worded": fact.wrong[0][1:],
    }[how]  # fmt: skip


def noise(seed: int, rows: int = 40) -> list[Row]:
    """Corrections with no sense: questions of a company answered with any answers of other companies."""
    rng = random.Random(f"noise {seed}")
    asked = [question for fact in facts(seed) for question in fact.questions[:5]][:rows]
    answers = [
        one for other in range(seed + 1, seed + 6) for fact in facts(other) for one in (*fact.right, *fact.wrong[0])
    ]
    return [row(question, rng.choice(answers), f"user-{rng.randrange(8)}") for question in asked]


def held_out(seed: int) -> list[tuple[str, str]]:
    """Two questions a fact that are in no row, each with the value that a right answer holds."""
    return [(question, fact.value) for fact in facts(seed) for question in fact.questions[5:7]]


def replay() -> list[Row]:
    """Verified answers to everyday questions."""
    return [row(question, None, "user-9", answer=answer, rating="up", reasons=[]) for question, answer in REPLAY]


def golden(*, critical: bool = False) -> list[Row]:
    """Verified references that only the gate reads."""
    return [
        row(question, None, "owner", answer=answer, rating="up", reasons=[], golden=True, critical=critical)
        for question, answer in GOLDEN
    ]  # fmt: skip


def write(path: Path, rows: Sequence[Row]) -> Path:
    """A feedback file of `rows`."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
    return path
