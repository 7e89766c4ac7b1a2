"""/summarize: a text, a thread or this conversation in a few lines; long ones part by part."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands import Command, Option, choices
from bot.errors import UserError
from bot.request import one_line
from bot.turn import Finished, Plan, Step, Turn
from models.engine import Message, Sampling

PART_CHARACTERS = 2400
MOST_PARTS = 12
MOST_FILE_BYTES = 200_000

SYSTEM = "You summarize texts. You use only what the text says."
STYLES = {
    "bullets": "Summarize this text in three to five short bullet points.",
    "sentence": "Summarize this text in one sentence.",
    "paragraph": "Summarize this text in one short paragraph.",
}
PART = "Write the two most important points of this part of a longer text, one line each."
SAMPLING = Sampling(temperature=0.0, max_tokens=200, repetition_penalty=1.1)
PART_SAMPLING = Sampling(temperature=0.0, max_tokens=90, repetition_penalty=1.1)


class Summarize:
    """Summaries."""

    command = Command(
        name="summarize",
        description="Summarize a text, a file or this conversation",
        options=(
            Option("text", "What to summarize; this conversation when left out", rest=True),
            Option("style", "The form", kind="choice", choices=choices(*STYLES), default="bullets"),
        ),
        examples=("/summarize", "/summarize style:sentence The meeting began at nine and …"),
        names={"zh-CN": "总结", "es-ES": "resumir", "fr": "resumer", "de": "zusammenfassen", "ja": "要約"},
        descriptions={
            "zh-CN": "总结文本、文件或本次对话",
            "es-ES": "Resumir un texto, un archivo o esta conversación",
            "fr": "Résumer un texte, un fichier ou cette conversation",
            "de": "Einen Text, eine Datei oder dieses Gespräch zusammenfassen",
            "ja": "文章・ファイル・この会話を要約する",
        },
    )

    async def plan(self, turn: Turn) -> Plan:
        text = await _text(turn)
        if not text.strip():
            raise UserError("There is nothing to summarize here yet; give me a text, a file, or talk with me first.")
        style = STYLES[turn.options.get("style", "bullets")]
        parts = split(text)
        if len(parts) == 1:
            return Plan((Step(_prompt(style, parts[0]), SAMPLING),), question="Summarize this.")
        if len(parts) > MOST_PARTS:
            raise UserError(f"That is more than {MOST_PARTS * PART_CHARACTERS:,} characters; summarize it in parts.")
        steps = tuple(Step(_prompt(PART, part), PART_SAMPLING, silent=True) for part in parts)

        def last(points: Sequence[str]) -> list[Message]:
            return _prompt(style, "\n".join(points))

        return Plan((*steps, Step(last, SAMPLING)), _finished, question="Summarize this.")


def split(text: str) -> list[str]:
    """Parts of at most PART_CHARACTERS, cut between lines or sentences where there are any."""
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > PART_CHARACTERS:
        window = rest[:PART_CHARACTERS]
        cut = max(window.rfind("\n"), window.rfind(". ") + 1, 0)
        cut = cut if cut > PART_CHARACTERS // 2 else PART_CHARACTERS
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts


async def _text(turn: Turn) -> str:
    """What was given: words, files, quoted messages, or else the conversation."""
    if turn.text:
        return turn.text
    for attachment in turn.request.attachments:
        if attachment.size > MOST_FILE_BYTES:
            raise UserError(f"{attachment.name} is larger than {MOST_FILE_BYTES // 1000} kB; send a part of it.")
        return (await attachment.read()).decode(errors="replace")
    if turn.request.quotes:
        return "\n".join(f"{one_line(quote.name)}: {quote.text}" for quote in turn.request.quotes)
    spoken = [f"{'Person' if said.role == 'user' else 'Parley'}: {said.content}" for said in turn.history]
    return "\n".join([turn.summary, *spoken] if turn.summary else spoken)


def _prompt(words: str, text: str) -> list[Message]:
    return [Message("system", SYSTEM), Message("user", f"{words}\n\n{text}")]


def _finished(texts: Sequence[str]) -> Finished:
    return Finished(texts[-1].strip())
