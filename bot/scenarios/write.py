"""/write: articles, reports, e-mails, outlines and headlines; refined by buttons, checked against the given facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.commands import Choice, Command, Option, choices
from bot.controls import CONTINUE, UNDO, Button, Control
from bot.errors import UserError
from bot.request import one_line
from bot.scenarios.headlines import headlines, picked
from bot.scenarios.kinds import KINDS, SYSTEM, prompt
from bot.scenarios.onward import Onward
from bot.scenarios.sentences import Once
from bot.scenarios.verifying import to_verify
from bot.scenarios.wordings import worded
from bot.turn import Finished, Plan, Say, Step, Turn
from models.engine import Message, Sampling

MOST_CHAPTERS = 6
OUTLINE_TOKENS = 120

LENGTHS = {"short": 120, "medium": 260, "long": 480}
AUTHOR = "You write handbooks. You write a few short paragraphs of plain text, without headings or lists."
CHAPTER = "The book:\n{outline}\n\nWrite the chapter “{title}”."
REFINEMENTS = {
    "shorter": ("Shorter", "Rewrite this text in half as many words. Keep every fact."),
    "longer": ("Longer", "Rewrite this text with more detail on what it already says. Add no new facts."),
    "warmer": ("Warmer", "Rewrite this text in a warm and friendly tone. Keep every fact."),
    "formal": ("More formal", "Rewrite this text in a formal tone. Keep every fact."),
    "grammar": ("Fix grammar", "Correct spelling and grammar. Change nothing else. Write only the corrected text."),
}
FAITHFUL = Sampling(temperature=0.0, max_tokens=480)
"""What is closest to the facts is wanted first; a penalty on repeating would keep the model off their words."""
OTHERWISE = Sampling(temperature=0.5, top_p=0.9, max_tokens=480, repetition_penalty=1.05)

REFINE = tuple(Button(Control.REFINE, label, name) for name, (label, _) in REFINEMENTS.items())

_CHAPTER = re.compile(r"^\s*(?:\*\*)?(?:chapter\s*)?(\d+)[.:)]\s*(.+?)(?:\*\*)?\s*$", re.IGNORECASE | re.MULTILINE)


class Write:
    """Writing help."""

    command = Command(
        name="write",
        description="Write a headline, an article, a report, an e-mail or an outline",
        options=(
            Option(
                "kind", "What to write", kind="choice", required=True,
                choices=(
                    Choice("headline", "headlines to pick from"),
                    *(Choice(name, kind.label) for name, kind in KINDS.items()),
                ),
                **worded("write.kind"),
            ),
            Option("facts", "What it is about: the facts to use", required=True, rest=True, **worded("write.facts")),
            Option(
                "length", "How long", kind="choice", choices=choices(*LENGTHS), default="medium",
                **worded("write.length"),
            ),
            Option("tone", "In which tone, such as formal or warm", **worded("write.tone")),
            Option("audience", "For whom", **worded("write.audience")),
            Option("language", "In which language", **worded("write.language")),
        ),
        form=True,
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
        name, facts = turn.options["kind"], turn.options["facts"]
        if name == "headline":
            return headlines(turn, facts, REFINE)
        kind = KINDS[name]
        most = LENGTHS[turn.options.get("length", "medium")]
        sampling = replace(_sampling(turn), max_tokens=most, stop=kind.stop)
        if kind.penalty > 1:
            sampling = replace(sampling, max_tokens=OUTLINE_TOKENS, repetition_penalty=kind.penalty)

        def finish(texts: Sequence[str]) -> Finished:
            text = _outlined(texts[0]) if name == "outline" else texts[0].strip()
            buttons = _chapters(text) if name == "outline" else REFINE
            return Finished(text, buttons=(*buttons, UNDO), notes=to_verify(text, facts))

        return Plan(
            (Step(prompt(kind, facts, turn.options), sampling, filter=Onward),),
            finish,
            question=f"Write {kind.label}: {facts}",
        )

    def _pressed(self, turn: Turn) -> Plan | Say:
        assert turn.pressed is not None
        earlier = turn.pressed.turn
        match turn.pressed.control:
            case Control.PICK:
                return picked(turn, earlier.answer, REFINE)
            case Control.REFINE:
                return _refined(turn, earlier.answer)
            case Control.CONTINUE if turn.pressed.value:
                return _chapter(turn, earlier.answer)
            case _:
                return _continued(turn, earlier.answer)


def _sampling(turn: Turn) -> Sampling:
    """Greedy at first; another try is drawn."""
    return replace(OTHERWISE if turn.again else FAITHFUL, seed=turn.seed)


def _refined(turn: Turn, text: str) -> Plan:
    assert turn.pressed is not None
    known = REFINEMENTS.get(turn.pressed.value)
    if known is None:
        raise UserError("I know no such refinement.")
    label, words = known
    step = Step([Message("system", SYSTEM), Message("user", f"{words}\n\n{text}")], _sampling(turn), filter=Onward)

    def finish(texts: Sequence[str]) -> Finished:
        refined = texts[0].strip()
        return Finished(refined, buttons=(*REFINE, UNDO), notes=to_verify(refined, text))

    return Plan((step,), finish, question=label)


def _chapter(turn: Turn, outline: str) -> Plan:
    assert turn.pressed is not None
    titles = dict(_CHAPTER.findall(outline))
    number = turn.pressed.value
    if number not in titles:
        raise UserError("That chapter is not in the outline any more.")
    words = CHAPTER.format(outline=outline, title=titles[number])
    head = f"## {titles[number]}\n\n"
    step = Step(
        [Message("system", AUTHOR), Message("user", words)],
        replace(_sampling(turn), max_tokens=400, repetition_penalty=1.1),
        head=head,
        filter=lambda: Once(whole=False),
    )

    def finish(texts: Sequence[str]) -> Finished:
        written = texts[0].strip()
        return Finished(f"{head}{written}", buttons=(*REFINE, UNDO), notes=to_verify(written, outline))

    return Plan((step,), finish, question=f"Write chapter {number}: {titles[number]}")


def _continued(turn: Turn, text: str) -> Plan:
    messages = [
        Message("system", SYSTEM),
        Message("user", "Write the text."),
        Message("assistant", text),
        Message("user", "Go on exactly where you stopped."),
    ]
    step = Step(messages, replace(_sampling(turn), max_tokens=300), filter=lambda: Once(text, whole=False))
    return Plan((step,), buttons=(CONTINUE, *REFINE), question="Go on.")


def _outlined(text: str) -> str:
    """The chapters' lines alone, no more than are wanted."""
    lines = [line.strip() for line in text.splitlines() if _CHAPTER.fullmatch(line)]
    return "\n".join(lines[:MOST_CHAPTERS]) or text.strip()


def _chapters(outline: str) -> tuple[Button, ...]:
    return tuple(
        Button(Control.CONTINUE, f"Write {number}. {one_line(title, 40)}", number)
        for number, title in _CHAPTER.findall(outline)[:MOST_CHAPTERS]
    )
