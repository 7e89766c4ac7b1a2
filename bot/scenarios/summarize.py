"""/summarize: a text, a file, quoted messages or this conversation in a few points."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.commands import Choice, Command, Option
from bot.errors import UserError
from bot.knowledge.reading import read
from bot.request import one_line
from bot.scenarios.digest import MOST_POINTS, Points, extract, is_true
from bot.scenarios.sentences import split
from bot.turn import Filter, Finished, Plan, Say, Step, Turn
from models.engine import Message, Sampling

TASK = "You summarize texts in two to four short bullet points. You only say what the text says."
TASK_TALK = "You summarize conversations in two to four short bullet points: who decided, does or asks what."
ASKED = "Summarize:\n{text}"
EXAMPLE = (
    "The museum opens a show of old maps on 5 May. It was planned for April, but the paint was not dry. "
    "Tickets cost 8 euros and children enter free. The director hopes for 10,000 visitors.",
    "- A show of old maps opens on 5 May, later than planned because the paint was not dry.\n"
    "- Tickets cost 8 euros; children enter free.\n- The director hopes for 10,000 visitors.",
)
EXAMPLE_TALK = (
    "lea: who brings the cake on friday?\nsam: i can, but i need a lift\nlea: ok, i pick you up at 3",
    "- Sam brings the cake on Friday.\n- Lea picks Sam up at 3.",
)
BRIEF = "Summarize in one sentence:\n{text}"
BRIEF_EXAMPLE = "A show of old maps opens on 5 May, and the museum hopes for 10,000 visitors."

PART_CHARACTERS = 2400
"""What a model reads at once: with the example and the answer this fits a context of 2,048 tokens."""
MOST_PARTS = 24
MOST_BYTES = 5_000_000
MOST_HISTORY = 9600
SHORT_CHARACTERS = 160

COMMAND = Command(
    name="summarize",
    description="The main points of a text, a file or this conversation",
    options=(
        Option(
            "text", "The text; without one, the file sent along, the quoted messages or this conversation", rest=True,
            names={"zh-CN": "文本", "es-ES": "texto", "fr": "texte", "de": "text", "ja": "テキスト"},
            descriptions={
                "zh-CN": "要总结的文本；留空则总结附件、引用的消息或本次对话",
                "es-ES": "El texto; si falta, el archivo, los mensajes citados o esta conversación",
                "fr": "Le texte ; sinon le fichier, les messages cités ou cette conversation",
                "de": "Der Text; sonst die Datei, die zitierten Nachrichten oder dieses Gespräch",
                "ja": "要約するテキスト。省略すると添付ファイル、引用、この会話",
            },
        ),
        Option(
            "style", "How much to say", kind="choice", default="points",
            choices=(Choice("points", "Points"), Choice("sentence", "One sentence")),
            names={"zh-CN": "形式", "es-ES": "estilo", "fr": "style", "de": "stil", "ja": "形式"},
            descriptions={
                "zh-CN": "要点或一句话", "es-ES": "Puntos o una frase", "fr": "Des points ou une phrase",
                "de": "Punkte oder ein Satz", "ja": "箇条書きか一文",
            },
        ),
    ),
    examples=("/summarize", "/summarize The council met on Tuesday. It decided to repair the roof of the pool.",
              "/summarize style:sentence"),
    help="Long texts are read part by part; the parts’ points show while they are read.",
    names={"zh-CN": "总结", "es-ES": "resumir", "fr": "résumer", "de": "zusammenfassen", "ja": "要約"},
    descriptions={
        "zh-CN": "总结文本、文件或本次对话的要点",
        "es-ES": "Lo principal de un texto, un archivo o esta conversación",
        "fr": "L’essentiel d’un texte, d’un fichier ou de cette conversation",
        "de": "Das Wichtigste aus einem Text, einer Datei oder diesem Gespräch",
        "ja": "テキスト、ファイル、この会話の要点",
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be summarized. `talk`: it is a conversation, a line a message."""

    text: str
    talk: bool = False


class Summarize:
    """The scenario of /summarize. Long matter is folded: points of each part, then points of the points."""

    command = COMMAND

    async def plan(self, turn: Turn) -> Plan | Say:
        matter = await _matter(turn)
        brief = turn.options.get("style") == "sentence"
        if len(matter.text) < SHORT_CHARACTERS and not matter.talk:
            raise UserError("That is short already; give me a longer text, a file, or a conversation to summarize.")
        parts = cut(matter.text)
        if len(parts) > MOST_PARTS:
            most = MOST_PARTS * PART_CHARACTERS
            raise UserError(
                f"That has {len(matter.text):,} characters and I summarize at most {most:,}; send it in parts."
            )
        return _plan(turn, matter, parts, brief)


def _plan(turn: Turn, matter: Matter, parts: Sequence[str], brief: bool) -> Plan:
    steps: list[Step] = []
    if len(parts) > 1:
        for number, part in enumerate(parts):
            head = f"{chr(10) * 2 if number else ''}**Part {number + 1} of {len(parts)}**\n"
            filter_ = _points(part, _share(len(parts)))
            task = f"Reading part {number + 1} of {len(parts)}"
            steps.append(Step(prompt(part, matter.talk), _sampling(turn.seed + number), head, filter_, task=task))

    def whole(texts: Sequence[str]) -> str:
        # A part that a model had nothing true to say about speaks for itself.
        told = [text.strip() or _listed(extract(part, 1)) for part, text in zip(parts, texts, strict=False)]
        return "\n".join(told) if len(parts) > 1 else matter.text

    def last(texts: Sequence[str]) -> tuple[Message, ...]:
        return brief_prompt(whole(texts)) if brief else prompt(whole(texts), matter.talk and len(parts) == 1)

    head = "\n\n**All together**\n" if len(parts) > 1 else ""
    whole_filter = None if brief else _points(matter.text, MOST_POINTS)
    task = "Putting it together" if len(parts) > 1 else ""
    steps.append(Step(last, _sampling(turn.seed, 80 if brief else 180), head, whole_filter, task=task))

    def finish(texts: Sequence[str]) -> Finished:
        said = texts[-1].strip()
        if brief:
            said = next(iter(split(said)), "")
            if is_true(said, matter.text):
                return Finished(said)
            return Finished(" ".join(extract(whole(texts), 1)).removeprefix("- "), notes=(OWN_WORDS,))
        if said:
            return Finished(said)
        return Finished(_listed(extract(whole(texts))), notes=(OWN_WORDS,))

    asked = f"Summarize: {one_line(turn.options.get('text', '') or 'this conversation', 300)}"
    return Plan(tuple(steps), finish, question=asked)


OWN_WORDS = "What the model said did not keep to the text, so these are the text’s own words."


def prompt(text: str, talk: bool = False) -> tuple[Message, ...]:
    """What a model reads for the points of one part."""
    asked, shown = EXAMPLE_TALK if talk else EXAMPLE
    return (
        Message("system", TASK_TALK if talk else TASK),
        Message("user", ASKED.format(text=asked)),
        Message("assistant", shown),
        Message("user", ASKED.format(text=text)),
    )


def brief_prompt(text: str) -> tuple[Message, ...]:
    """What a model reads for one sentence about it all."""
    return (
        Message("user", BRIEF.format(text=EXAMPLE[0])),
        Message("assistant", BRIEF_EXAMPLE),
        Message("user", BRIEF.format(text=text)),
    )


def cut(text: str, most: int = PART_CHARACTERS) -> list[str]:
    """`text` in parts of at most `most` characters, at paragraphs where it can be, else at sentences, else anywhere."""
    parts: list[str] = []
    for piece in _pieces(text.strip(), most):
        if parts and len(parts[-1]) + len(piece) <= most:
            parts[-1] += piece
        else:
            parts.append(piece)
    return [part.strip() for part in parts if part.strip()]


def _pieces(
    text: str, most: int, seams: tuple[str, ...] = (r"\n\s*\n", r"\n", r"(?<=[.!?。！？])", r"\s")
) -> list[str]:
    if len(text) <= most:
        return [text]
    if not seams:
        return [text[start : start + most] for start in range(0, len(text), most)]
    pieces, start = [], 0
    for match in re.finditer(seams[0], text):
        if match.end() > start:
            pieces.append(text[start : match.end()])
            start = match.end()
    pieces.append(text[start:])
    return [small for piece in pieces for small in _pieces(piece, most, seams[1:])]


async def _matter(turn: Turn) -> Matter:
    """What to summarize: the words given, the files sent along, the messages quoted, else this conversation."""
    text = turn.options.get("text", "").strip()
    if text:
        return Matter(text)
    if turn.request.attachments:
        return Matter(await _files(turn))
    if turn.request.quotes:
        lines = (f"{one_line(quote.name)}: {one_line(quote.text, 1000)}" for quote in turn.request.quotes)
        return Matter("\n".join(lines), talk=True)
    spoken = "\n".join(
        f"{one_line(turn.request.author.name) if message.role == 'user' else 'Parley'}: {message.content}"
        for message in turn.history
        if message.role != "system"
    )
    if not spoken and not turn.summary:
        raise UserError(
            "There is nothing to summarize yet: write the text behind /summarize, send a file along, or talk first."
        )
    return Matter("\n".join(filter(None, (turn.summary, spoken[-MOST_HISTORY:]))), talk=True)


async def _files(turn: Turn) -> str:
    texts = []
    for attachment in turn.request.attachments:
        if attachment.size > MOST_BYTES:
            raise UserError(
                f"{attachment.name} is larger than {MOST_BYTES // 1_000_000} MB; send a smaller part of it."
            )
        document = await asyncio.to_thread(read, attachment.name, await attachment.read())
        texts.append(document.text)
    return "\n\n".join(texts)


def _points(source: str, most: int) -> Callable[[], Filter]:
    return functools.partial(Points, source, most)


def _share(parts: int) -> int:
    """How many points a part may have so that all of them together can be read at once."""
    return max(1, min(3, PART_CHARACTERS // (parts * 120)))


def _sampling(seed: int, tokens: int = 140) -> Sampling:
    return Sampling(temperature=0.2, top_p=0.9, max_tokens=tokens, seed=seed, repetition_penalty=1.05)


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
