"""/write: headlines to pick from, articles, reports, e-mails, outlines; refined by buttons, held to the given facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.commands import Choice, Command, Option, choices
from bot.controls import CONTINUE, UNDO, Button, Control
from bot.errors import UserError
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Step, Turn
from models.engine import Message, Sampling

VARIANTS = 3
MOST_CHAPTERS = 6

SYSTEM = "You are a careful writer. You use only the facts you are given and invent nothing. You write the text itself."
KINDS = {
    "headline": "Write one newspaper headline of at most twelve words for this text. Write only the headline.",
    "article": "Write a short news article: first what happened, then the details. Use only these facts.",
    "report": "Write a short report with the parts Summary, Facts and Next steps. Use only these facts.",
    "doc": "Write a technical document: what it is for, what is needed, then numbered steps. Use only these facts.",
    "email": "Write an e-mail: a greeting, the message in a few sentences, a closing. Use only these facts.",
    "outline": "Write an outline of four to six chapters. One line each, numbered, a title of a few words.",
}
LABELS = {
    "headline": "headlines to pick from", "article": "a news article", "report": "a report",
    "doc": "a technical document", "email": "an e-mail", "outline": "an outline, then chapter by chapter",
}  # fmt: skip
LENGTHS = {"short": 120, "medium": 260, "long": 480}
CHAPTER = "Write chapter {number}, “{title}”, of this outline. A few paragraphs, no heading."
REFINEMENTS = {
    "shorter": ("Shorter", "Rewrite this text in half as many words. Keep every fact."),
    "longer": ("Longer", "Rewrite this text with more detail on what it already says. Add no new facts."),
    "warmer": ("Warmer", "Rewrite this text in a warm and friendly tone. Keep every fact."),
    "formal": ("More formal", "Rewrite this text in a formal tone. Keep every fact."),
    "grammar": ("Fix grammar", "Correct spelling and grammar. Change nothing else. Write only the corrected text."),
}
HEADLINE_SHOTS = (
    Message("user", f"{KINDS['headline']}\n\nThe city library will stay open until ten in the evening from May on."),
    Message("assistant", "City Library to Stay Open Until Ten From May"),
)

SAMPLING = Sampling(temperature=0.4, top_p=0.9, repetition_penalty=1.08)
EXACT = Sampling(temperature=0.0, max_tokens=480, repetition_penalty=1.03)

REFINE = tuple(Button(Control.REFINE, label, name) for name, (label, _) in REFINEMENTS.items())

_CLAIM = re.compile(r"https?://\S+|\b\d[\d.,:/%-]*\b|(?<=[a-z,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_CHAPTER = re.compile(r"^\s*(?:\*\*)?(?:chapter\s*)?(\d+)[.:)]\s*(.+?)(?:\*\*)?\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pick:
    """One of several headlines was preferred to the others."""

    turn_id: str
    chosen: str
    rejected: tuple[str, ...]

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.feedback.pick(self.turn_id, turn.request.user, self.chosen, list(self.rejected))


class Write:
    """Writing help."""

    command = Command(
        name="write",
        description="Write a headline, an article, a report, an e-mail or an outline",
        options=(
            Option(
                "kind", "What to write", kind="choice", required=True,
                choices=tuple(Choice(kind, label) for kind, label in LABELS.items()),
            ),
            Option("facts", "What it is about: the facts to use", required=True, rest=True),
            Option("length", "How long", kind="choice", choices=choices(*LENGTHS), default="medium"),
            Option("tone", "In which tone, such as formal or warm"),
            Option("audience", "For whom"),
            Option("language", "In which language"),
        ),
        help="Only the facts you give are used; what I could not find among them is listed for you to verify.",
        examples=(
            "/write headline The council voted 7 to 2 for a new bridge over the Elm river",
            "/write email The meeting on Friday moves to 3 pm, room 12 tone:friendly",
        ),
        names={"zh-CN": "写作", "es-ES": "escribir", "fr": "rediger", "de": "schreiben", "ja": "執筆"},
        descriptions={
            "zh-CN": "撰写标题、文章、报告、邮件或提纲",
            "es-ES": "Escribir un titular, un artículo, un informe, un correo o un esquema",
            "fr": "Rédiger un titre, un article, un rapport, un courriel ou un plan",
            "de": "Eine Schlagzeile, einen Artikel, Bericht, Brief oder Entwurf schreiben",
            "ja": "見出し・記事・報告・メール・構成を書く",
        },
    )  # fmt: skip

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.pressed is not None:
            return self._pressed(turn)
        kind, facts = turn.options["kind"], turn.options["facts"]
        if kind == "headline":
            return _headlines(turn, facts)
        most = LENGTHS[turn.options.get("length", "medium")]
        step = Step(prompt(kind, facts, turn.options), replace(SAMPLING, max_tokens=most, seed=turn.seed))

        def finish(texts: Sequence[str]) -> Finished:
            text = texts[0].strip()
            buttons = _chapters(text) if kind == "outline" else REFINE
            return Finished(text, buttons=(*buttons, UNDO), notes=_to_verify(text, facts))

        return Plan((step,), finish, question=f"Write {LABELS[kind]}: {facts}")

    def _pressed(self, turn: Turn) -> Plan | Say:
        assert turn.pressed is not None
        earlier = turn.pressed.turn
        match turn.pressed.control:
            case Control.PICK:
                return _picked(turn, earlier.answer)
            case Control.REFINE:
                return _refined(turn, earlier.answer)
            case Control.CONTINUE if turn.pressed.value:
                return _chapter(turn, earlier.answer)
            case _:
                return _continued(turn, earlier.answer)


def prompt(kind: str, facts: str, options: Mapping[str, str]) -> list[Message]:
    """What is sent for a piece of writing."""
    wishes = [
        f"{words} {options[name]}."
        for name, words in (("tone", "Tone:"), ("audience", "For:"), ("language", "Write in"))
        if options.get(name)
    ]
    return [Message("system", SYSTEM), Message("user", "\n".join([KINDS[kind], *wishes, "", f"Facts: {facts}"]))]


def _headlines(turn: Turn, facts: str) -> Plan:
    wish = f"\nWrite it in {turn.options['language']}." if turn.options.get("language") else ""
    ask = Message("user", f"{KINDS['headline']}{wish}\n\n{facts}")
    steps = tuple(
        Step(
            [Message("system", SYSTEM), *HEADLINE_SHOTS, ask],
            Sampling(temperature=0.2 + 0.35 * number, top_p=0.95, max_tokens=32, stop=("\n",), seed=turn.seed + number),
            head=f"{'' if number == 0 else chr(10)}{number + 1}. ",
        )
        for number in range(VARIANTS)
    )

    def finish(texts: Sequence[str]) -> Finished:
        found = list(dict.fromkeys(_headline(text) for text in texts if _headline(text)))
        lines = "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1))
        buttons = tuple(Button(Control.PICK, f"Pick {number}", str(number)) for number in range(1, len(found) + 1))
        return Finished(lines, buttons=buttons if len(found) > 1 else (), notes=_to_verify(" ".join(found), facts))

    return Plan(steps, finish, question=f"Write headlines: {facts}")


def _headline(text: str) -> str:
    return text.strip().strip('"“”*# ').rstrip(".")


def _picked(turn: Turn, listed: str) -> Say:
    assert turn.pressed is not None
    lines = [line.partition(". ")[2] for line in listed.splitlines() if line.partition(". ")[0].isdigit()]
    number = int(turn.pressed.value) if turn.pressed.value.isdigit() else 0
    if not 1 <= number <= len(lines):
        raise UserError("That headline is no longer in the list.")
    chosen = lines[number - 1]
    rejected = tuple(line for line in lines if line != chosen)
    record = Pick(turn.pressed.turn.id, chosen, rejected)
    return Say(Finished(f"**{chosen}**", buttons=REFINE, records=(record,)), remember=True)


def _refined(turn: Turn, text: str) -> Plan:
    assert turn.pressed is not None
    known = REFINEMENTS.get(turn.pressed.value)
    if known is None:
        raise UserError("I know no such refinement.")
    label, words = known
    sampling = EXACT if turn.pressed.value == "grammar" else replace(SAMPLING, max_tokens=480, seed=turn.seed)
    step = Step([Message("system", SYSTEM), Message("user", f"{words}\n\n{text}")], sampling)

    def finish(texts: Sequence[str]) -> Finished:
        return Finished(texts[0].strip(), buttons=(*REFINE, UNDO), notes=_to_verify(texts[0], text))

    return Plan((step,), finish, question=label)


def _chapter(turn: Turn, outline: str) -> Plan:
    assert turn.pressed is not None
    titles = dict(_CHAPTER.findall(outline))
    number = turn.pressed.value
    if number not in titles:
        raise UserError("That chapter is not in the outline any more.")
    words = CHAPTER.format(number=number, title=titles[number])
    step = Step(
        [Message("system", SYSTEM), Message("user", f"{words}\n\n{outline}")],
        replace(SAMPLING, max_tokens=400, seed=turn.seed),
        head=f"## {titles[number]}\n\n",
    )
    return Plan((step,), buttons=(*REFINE, UNDO), question=f"Write chapter {number}: {titles[number]}")


def _continued(turn: Turn, text: str) -> Plan:
    messages = [
        Message("system", SYSTEM),
        Message("user", "Write the text."),
        Message("assistant", text),
        Message("user", "Go on exactly where you stopped."),
    ]
    step = Step(messages, replace(SAMPLING, max_tokens=300, seed=turn.seed))
    return Plan((step,), buttons=(CONTINUE, *REFINE), question="Go on.")


def _chapters(outline: str) -> tuple[Button, ...]:
    return tuple(
        Button(Control.CONTINUE, f"Write {number}. {title[:40]}", number)
        for number, title in _CHAPTER.findall(outline)[:MOST_CHAPTERS]
    )


def _to_verify(text: str, facts: str) -> tuple[str, ...]:
    """Numbers, names and links that stand in the text and not among the facts."""
    given = facts.casefold()
    new = [claim for claim in dict.fromkeys(_CLAIM.findall(text)) if claim.casefold().strip(".,:") not in given]
    return (f"Not among your facts, please verify: {', '.join(new[:12])}.",) if new else ()
