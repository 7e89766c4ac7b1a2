"""One lesson of /tutor: a hint, the steps, a check question. What can be calculated is, and not by the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.controls import Button, Control
from bot.scenarios.sentences import Sieve, whole, words
from bot.scenarios.solutions import Solution, another
from bot.scenarios.soundness import numbers_of, sound
from bot.turn import Finished, Plan, Step, Turn
from models.engine import Message, Sampling

HINT, STEPS, CHECK, YOUR_TURN = "**Hint** ", "**Steps**", "**Check** ", "**Your turn** "
UNCHECKED = "I could not check the numbers by calculation, so work them out yourself as well."

EXPLAIN = "You are a {subject} teacher. You explain with short sentences and plain words.{level}"
IDEA = "Name what the student should think about. Use a few words of the text."
IDEAS = (
    (
        "Why does ice float on water?",
        "When water freezes, its molecules lock into a pattern with empty space between them. Ice is therefore less "
        "dense than water, and it floats.",
        "how much room the molecules take when water freezes",
    ),
    (
        "What is a vaccine?",
        "A vaccine shows the body a harmless piece of a germ. The immune system learns to recognise it and can fight "
        "the real germ later.",
        "how the immune system learns to recognise a germ",
    ),
    (
        "Why did people build castles?",
        "Castles protected a lord and his people from attack. They also showed everyone around how much power the "
        "lord had.",
        "what a lord needed protection from",
    ),
)
ASK = "Write one question that the text answers."
QUESTIONS = (
    "What happens to the molecules of water when it freezes?",
    "What does the immune system learn from a vaccine?",
    "What did a castle show to everyone around?",
)
AGAIN = "You say what you read again in simple words, in one or two short sentences."
SAID_AGAIN = (
    "Before you add fractions, give them the same denominator. Then the pieces have the same size and can be counted.",
    "Fractions can only be added when their pieces have the same size. So first give them the same denominator.",
)
LEVELS = {
    "beginner": " The student is a beginner: use everyday words and one example.",
    "intermediate": "",
    "advanced": " The student is advanced: use the exact terms.",
    "A1": " Use only very easy words.",
    "A2": " Use easy words.",
    "B1": "",
    "B2": "",
    "C1": " Use the exact terms.",
}
MOST_SENTENCES = {"beginner": 3, "A1": 2, "A2": 3, "advanced": 6, "C1": 6}

HINTS = {
    "linear": "You want the unknown alone on one side. What stands beside it, and what would undo that on both sides?",
    "quadratic": "Bring everything to one side first. Then look for two numbers whose product and sum you know.",
    "pair": "Look for a way to make one unknown disappear: add the equations, or subtract one from the other.",
    "sum": "Which part has to be worked out first: brackets, powers, products, then sums?",
    "fraction": "Pieces of different size cannot be counted together. What size fits both?",
    "percent": "Percent means so many of every hundred. How much is one percent?",
    "terms": "Which terms have the same letters with the same powers? Only those go together.",
}
PRINCIPLES = {
    "linear": "An equation is like a balance: what you do to one side, you do to the other. "
    "Each step undoes one thing that was done to the unknown, until it stands alone.",
    "quadratic": "A product is zero when one of its parts is zero. "
    "That is why everything goes to one side first, and why there can be two answers.",
    "pair": "Two equations that are both true can be added or subtracted, and the result is true as well. "
    "That is how one unknown goes away and the other stands alone.",
    "sum": "Brackets come first, then powers, then products and quotients, then sums and differences. "
    "Everybody keeps to this order, so everybody gets the same result.",
    "fraction": SAID_AGAIN[0],
    "percent": "Percent means hundredths. Divide by a hundred to get one percent, then multiply by how many you want.",
    "terms": "Terms with the same letters count the same thing, so they can be added. "
    "Terms with different letters stay apart.",
}

MORE = Button(Control.CONTINUE, "One more", "another")
NEXT = Button(Control.CONTINUE, "Next step", "step:1", primary=True)
SOLUTION = Button(Control.CONTINUE, "Show the whole solution", "solution")
SIMPLER = Button(Control.REFINE, "Simpler", "simpler")
KEEP = Button(Control.CARD, "Keep as a card", "keep")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be taught. `guided`: only the hint at first. `before`: a lesson that this one goes on from."""

    subject: str
    question: str
    level: str = ""
    guided: bool = False
    before: tuple[Message, ...] = ()


def taught(turn: Turn, lesson: Lesson) -> Plan:
    """A lesson whose steps are the model's explanation, cut into its whole sentences."""
    numbers = numbers_of(lesson.question)
    calculates = bool(numbers) and (lesson.subject == "math" or len(numbers) > 1)
    most = MOST_SENTENCES.get(lesson.level, 4)

    def steps(texts: Sequence[str]) -> list[str]:
        said = [sentence for sentence in whole(texts[0]) if not sentence.endswith(":")]
        if calculates:
            said = sound(said, numbers)
        return said[:most]

    def numbered(texts: Sequence[str]) -> str:
        if "```" in texts[0]:
            return closed_fence(texts[0].strip())
        said = steps(texts)
        return "\n".join(f"{number}. {plain_item(one)}" for number, one in enumerate(said, 1)) or (
            "Write down what is given and what is asked for, then say how the two belong together."
        )

    def finish(texts: Sequence[str]) -> Finished:
        hint, check = texts[1].strip(), texts[2].strip()
        parts = [f"{HINT}Think about {hint}", f"{CHECK}{check}"]
        if not lesson.guided:
            parts.insert(1, f"{STEPS}\n{numbered(texts)}")
        return Finished(
            "\n\n".join(parts),
            buttons=(SOLUTION,) if lesson.guided else (SIMPLER, KEEP),
            notes=(UNCHECKED,) if calculates and not lesson.guided else (),
        )

    subject = lesson.subject or "patient"
    explain = (
        Message("system", EXPLAIN.format(subject=subject, level=LEVELS.get(lesson.level, ""))),
        *lesson.before,
        Message("user", lesson.question),
    )
    return Plan(
        steps=(
            Step(
                explain,
                Sampling(0.3, 0.9, 150 if most > 4 else 100, seed=turn.seed, repetition_penalty=1.1),
                silent=True,
                task="Working it out",
            ),
            Step(
                lambda texts: idea_prompt(lesson.question, " ".join(steps(texts)) or lesson.question),
                Sampling(0.0, max_tokens=25, stop=("\n",), seed=turn.seed),
                head=f"{HINT}Think about ",
                filter=lambda: Phrase("what you know about it already."),
            ),
            Step(
                lambda texts: question_prompt(" ".join(steps(texts)) or lesson.question),
                Sampling(0.0, max_tokens=40, stop=("\n",), seed=turn.seed),
                head=lambda texts: f"\n\n{CHECK}" if lesson.guided else f"\n\n{STEPS}\n{numbered(texts)}\n\n{CHECK}",
                filter=lambda: Phrase("How would you say it in your own words?", question=True),
            ),
        ),
        finish=finish,
    )


def worked_out(turn: Turn, solved: Solution, level: str) -> Plan:
    """A lesson about a problem that was solved by code: the model only says the principle again."""
    principle = PRINCIPLES[solved.kind]
    known = set(words(principle + " ".join(SAID_AGAIN)))
    head = f"{HINT}{HINTS[solved.kind]}\n\n{STEPS}\n{steps_of(solved)}\n\n"

    def grounded(sentence: str) -> bool:
        said = [word for word in words(sentence) if len(word) > 3]
        return not re.search(r"\d", sentence) and sum(word in known for word in said) * 3 >= len(said) * 2

    def finish(texts: Sequence[str]) -> Finished:
        more = another(solved, turn.seed)
        tail = f"\n\n{YOUR_TURN}{task_of(more)}" if more else ""
        return Finished(f"{head}{texts[0].strip()}{tail}", buttons=(MORE, KEEP) if more else (KEEP,))

    prompt = (
        Message("system", AGAIN + LEVELS.get(level, "")),
        Message("user", SAID_AGAIN[0]),
        Message("assistant", SAID_AGAIN[1]),
        Message("user", principle),
    )
    step = Step(
        prompt,
        Sampling(0.5, 0.9, 70, seed=turn.seed),
        head=head,
        filter=lambda: Sieve(grounded, most=2, otherwise=principle),
    )
    return Plan((step,), finish=finish)


def steps_in(answer: str) -> str:
    """The part of a lesson between its hint and its question, without the numbers in front of its sentences."""
    steps = answer.partition(STEPS)[2].partition(CHECK)[0].partition(YOUR_TURN)[0].strip()
    return re.sub(r"^\d+\.\s+", "", steps, flags=re.MULTILINE)


def steps_of(solved: Solution) -> str:
    """The checked steps as a list, ending in the answer."""
    lines = [f"{number}. {step}" for number, step in enumerate(solved.steps, 1)]
    ends = bool(solved.steps) and solved.steps[-1].endswith(solved.answer)
    if solved.proof:
        lines.append(f"\nSo **{solved.answer}**. Put in, that gives {solved.proof}.")
    elif not ends or len(solved.steps) > 1:
        lines.append(f"\nSo the answer is **{solved.answer}**.")
    return "\n".join(lines)


def task_of(solved: Solution) -> str:
    """A problem as it is put to the student."""
    if solved.kind in ("linear", "quadratic", "pair"):
        return f"Solve {solved.problem}"
    return f"Simplify {solved.problem}" if solved.kind == "terms" else f"What is {solved.problem}?"


def idea_prompt(question: str, text: str) -> tuple[Message, ...]:
    """Asks for the thought that a text turns on, as the end of "Think about …"."""
    return few_shot(IDEA, tuple((f"Question: {q}\nText: {t}\nThink about:", idea) for q, t, idea in IDEAS),
                    f"Question: {question}\nText: {text}\nThink about:")  # fmt: skip


def question_prompt(text: str) -> tuple[Message, ...]:
    """Asks for a question about a text."""
    examples = tuple((f"Text: {t}\nQuestion:", q) for (_, t, _), q in zip(IDEAS, QUESTIONS, strict=True))
    return few_shot(ASK, examples, f"Text: {text}\nQuestion:")


def few_shot(system: str, examples: Sequence[tuple[str, str]], words: str) -> tuple[Message, ...]:
    """A prompt that shows what is wanted by `examples` of what is said and answered."""
    messages = [Message("system", system)]
    for said, answered in examples:
        messages += [Message("user", said), Message("assistant", answered)]
    return (*messages, Message("user", words))


class Phrase:
    """A stream's filter for a few words: whole, or `otherwise` when they ran on, are empty or say nothing."""

    def __init__(self, otherwise: str, *, question: bool = False) -> None:
        self._otherwise = otherwise
        self._question = question
        self._held = ""

    def feed(self, delta: str) -> str:
        self._held += delta
        return ""

    def end(self) -> str:
        said = " ".join(self._held.split())
        if self._question:
            asked = said.endswith("?") and not re.search(
                r"\b(text|sentence|passage|phrase|above|code|answer|question)\b", said
            )
            return said if asked else self._otherwise
        runs_on = len(said.split()) > 16 or len(said.split()) < 2
        return self._otherwise if runs_on else said.rstrip(".,;: ") + "."


def plain_item(sentence: str) -> str:
    """A sentence without the number or dash that a list gave it."""
    return re.sub(r"^(?:\d+[.)]|[-*•])\s+", "", sentence)


def closed_fence(text: str) -> str:
    """A text whose code block was cut off, closed."""
    return text if text.count("```") % 2 == 0 else f"{text}\n```"
