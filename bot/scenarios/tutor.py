"""/tutor: lessons with hints before answers, practice in a language, and the cards that come of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.commands import Choice, Command, Option
from bot.controls import Control
from bot.database import now
from bot.errors import UserError
from bot.scenarios import exercise, lesson, practice, quiz, reminding
from bot.scenarios.asides import is_aside
from bot.scenarios.course import Course, course_of, goes_on
from bot.scenarios.lesson import MORE, Lesson
from bot.scenarios.sentences import split, words
from bot.scenarios.solutions import solution
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Turn
from bot.turns import TurnRow
from models.engine import Message

LEVEL = "tutor.level"
LASTS = timedelta(hours=6)
"""Plain words after a longer pause than this are talk again, not an answer to the last check question."""
COMPARED = "Compare it with the lesson"
SUBJECTS = (
    "math", "physics", "chemistry", "biology", "history", "geography", "programming", "English", "French", "German",
    "Spanish", "Italian", "Portuguese", "Japanese", "Chinese", "music", "economics",
)  # fmt: skip


def suggest_subject(typed: str, locale: str) -> list[Choice]:
    return [Choice(subject, subject) for subject in SUBJECTS if subject.lower().startswith(typed.lower())]


COMMAND = Command(
    name="tutor",
    description="Learn something: a hint first, then the steps, then a question for you",
    options=(
        Option(
            "subject",
            "What it belongs to: math, history, French",
            lead=True,
            suggest=suggest_subject,
            names={"zh-CN": "科目", "es-ES": "materia", "fr": "matiere", "de": "fach", "ja": "科目"},
            descriptions={
                "zh-CN": "所属科目：数学、历史、法语",
                "es-ES": "A qué pertenece: matemáticas, historia, francés",
                "fr": "La matière : maths, histoire, anglais",
                "de": "Wozu es gehört: Mathe, Geschichte, Französisch",
                "ja": "科目：数学、歴史、フランス語など",
            },
        ),
        Option(
            "question",
            "What you want to understand, or your words in practice",
            rest=True,
            names={"zh-CN": "问题", "es-ES": "pregunta", "fr": "question", "de": "frage", "ja": "質問"},
            descriptions={
                "zh-CN": "你想弄懂的问题，或练习时说的话",
                "es-ES": "Lo que quieres entender, o tus palabras al practicar",
                "fr": "Ce que vous voulez comprendre, ou vos mots pour pratiquer",
                "de": "Was du verstehen willst, oder deine Worte beim Üben",
                "ja": "知りたいこと、または練習で話すこと",
            },
        ),
        Option(
            "level",
            "How far you are",
            kind="choice",
            choices=tuple(Choice(level, level) for level in lesson.LEVELS),
            names={"zh-CN": "水平", "es-ES": "nivel", "fr": "niveau", "de": "niveau", "ja": "レベル"},
            descriptions={
                "zh-CN": "你的水平",
                "es-ES": "Tu nivel",
                "fr": "Votre niveau",
                "de": "Wie weit du bist",
                "ja": "あなたのレベル",
            },
        ),
        Option(
            "mode",
            "A lesson, only hints, practice in a language, a quiz of your cards, or the cards themselves",
            kind="choice",
            choices=(
                Choice("lesson", "Lesson"),
                Choice("hints", "Only hints at first"),
                Choice("practice", "Practise a language"),
                Choice("quiz", "Quiz me"),
                Choice("cards", "My cards"),
                Choice("export", "Export my cards"),
            ),
            names={"zh-CN": "模式", "es-ES": "modo", "fr": "mode", "de": "modus", "ja": "モード"},
            descriptions={
                "zh-CN": "讲解、只给提示、语言练习、测验、卡片或导出",
                "es-ES": "Lección, solo pistas, práctica, examen, tarjetas o exportar",
                "fr": "Leçon, indices, pratique, quiz, cartes ou export",
                "de": "Lektion, nur Hinweise, Üben, Quiz, Karten oder Export",
                "ja": "レッスン、ヒントのみ、練習、クイズ、カード、書き出し",
            },
        ),
        reminding.OPTION,
        Option(
            "private",
            "Whether you alone see it; /tutor then goes on by buttons",
            kind="boolean",
            names={"zh-CN": "仅自己", "es-ES": "privado", "fr": "prive", "de": "privat", "ja": "非公開"},
            descriptions={
                "zh-CN": "只有你能看到；之后用按钮继续",
                "es-ES": "Si solo lo ves tú; entonces se sigue con los botones",
                "fr": "Visible par vous seul ; la suite se fait avec les boutons",
                "de": "Ob nur du es siehst; dann geht es mit den Knöpfen weiter",
                "ja": "自分だけに表示し、続きはボタンで進めます",
            },
        ),
    ),
    examples=(
        "/tutor math: solve 2x + 3 = 11",
        "/tutor biology: what is photosynthesis?",
        "/tutor subject:English mode:practice I goed to the park yesterday",
        "/tutor mode:quiz",
    ),
    help=(
        "After a lesson, simply write your answer or another question. In practice your mistakes become cards, "
        'and mode:quiz asks for them again when they are due; daily:"18:00 Europe/Paris" has them come to you.'
    ),
    names={"zh-CN": "家教", "es-ES": "tutor", "fr": "tuteur", "de": "lernen", "ja": "家庭教師"},
    descriptions={
        "zh-CN": "学习：先提示，再步骤，最后提问",
        "es-ES": "Aprende: primero una pista, luego los pasos, luego una pregunta",
        "fr": "Apprendre : un indice, puis les étapes, puis une question",
        "de": "Lernen: erst ein Hinweis, dann die Schritte, dann eine Frage",
        "ja": "学ぶ：まずヒント、次に手順、最後に確認の質問",
    },
)


class Tutor:
    """The scenario of /tutor."""

    @property
    def command(self) -> Command:
        return COMMAND

    def continues(self, previous: TurnRow, said: str) -> bool:
        """Plain words after a lesson, in practice and in a quiz are the student's; of a lesson, no greeting is."""
        mode = previous.options.get("mode", "")
        alone = previous.options.get("private") == "yes"
        if alone or mode in ("cards", "export") or now() - previous.created > LASTS:
            return False
        if mode == "quiz":
            return any(mark in previous.answer for mark in (quiz.CARD, quiz.HOW_WELL))
        taught = any(mark in previous.answer for mark in (lesson.HINT, lesson.YOUR_TURN, lesson.STEPS, COMPARED))
        return not (taught and is_aside(said))

    async def plan(self, turn: Turn) -> Plan | Say:
        if turn.pressed is not None:
            return await self._pressed(turn, turn.pressed.control, turn.pressed.value)
        if goes_on(turn, "tutor"):
            assert turn.previous is not None
            return await self._going_on(turn, await course_of(turn, turn.previous))
        if turn.options.get("daily"):
            return await reminding.daily(turn)
        mode, subject = turn.options.get("mode", "lesson"), turn.options.get("subject", "")
        if mode == "quiz":
            return await quiz.ask(turn, subject)
        if mode == "cards":
            return await quiz.deck(turn, subject, turn.text)
        if mode == "export":
            return await quiz.export(turn, subject)
        level = turn.options.get("level") or await turn.stores.members.preference(turn.request.user, LEVEL, "")
        if mode == "practice":
            return practice.begin(turn, subject, level)
        if not turn.text:
            raise UserError(f"/tutor needs a question. For example: {COMMAND.examples[0]}")
        return _with_level(turn, _lesson(turn, Lesson(subject, turn.text, level, guided=mode == "hints")))

    async def _going_on(self, turn: Turn, course: Course) -> Plan | Say:
        mode, subject = course.options.get("mode", "lesson"), course.options.get("subject", "")
        level = course.options.get("level", "")
        if mode == "practice":
            return practice.reply(turn, course, subject, level)
        if mode == "quiz":
            return await quiz.typed(turn, course, subject)
        pending = exercise.pending_problem(course)
        asked = solution(turn.text)
        if pending is not None and not exercise.is_problem(asked, turn.text):
            return exercise.judged(turn, pending)
        if asked is None and not exercise.asks(turn.text):
            return _compared(course, turn.text)
        return _lesson(turn, Lesson(subject, turn.text, level, guided=mode == "hints", before=_before(course.rows)))

    async def _pressed(self, turn: Turn, control: str, value: str) -> Plan | Say:
        assert turn.pressed is not None
        course = await course_of(turn, turn.pressed.turn)
        subject, level = course.options.get("subject", ""), course.options.get("level", "")
        question = question_of(course)
        if control == Control.CARD and value == "keep":
            return _kept(question, course.last.answer, subject)
        if control == Control.CARD:
            return await quiz.pressed(turn, value)
        pending = exercise.pending_problem(course)
        if control == Control.CONTINUE and value == "another" and pending is not None:
            return exercise.next_problem(turn, pending)
        if control == Control.CONTINUE and value.startswith("step:") and pending is not None:
            return exercise.next_step(pending, int(value.removeprefix("step:")))
        if control == Control.CONTINUE and value == "solution" and pending is not None:
            return Say(Finished(lesson.steps_of(pending), buttons=(MORE,)), remember=True)
        if control in (Control.CONTINUE, Control.REFINE) and course.options.get("mode") != "practice":
            easier = "beginner" if control == Control.REFINE else level
            before = _before(row for row in course.rows if row.question != question and row.number < course.last.number)
            return replace(lesson.taught(turn, Lesson(subject, question, easier, before=before)), question=question)
        raise UserError("That button does nothing under this answer.")


def _lesson(turn: Turn, wanted: Lesson) -> Plan | Say:
    solved = solution(wanted.question)
    if solved is None:
        return lesson.taught(turn, wanted)
    if not wanted.guided:
        return lesson.worked_out(turn, solved, wanted.level)
    return exercise.given(solved)


def _before(rows: Iterable[TurnRow]) -> tuple[Message, ...]:
    """The last of `rows` that is a lesson, as the model reads it."""
    lessons = [row for row in rows if lesson.STEPS in row.answer]
    if not lessons:
        return ()
    return Message("user", lessons[-1].question), Message(
        "assistant", " ".join(lesson.steps_in(lessons[-1].answer).split())
    )


def _compared(course: Course, said: str) -> Say:
    """The student's answer beside the sentence of the lesson that is nearest. No verdict: words may differ."""
    taught = next((row.answer for row in reversed(course.rows) if lesson.STEPS in row.answer), "")
    asked = taught.partition(lesson.CHECK)[2]
    named, wanted = _content(said), _content(said + " " + asked)
    sentences = split(lesson.steps_in(taught))
    if not sentences:
        return Say(
            Finished("Good. Press the button above for the whole answer, and compare it with yours."), remember=True
        )
    nearest = max(sentences, key=lambda sentence: len(wanted & _content(sentence)))
    shared = [word for word in dict.fromkeys(words(nearest)) if word in named]
    first = f"You named {', '.join(shared)}. " if shared else ""
    text = f"{first}{COMPARED}:\n> {nearest}\n\nWhich part did you have, and which is new?"
    return Say(Finished(text), remember=True)


def _content(text: str) -> set[str]:
    return {word for word in words(text) if len(word) > 3}


def _kept(question: str, answer: str, subject: str) -> Say:
    kept = quiz.Kept(question, lesson.steps_in(answer) or answer, subject=subject)
    return Say(Finished("Kept as a card. /tutor mode:quiz asks you when it is due.", records=(kept,)), private=True)


def question_of(course: Course) -> str:
    """What the newest lesson of the course was about."""
    for row in reversed(course.rows):
        if "@control" not in row.options and (lesson.HINT in row.answer) and row.question:
            return row.question
    return course.options.get("question", "") or course.last.question


@dataclass(frozen=True, slots=True)
class PreferredLevel:
    """Remembers the level a person chose, for their next lesson."""

    level: str

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.members.prefer(turn.request.user, LEVEL, self.level)


def _with_level(turn: Turn, outcome: Plan | Say) -> Plan | Say:
    """The outcome, with a level given in the command remembered."""
    if not turn.options.get("level"):
        return outcome
    record = PreferredLevel(turn.options["level"])
    if isinstance(outcome, Say):
        return replace(outcome, finished=replace(outcome.finished, records=(*outcome.finished.records, record)))
    finish = outcome.finish
    assert finish is not None

    async def finish_with_level(texts: Sequence[str]) -> Finished:
        made = finish(texts)
        finished = await made if inspect.isawaitable(made) else made
        return replace(finished, records=(*finished.records, record))

    return replace(outcome, finish=finish_with_level)
