"""/translate: a text into another language, with everything in it that is no language left whole."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import replace

from bot.commands import Choice, Command, Option
from bot.controls import Button, Control
from bot.errors import UserError
from bot.scenarios.detection import detect
from bot.scenarios.doubts import doubt
from bot.scenarios.glossary import scope_of
from bot.scenarios.languages import Language, find, of_locale, resolve, suggest
from bot.scenarios.masking import Masked, Segment, mask
from bot.scenarios.restoring import Restored, Restoring
from bot.turn import Filter, Finished, Plan, Say, Step, Turn, say
from models.engine import Message, Sampling

TASK = (
    "You are a translator. You translate every message {source}into {target}. You keep names, numbers and "
    "marks such as [1], <1> and ** as they are. {tone}You answer with the translation only."
)
SOURCE = "from {source} "
TONES = {
    "neutral": "",
    "formal": "You write politely and formally. ",
    "friendly": "You write warmly, as to a friend. ",
}
# A small model follows examples better than instructions; these are shown where the source is, or may be, English.
EXAMPLES = {
    "fr": ("Bonjour.", "Merci pour votre aide.", "Où est la gare ?", "La nouvelle version de [1] est prête."),
    "es": ("Buenos días.", "Gracias por su ayuda.", "¿Dónde está la estación?", "La nueva versión de [1] está lista."),
    "de": ("Guten Morgen.", "Danke für Ihre Hilfe.", "Wo ist der Bahnhof?", "Die neue Version von [1] ist fertig."),
    "it": ("Buongiorno.", "Grazie per il suo aiuto.", "Dov’è la stazione?", "La nuova versione di [1] è pronta."),
    "pt": ("Bom dia.", "Obrigado pela sua ajuda.", "Onde fica a estação?", "A nova versão de [1] está pronta."),
    "nl": ("Goedemorgen.", "Bedankt voor uw hulp.", "Waar is het station?", "De nieuwe versie van [1] is klaar."),
    "zh": ("早上好。", "谢谢你的帮助。", "车站在哪里？", "[1] 的新版本已经准备好了。"),
    "ja": (
        "おはようございます。",
        "手伝ってくれてありがとうございます。",
        "駅はどこですか。",
        "[1]の新しいバージョンができました。",
    ),
    "en": ("Good morning.", "Thank you for your help.", "Where is the station?", "The new version of [1] is ready."),
}
NOTE_TASK = "You explain languages and customs. You answer in {language}, in one or two short sentences."
NOTE = (
    "Somebody sends this to a reader of {target}: “{text}” What should they know about its tone or about custom there?"
)

FIRST = Sampling(temperature=0.0, stop=("\n",))
"""Greedy and without a penalty on repeating, which would keep a small model off the words of its examples."""
AGAIN = Sampling(temperature=0.4, top_p=0.9, stop=("\n",), repetition_penalty=1.05)

MOST_CHARACTERS = 12_000
MOST_SEGMENTS = 80
_TO = re.compile(
    r"(?:in)?to\s+(?P<lead>[^\W\d_][\w ()-]{2,30}):\s+(?P<behind>\S.*)"
    r"|(?P<before>\S.*)\s(?:in)?to\s+(?P<tail>[^\W\d_][\w-]{3,30})",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(r"^[A-Z][a-z]+\s?:\s+(?=\S)")
_QUOTES = {'"': '"', "“": "”", "«": "»", "'": "'", "「": "」", "„": "“"}

COMMAND = Command(
    name="translate",
    description="Translate a text and keep its mentions, links, code and formatting",
    options=(
        Option(
            "text", "The text to translate", required=True, rest=True,
            names={"zh-CN": "文本", "es-ES": "texto", "fr": "texte", "de": "text", "ja": "テキスト"},
            descriptions={
                "zh-CN": "要翻译的文本", "es-ES": "El texto que traducir", "fr": "Le texte à traduire",
                "de": "Der Text, der übersetzt wird", "ja": "翻訳するテキスト",
            },
        ),
        Option(
            "to", "The language to translate into; your own when left out", suggest=suggest,
            names={"zh-CN": "目标语言", "es-ES": "a", "fr": "vers", "de": "nach", "ja": "訳先"},
            descriptions={
                "zh-CN": "目标语言；默认为你的语言", "es-ES": "El idioma de destino; el tuyo si falta",
                "fr": "La langue cible ; la vôtre par défaut", "de": "Die Zielsprache; sonst die eigene",
                "ja": "訳す先の言語。省略すると自分の言語",
            },
        ),
        Option(
            "from", "The language of the text; found out when left out", suggest=suggest,
            names={"zh-CN": "源语言", "es-ES": "de", "fr": "de", "de": "von", "ja": "原文"},
            descriptions={
                "zh-CN": "原文语言；默认自动识别", "es-ES": "El idioma del texto; se detecta si falta",
                "fr": "La langue du texte ; détectée par défaut", "de": "Die Sprache des Textes; sonst erkannt",
                "ja": "原文の言語。省略すると自動判定",
            },
        ),
        Option(
            "tone", "How it should sound", kind="choice", default="neutral",
            choices=(Choice("neutral", "Neutral"), Choice("formal", "Formal"), Choice("friendly", "Friendly")),
            names={"zh-CN": "语气", "es-ES": "tono", "fr": "ton", "de": "ton", "ja": "口調"},
            descriptions={
                "zh-CN": "译文的语气", "es-ES": "Cómo debe sonar", "fr": "Le ton voulu", "de": "Wie es klingen soll",
                "ja": "訳文の口調",
            },
        ),
        Option(
            "note", "Add a note on tone and custom", kind="boolean",
            names={"zh-CN": "说明", "es-ES": "nota", "fr": "note", "de": "hinweis", "ja": "注記"},
            descriptions={
                "zh-CN": "附上语气与习俗说明", "es-ES": "Añadir una nota sobre el tono y las costumbres",
                "fr": "Ajouter une note sur le ton et les usages", "de": "Ein Hinweis zu Ton und Sitten dazu",
                "ja": "口調や習慣についての注記を付ける",
            },
        ),
    ),
    examples=(
        '/translate text:"Good morning" to:French',
        "/translate Where is the meeting? to:ja tone:formal",
        "/translate into Spanish: See you tomorrow at [the office](https://example.org).",
    ),
    help="Names that must stay, and terms with a fixed translation, go into /glossary.",
    names={"zh-CN": "翻译", "es-ES": "traducir", "fr": "traduire", "de": "übersetzen", "ja": "翻訳"},
    descriptions={
        "zh-CN": "翻译文本，保留提及、链接、代码和格式",
        "es-ES": "Traduce un texto y conserva menciones, enlaces, código y formato",
        "fr": "Traduire un texte en gardant mentions, liens, code et mise en forme",
        "de": "Einen Text übersetzen; Erwähnungen, Links, Code und Format bleiben",
        "ja": "メンション、リンク、コード、書式を保ったまま翻訳する",
    },
)  # fmt: skip

FORMAL = Button(Control.REFINE, "More formal", "formal")
FRIENDLY = Button(Control.REFINE, "Friendlier", "friendly")


class Translate:
    """The scenario of /translate: one step a segment, so that each fits a small model."""

    command = COMMAND

    async def plan(self, turn: Turn) -> Plan | Say:
        text, options = turn.options.get("text", ""), dict(turn.options)
        if not text.strip():
            raise UserError(f"I keep nothing of that text. Send it again, for example: {COMMAND.examples[0]}")
        if turn.pressed is not None and turn.pressed.control == Control.REFINE and turn.pressed.value in TONES:
            options["tone"] = turn.pressed.value
        if "to" not in options:
            text, options["to"] = _said_in_words(text, turn.locale)
        if len(text) > MOST_CHARACTERS:
            raise UserError(f"I translate at most {MOST_CHARACTERS:,} characters at once; send that text in parts.")
        source = resolve(options["from"], turn.locale) if options.get("from") else None
        target = resolve(options["to"], turn.locale) if options["to"] else None
        terms = await turn.stores.glossary.terms(scope_of(turn.request), target.code if target else "")
        masked = mask(text, terms)
        if not masked.segments:
            return _without_words(text, masked)
        if len(masked.segments) > MOST_SEGMENTS:
            raise UserError(
                f"That has {len(masked.segments)} lines and sentences; I translate {MOST_SEGMENTS} at once. "
                "Send it in parts."
            )
        guess = await detect(masked.words) if source is None else None
        if guess is not None and guess.sure:
            source = guess.language
        if target is None:
            target = _readers_own(turn, source, text)
            masked = mask(text, await turn.stores.glossary.terms(scope_of(turn.request), target.code))
        if source is not None and source.root == target.root and target.code in (source.code, target.root):
            hint = "" if options.get("from") else " If it is another language, name it with from:."
            return say(f"That is in {target.name} already, so there is nothing to translate.{hint}")
        return _plan(turn, text, masked, source, target, options)


def _said_in_words(text: str, locale: str) -> tuple[str, str]:
    """The text and its target where that is part of it: "into French: Good morning", "Good morning to French"."""
    match = _TO.fullmatch(text.strip())
    if match is None:
        return text, ""
    language = find(match["lead"] or match["tail"], locale)
    return (match["behind"] or match["before"], language.name) if language else (text, "")


def _readers_own(turn: Turn, source: Language | None, text: str) -> Language:
    reader = of_locale(turn.locale)
    if source is None or source.root == reader.root:
        start = " ".join(text.split())
        shown = start if len(start) <= 40 else start[:39] + "…"
        raise UserError(f"Into which language? Say it with to:, for example: /translate {shown} to:French")
    return reader


def _without_words(text: str, masked: Masked) -> Say:
    whole, _ = masked.restore(())
    if whole != text:
        return say(whole, private=False)  # the glossary says it all
    return say("There are no words to translate in that, only mentions, links, numbers or code.")


def _plan(
    turn: Turn, text: str, masked: Masked, source: Language | None, target: Language, options: dict[str, str]
) -> Plan:
    tone = options.get("tone", "neutral")
    heard: dict[int, Restoring] = {}

    def listen(index: int) -> Filter:
        heard[index] = masked.segments[index].filter()
        return heard[index]

    steps = [
        Step(
            prompt(segment.text, source, target, tone),
            replace(
                AGAIN if turn.again else FIRST, max_tokens=_budget(segment.text, target), seed=turn.seed + index,
                source_language=source.code if source else "", target_language=target.code,
            ),
            head=head,
            filter=functools.partial(listen, index),
        )
        for index, (head, segment) in enumerate(zip(masked.heads, masked.segments, strict=True))
    ]  # fmt: skip
    if options.get("note") == "yes":
        sampling = Sampling(temperature=0.3, max_tokens=100, seed=turn.seed, repetition_penalty=1.1)
        reader = of_locale(turn.locale)
        note = Step(note_prompt(text, target, reader), sampling, silent=True, chats=True, task="Writing the note")
        steps.append(note)

    async def finish(texts: Sequence[str]) -> Finished:
        said = [tidied(heard[index].said, segment) for index, segment in enumerate(masked.segments)]
        whole, restored = masked.restore(said)
        doubtful = await doubt(masked.words, mask(whole).words, source, target)
        notes = [*_repairs(restored), *([doubtful] if doubtful else [])]
        if len(texts) > len(masked.segments) and texts[-1].strip():
            notes.append(texts[-1].strip())
        return Finished(whole, notes=tuple(notes))

    buttons = tuple(button for button in (FORMAL, FRIENDLY) if button.value != tone)
    return Plan(tuple(steps), finish, buttons, question=f"Translate into {target.name}: {text}")


def prompt(text: str, source: Language | None, target: Language, tone: str = "neutral") -> tuple[Message, ...]:
    """What a model reads for one segment."""
    task = TASK.format(
        source=SOURCE.format(source=source.name) if source else "", target=target.name, tone=TONES.get(tone, "")
    )
    sources = EXAMPLES.get(source.root if source else "en", ())
    targets = EXAMPLES.get(target.root, ()) if source or target.root != "en" else ()
    shown = [
        message
        for question, answer in zip(sources, targets, strict=False)
        for message in (Message("user", question), Message("assistant", answer))
    ]
    return (Message("system", task), *shown, Message("user", text))


def note_prompt(text: str, target: Language, reader: Language) -> tuple[Message, ...]:
    """What a model reads for the note on tone and custom."""
    task = NOTE_TASK.format(language=reader.name)
    return Message("system", task), Message("user", NOTE.format(target=target.name, text=text[:600]))


def tidied(said: str, segment: Segment) -> str:
    """A model's answer without the label or the quotation marks it likes to put around one."""
    said = said.strip()
    if ":" not in segment.text:
        said = _LABEL.sub("", said)
    if len(said) > 2 and _QUOTES.get(said[0]) == said[-1] and said[0] != segment.text[:1]:
        said = said[1:-1]
    return said


def _budget(text: str, target: Language) -> int:
    """Tokens enough for a translation of `text`, few enough that a model that runs on is stopped."""
    wide = not text.isascii() or target.root not in ("en", "fr", "es", "de", "it", "pt", "nl")
    return min(640, 32 + len(text) * (3 if wide else 1))


def _repairs(restored: Sequence[Restored]) -> list[str]:
    lost = [token for piece in restored for token in piece.lost]
    notes = []
    if lost:
        some = "one mark" if len(lost) == 1 else f"{len(lost)} marks"
        notes.append(f"The model dropped {some} of yours; I put back what was lost, perhaps not in the best place.")
    if any(piece.kept for piece in restored):
        notes.append("A part came back unusable, so it stays as you wrote it.")
    return notes
