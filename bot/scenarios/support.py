"""/support: answers from the server's own documents with numbered sources, or says that it does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands import Command, Option
from bot.controls import USUAL, Button, Control
from bot.errors import UserError
from bot.knowledge.grounding import Grounding
from bot.knowledge.library import Hit, Library, Search
from bot.scenarios.wordings import worded
from bot.stores import Stores
from bot.turn import Correction, Finished, Plan, Say, Source, Step, Turn
from models.engine import Message, Sampling

SOURCES = 3

SYSTEM = (
    "You answer support questions. Use only the passages below, which come from the product's documents. "
    "Answer in two or three short sentences. Copy commands, file names and numbers exactly as they stand there."
)
SAMPLING = Sampling(temperature=0.0, max_tokens=160, repetition_penalty=1.1)

EMPTY = "I have no documents to answer from yet. The owner adds some with `knowledge add` or on the Knowledge page."
ABSTAIN = (
    "I found nothing in my documents that answers this, so I will not guess. I have noted the question for the team."
)
HANDED_OVER = "This is for a person now. I stay quiet here until it is solved."
TOLD = "I have told the moderators."
NOBODY_TOLD = "No moderators' channel is set on this server, so call somebody who can help."
SOLVED_WORDS = "Good. I have marked this as solved."
QUOTED = "My documents say:"
REVIEWED = "An answer that the moderators have approved"

_LEANING = re.compile(
    r"^\W*(?:and|but|or|so|what about|how about)\b"
    r"|\b(?:it|its|that|this|they|them|their|these|those|one|ones)\b(?!\s+(?:possible|allowed))"
    r"|^\W*(?:why|how|when|where|who|which)(?:\s+(?:not|so))?\W*$",
    re.I,
)
"""What a question says that is none without the one before it: "And how long does it take?", "Why?"."""
LEANING_WORDS = 12
_HUMAN = re.compile(
    r"\b(?:talk|speak|get|want|need|ask)\b.{0,20}\b(?:human|person|agent|moderator|somebody real)\b", re.I
)

HANDOFF = Button(Control.HANDOFF, "Ask a person")
SOLVED = Button(Control.SOLVED, "Solved")
SHOW_SOURCES = Button(Control.SOURCES, "Sources")


@dataclass(frozen=True, slots=True)
class NoteGap:
    """A question that stays open: for the list of what to write about."""

    question: str
    confidence: float
    handed_over: bool = False

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.gaps.note(turn.id, turn.request.place.server, self.question, self.confidence)
        if self.handed_over:
            await stores.gaps.hand_over(turn.id)


class Support:
    """Support from the knowledge base."""

    searches = True
    command = Command(
        name="support",
        description="Ask the knowledge base",
        options=(Option("question", "What you want to know", required=True, rest=True, **worded("support.question")),),
        help="Answers only from the documents of this server, names its sources, and says so when it does not know.",
        examples=("/support How do I reset my password?",),
        names={"zh-CN": "支持", "es-ES": "soporte", "fr": "assistance", "de": "hilfestellung", "ja": "サポート"},
        descriptions={
            "zh-CN": "询问知识库",
            "es-ES": "Preguntar a la base de conocimientos",
            "fr": "Interroger la base de connaissances",
            "de": "Die Wissensbasis fragen",
            "ja": "ナレッジベースに質問する",
        },
    )

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.pressed is not None:
            return await self._pressed(turn)
        question = turn.text
        if _HUMAN.search(question):
            return _handed_over(turn, question)
        reviewed = next((one for one in reversed(turn.corrections) if one.same), None)
        if reviewed is not None:
            return _reviewed(reviewed)
        search = await self._found(turn, question)
        if search.empty:
            return _say(EMPTY, "abstain", NoteGap(question, 0.0))
        if not search.sure:
            return _say(ABSTAIN, "abstain", NoteGap(question, search.confidence), (HANDOFF,))
        return self._answer(question, search, turn.stores.library)

    async def _found(self, turn: Turn, question: str) -> Search:
        """What is found for a question; one that leans on the question before it takes that along where need be."""
        library, server = turn.stores.library, turn.request.place.server
        search = await library.search(server, question, SOURCES)
        before = turn.previous.question if turn.previous is not None and turn.previous.scenario == "support" else ""
        if search.sure or not search.hits or not before or not leans(question):
            return search
        return await library.search(server, f"{before} {question}", SOURCES)

    def _answer(self, question: str, search: Search, library: Library) -> Plan:
        sources = tuple(_source(number, hit) for number, hit in enumerate(search.hits, 1))

        async def finish(said: Sequence[str]) -> Finished:
            text = await library.vouch(question, search.hits, said[0])
            if not text:
                # Nothing of the model's own words stood the test: the documents speak for themselves.
                text = f"{QUOTED}\n\n{await library.quote(question, search.hits)}"
            return Finished(text, sources=sources)

        # Silent: what is not vouched for should not have been read either.
        step = Step(
            prompt(question, search.hits), SAMPLING, filter=lambda: Grounding(_grounds(search.hits)), silent=True,
            task="Reading what my documents say",
        )  # fmt: skip
        notes = ("Found by words only: the encoder was not there.",) if search.lexical else ()
        return Plan((step,), finish, buttons=(SHOW_SOURCES, SOLVED, HANDOFF), sources=sources, notes=notes)

    async def _pressed(self, turn: Turn) -> Say:
        assert turn.pressed is not None
        earlier = turn.pressed.turn
        if turn.pressed.control == Control.SOLVED:
            await turn.stores.gaps.close_here(earlier)
            elsewhere = earlier.place != turn.request.place
            return Say(Finished(SOLVED_WORDS), private=elsewhere)
        if turn.pressed.control != Control.HANDOFF:
            raise UserError("That button does nothing under this answer.")
        return _handed_over(turn, earlier.question)


def prompt(question: str, hits: Sequence[Hit]) -> list[Message]:
    """What is sent: the passages, then the question."""
    passages = "\n\n".join(f"{hit.title}: {_flat(hit.text)}" for hit in hits)
    return [Message("system", SYSTEM), Message("user", f"{passages}\n\nQuestion: {question}")]


def _handed_over(turn: Turn, question: str) -> Say:
    """A person is asked for: what is said of it is true of this server."""
    server = turn.request.place.server
    then = (TOLD if turn.server.moderators_channel else NOBODY_TOLD) if server else ""
    record = NoteGap(question, 0.0, handed_over=True)
    return _say(f"{HANDED_OVER} {then}".strip(), "handoff", record, (SOLVED,))


def _say(text: str, action: str, record: NoteGap, buttons: tuple[Button, ...] = ()) -> Say:
    finished = Finished(
        text, action="handoff" if action == "handoff" else "abstain", buttons=buttons, records=(record,)
    )
    return Say(finished)


def leans(question: str) -> bool:
    """Whether a question is none without the one before it."""
    return len(question.split()) <= LEANING_WORDS and _LEANING.search(question) is not None


def _reviewed(correction: Correction) -> Say:
    """What moderators have said of this very question goes before every document."""
    source = Source(1, REVIEWED, "", correction.text)
    finished = Finished(correction.text, sources=(source,), buttons=(SHOW_SOURCES, SOLVED, HANDOFF, *USUAL))
    return Say(finished, remember=True)


def _source(number: int, hit: Hit) -> Source:
    return Source(number, hit.title, hit.heading, hit.text, hit.document_id)


def _grounds(hits: Sequence[Hit]) -> list[str]:
    return [f"{hit.title} {hit.heading}\n{hit.text}" for hit in hits]


def _flat(text: str) -> str:
    return " ".join(text.split())
