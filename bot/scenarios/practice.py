"""Practice in /tutor: a chat in the language that is learned, with corrections beside it that become cards."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import UserError
from bot.scenarios.corrections import Correction, corrected
from bot.scenarios.course import Course
from bot.scenarios.languages import Language, find
from bot.scenarios.lesson import few_shot
from bot.scenarios.quiz import Kept
from bot.scenarios.sentences import Once, Sieve, split
from bot.turn import Finished, Plan, Say, Step, Turn
from models.engine import Message, Sampling

CORRECTIONS = "**Corrections**"
CHAT = (
    "You are a friendly {language} teacher who chats with a student in {language}.{level} "
    "You answer in one or two short sentences and ask one question."
)
LEVELS = {
    "beginner": " Use only very easy words and short sentences.",
    "A1": " Use only very easy words and short sentences.",
    "A2": " Use easy words and short sentences.",
    "B1": " Use everyday words.",
    "advanced": " Use rich, idiomatic language.",
    "C1": " Use rich, idiomatic language.",
}
MOST_TOKENS = {"beginner": 40, "A1": 40, "A2": 50, "B2": 90, "advanced": 120, "C1": 120}
CORRECT = (
    "You correct the grammar of {language} sentences. Change as few words as you can. "
    "If there is no mistake, repeat the sentence."
)
EXAMPLES = {
    "en": (
        ("He go to school yesterday.", "He went to school yesterday."),
        ("I like this book.", "I like this book."),
        ("She have two childs and a old dog.", "She has two children and an old dog."),
        ("We are live here since 2010.", "We have lived here since 2010."),
        ("The weather is nice today.", "The weather is nice today."),
        ("I am interesting in history", "I am interested in history."),
    ),
    "fr": (
        ("Je suis allé a la plage.", "Je suis allé à la plage."),
        ("J'aime ce livre.", "J'aime ce livre."),
        ("Les enfants est dans le jardin.", "Les enfants sont dans le jardin."),
        ("Elle a un grand maison.", "Elle a une grande maison."),
    ),
    "es": (
        ("Yo tengo dos hermano.", "Yo tengo dos hermanos."),
        ("Me gusta este libro.", "Me gusta este libro."),
        ("La casa es muy bonito.", "La casa es muy bonita."),
        ("Ellos va a la escuela.", "Ellos van a la escuela."),
    ),
    "de": (
        ("Ich habe ein Hund und eine Katze.", "Ich habe einen Hund und eine Katze."),
        ("Das Wetter ist heute schön.", "Das Wetter ist heute schön."),
        ("Wir bin gestern ins Kino gegangen.", "Wir sind gestern ins Kino gegangen."),
        ("Er hat nach Berlin gefahren.", "Er ist nach Berlin gefahren."),
    ),
}
OPENERS = {
    "en": "Hello. What did you do yesterday?",
    "fr": "Bonjour. Qu'est-ce que vous avez fait hier ?",
    "es": "Hola. ¿Qué hiciste ayer?",
    "de": "Hallo. Was haben Sie gestern gemacht?",
    "it": "Ciao. Che cosa hai fatto ieri?",
    "pt": "Olá. O que você fez ontem?",
    "nl": "Hallo. Wat heb je gisteren gedaan?",
    "ja": "こんにちは。昨日は何をしましたか。",
    "zh": "你好。你昨天做了什么？",
}
REMEMBERED = 3
"""So many exchanges of the practice are shown to the model: more makes a small one lose the thread."""
MOST_SENTENCES, MOST_CHARACTERS = 3, 300
"""Of a longer message only the first sentences are corrected, and none that is longer than this."""


def begin(turn: Turn, subject: str, level: str) -> Plan | Say:
    """The first turn: an opening question, or the answer to what was said at once."""
    spoken = find(subject, turn.locale) if subject else None
    if spoken is None:
        raise UserError("Name the language to practise. For example: /tutor subject:French mode:practice")
    if turn.text:
        return _exchange(turn, spoken, level, ())
    opener = OPENERS.get(spoken.root)
    if opener is not None:
        return Say(Finished(opener), remember=True)
    ask = Message("user", f"Greet me in {spoken.name} and ask me one easy question.")
    prompt = (Message("system", _chat(spoken, level)), ask)
    step = Step(prompt, Sampling(0.5, 0.9, 50, seed=turn.seed), filter=lambda: Sieve(lambda _: True, most=2))
    return Plan((step,))


def reply(turn: Turn, course: Course, subject: str, level: str) -> Plan | Say:
    """The next exchange of a practice that is under way."""
    spoken = find(subject, turn.locale)
    if spoken is None:
        raise UserError("I lost track of the language. Begin again with /tutor subject:French mode:practice")
    history: list[Message] = []
    for row in course.rows[-REMEMBERED:]:
        said = row.answer.partition(CORRECTIONS)[0].strip()
        # The command that began a practice without words is no message to the teacher.
        history += [Message("user", row.question or "Hello"), Message("assistant", said)]
    return _exchange(turn, spoken, level, tuple(history))


def _exchange(turn: Turn, spoken: Language, level: str, history: tuple[Message, ...]) -> Plan:
    said = "\n".join(message.content for message in history if message.role == "assistant")
    sources = [sentence for sentence in split(turn.text) if len(sentence) <= MOST_CHARACTERS][:MOST_SENTENCES]
    chat = Step(
        (Message("system", _chat(spoken, level)), *history, Message("user", turn.text)),
        Sampling(0.6, 0.9, MOST_TOKENS.get(level, 70), seed=turn.seed, repetition_penalty=1.05),
        filter=lambda: Once(said, most=4),
    )
    # Sentence by sentence: of two together a small model mends one and forgets the other.
    correct = tuple(
        Step(
            correction_prompt(spoken, source),
            Sampling(0.0, max_tokens=120, stop=("\n",), seed=turn.seed),
            silent=True,
            task="Looking for mistakes",
        )
        for source in sources
    )

    def finish(texts: Sequence[str]) -> Finished:
        answer = texts[0].strip() or OPENERS.get(spoken.root, "…")
        pairs = zip(sources, texts[1:], strict=True)
        found = [(source, corrected(source, text, english=spoken.root == "en")) for source, text in pairs]
        mended = [(source, correction) for source, correction in found if correction is not None]
        if not mended:
            return Finished(answer)
        records = tuple(card_of(source, correction, spoken) for source, correction in mended)
        return Finished(f"{answer}\n\n{beside([correction for _, correction in mended])}", records=records)

    return Plan((chat, *correct), finish=finish)


def _chat(spoken: Language, level: str) -> str:
    return CHAT.format(language=spoken.name, level=LEVELS.get(level, ""))


def correction_prompt(spoken: Language, source: str) -> tuple[Message, ...]:
    """Asks for a sentence with its mistakes mended and nothing else changed."""
    return few_shot(CORRECT.format(language=spoken.name), EXAMPLES.get(spoken.root, EXAMPLES["en"]), source)


def beside(found: Sequence[Correction]) -> str:
    """The corrections as they stand under the answer."""
    lines = [f"- {change.shown} ({change.why})" for one in found for change in one.changes]
    return "\n".join((CORRECTIONS, *lines, "", *(f"> {one.text}" for one in found)))


def card_of(source: str, found: Correction, spoken: Language) -> Kept:
    """The mistake as a card: the sentence as it was said, how it should read, and why."""
    why = "; ".join(f"{change.shown}: {change.why}" for change in found.changes)
    return Kept(f"Correct: {source}", found.text, why, spoken.name)
