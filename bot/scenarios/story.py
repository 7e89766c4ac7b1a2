"""/story: stories, scripts, poems and role-play that go on turn by turn, and are taken home as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.commands import Command
from bot.controls import CONTINUE, EDIT, UNDO, Control
from bot.database import now
from bot.errors import UserError
from bot.request import Attachment, one_line
from bot.scenarios.ages import decent, permit
from bot.scenarios.asides import is_aside, is_question
from bot.scenarios.characters import BUILT_IN, MOST_BYTES, Character, described, read_card
from bot.scenarios.course import Course, course_of, goes_on
from bot.scenarios.dice import line_of, rolled, told_of, without_dice
from bot.scenarios.languages import of_locale
from bot.scenarios.manuscript import exported
from bot.scenarios.party import Rule
from bot.scenarios.story_command import COMMAND
from bot.scenarios.telling import ENTER, IN_ROLE, Wish, played, told
from bot.scenarios.together import EXPORT, PARTY, Telling, acted, course_of_party, opened
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Step, Turn
from bot.turns import TurnRow
from models.engine import Message

LASTS = timedelta(hours=24)
"""Plain words after a longer pause than this are talk again, not the story's next turn."""
KEPT = "character."
LINES = 6
"""So many exchanges of a role-play are read again."""
BUTTONS = (CONTINUE, UNDO, EDIT, EXPORT)


@dataclass(frozen=True, slots=True)
class KeptCharacter:
    """Keeps a character that came as a card, among what the person has set for themselves."""

    character: Character

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.members.prefer(turn.request.user, KEPT + self.character.key, self.character.as_json())


class Story:
    """The scenario of /story."""

    @property
    def command(self) -> Command:
        return COMMAND

    def continues(self, previous: TurnRow, said: str) -> bool:
        """Plain words after a story are what happens next; a poem is whole as it stands.

        A greeting, a question or a word about oneself is talk, but to a character that is being played.
        """
        if previous.options.get("form") == "poem" or now() - previous.created > LASTS:
            return False
        # What comes later in a role-play has no options of its own, and its prompt tells.
        playing = previous.options.get("persona") or previous.options.get("form") == "roleplay"
        playing = playing or any(IN_ROLE in message["content"] for prompt in previous.prompt for message in prompt)
        return bool(playing) or not (is_aside(said) or is_question(said))

    async def plan(self, turn: Turn) -> Plan | Say:
        """What comes next, within what the readers' ages and the server's lines allow."""
        asked = [turn.text, *(value for name, value in turn.options.items() if not name.startswith("@"))]
        permit(asked, adult=turn.request.adult, lines=turn.server.lines)
        plan = await self._plan(turn)
        return (
            plan if isinstance(plan, Say) else replace(plan, steps=tuple(_kept_decent(turn, one) for one in plan.steps))
        )

    async def _plan(self, turn: Turn) -> Plan | Say:
        if PARTY in turn.options or (turn.pressed is not None and turn.pressed.control == Control.PARTY):
            return await acted(turn, lambda course: _together(turn, course))
        if turn.pressed is not None and turn.pressed.control == Control.EXPORT and turn.pressed.value:
            return exported(await course_of_party(turn.stores, turn.pressed.value))
        if turn.pressed is not None:
            course = await course_of(turn, turn.pressed.turn)
            if turn.pressed.control == Control.EXPORT:
                return exported(course)
            if turn.pressed.control == Control.CONTINUE:
                return await self._next(turn, course, "")
            raise UserError("That button does nothing under this answer.")
        if goes_on(turn, "story"):
            assert turn.previous is not None
            return await self._next(turn, await course_of(turn, turn.previous), turn.text)
        action = turn.options.get("action")
        if action:
            course = await self._latest(turn)
            return exported(course) if action == "export" else await self._next(turn, course, turn.text)
        return await self._begin(turn)

    async def _begin(self, turn: Turn) -> Plan | Say:
        card = next((one for one in turn.request.attachments if _is_card(one)), None)
        if card is not None:
            return await _kept(card)
        alone = turn.options.get("persona") or turn.options.get("form") in ("roleplay", "poem")
        if alone and turn.options.get("party"):
            raise UserError("Several can tell a story or a script; a poem and a role-play are for one.")
        if turn.options.get("persona") or turn.options.get("form") == "roleplay":
            character = await self._character(turn, turn.options)
            if character.greeting and not turn.text:
                return Say(Finished(character.greeting, buttons=(UNDO, EDIT, EXPORT)), remember=True)
            scene = f"{turn.text[:1].upper()}{turn.text[1:]}. {ENTER}" if turn.text else ""
            return _playing(turn, character, (), scene)
        if not turn.text:
            raise UserError(f"/story needs a theme. For example: {COMMAND.examples[0]}")
        rule = turn.options.get("party")
        if rule and not turn.request.place.server:
            raise UserError("A story for several is told in a server's channel; here we are alone.")
        return _telling(turn, _wish(turn, turn.options, turn.text), (), "", Rule(rule) if rule else None)

    async def _next(self, turn: Turn, course: Course, words: str) -> Plan | Say:
        options = course.options
        if options.get("persona") or options.get("form") == "roleplay":
            character = await self._character(turn, options)
            history: list[Message] = []
            for row in course.rows[-LINES:]:
                history += [Message("user", row.question or "…"), Message("assistant", row.answer)]
            return _playing(turn, character, tuple(history), words or "*waits*")
        theme = options.get("theme") or course.rows[0].question
        return _telling(turn, _wish(turn, options, theme), tuple(row.answer for row in course.rows), words)

    async def _character(self, turn: Turn, options: Mapping[str, str]) -> Character:
        words = options.get("persona") or BUILT_IN[0].name
        kept = await turn.stores.members.preference(turn.request.user, KEPT + Character(words, "").key)
        return Character.from_json(kept) if kept else described(words)

    async def _latest(self, turn: Turn) -> Course:
        """The course of the last story in this conversation. Raises UserError."""
        if turn.previous is not None:
            rows = await turn.stores.turns.recent(turn.previous.conversation, most=400)
            row = next((row for row in rows if row.scenario == "story" and row.answer), None)
            if row is not None:
                return await course_of(turn, row)
        raise UserError(f"There is no story here yet. Begin one: {COMMAND.examples[0]}")


def _telling(turn: Turn, wish: Wish, parts: Sequence[str], words: str, rule: Rule | None = None) -> Plan:
    """The next part of a story; with a `rule`, the first part of one for several players."""
    rolls = rolled(words, f"{turn.first_id or turn.seed}{len(parts)}")
    head = line_of(rolls)
    step = replace(_step(turn, wish, parts, f"{words}{told_of(rolls)}", turn.summary), head=head)

    def finish(texts: Sequence[str]) -> Finished:
        text = texts[0].strip().rstrip(",;")
        if not text:
            return Finished("Nothing new came to me there. Press Retry, or write what should happen next.")
        finished = Finished(f"{head}{text}", buttons=BUTTONS)
        return opened(finished, rule, wish.theme, turn) if rule else finished

    return Plan((step,), finish=finish, question=words or (turn.text if not parts else "Go on."))


def _together(turn: Turn, course: Course) -> Telling:
    """How the next part of a story for several is asked for."""
    wish = _wish(turn, course.options, course.options.get("theme") or course.rows[0].question)
    return lambda parts, words, head: replace(_step(turn, wish, parts, words, ""), head=head)


def _step(turn: Turn, wish: Wish, parts: Sequence[str], words: str, summary: str) -> Step:
    return told(wish, [without_dice(part) for part in parts], words, summary, turn.seed)


def _kept_decent(turn: Turn, step: Step) -> Step:
    inner = step.filter
    if inner is None:
        return step
    return replace(step, filter=lambda: decent(inner(), adult=turn.request.adult, lines=turn.server.lines))


def _playing(turn: Turn, character: Character, history: tuple[Message, ...], words: str) -> Plan:
    step = played(character, history, words, turn.summary, _language(turn), turn.seed)

    def finish(texts: Sequence[str]) -> Finished:
        text = _unnamed(texts[0].strip(), character.name)
        return Finished(text or "*says nothing, and waits*", buttons=BUTTONS)

    return Plan((step,), finish=finish, question=words)


def _unnamed(text: str, name: str) -> str:
    """What a character says, without its own name in front."""
    return re.sub(rf"^(?:\*\*)?{re.escape(name)}(?:\*\*)?:\s*(?:\*\*)?", "", text)


def _wish(turn: Turn, options: Mapping[str, str], theme: str) -> Wish:
    return Wish(
        one_line(theme, 400),
        options.get("form", "story"),
        options.get("genre", ""),
        one_line(options.get("characters", ""), 300),
        _language(turn),
    )


def _language(turn: Turn) -> str:
    reader = of_locale(turn.locale)
    return "" if reader.code == "en" else reader.name


def _is_card(attachment: Attachment) -> bool:
    return attachment.name.lower().endswith((".json", ".png"))


async def _kept(card: Attachment) -> Say:
    if card.size > MOST_BYTES:
        raise UserError("That character card is larger than 4 MB, so I did not read it.")
    character = read_card(await card.read())
    text = f'I know {character.name} now. Begin with /story persona:"{character.name}"'
    return Say(Finished(text, records=(KeptCharacter(character),)), private=True)
