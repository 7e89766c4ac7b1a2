"""/story: stories, scripts, poems and role-play that go on turn by turn, and are taken home as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.commands import Choice, Command, Option
from bot.controls import CONTINUE, EDIT, UNDO, Button, Control
from bot.database import now
from bot.errors import UserError
from bot.request import Attachment, one_line
from bot.scenarios.asides import is_aside, is_question
from bot.scenarios.characters import BUILT_IN, MOST_BYTES, Character, described, read_card
from bot.scenarios.course import Course, course_of, goes_on
from bot.scenarios.languages import of_locale
from bot.scenarios.manuscript import exported
from bot.scenarios.telling import ENTER, IN_ROLE, Wish, played, told
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Turn
from bot.turns import TurnRow
from models.engine import Message

LASTS = timedelta(hours=24)
"""Plain words after a longer pause than this are talk again, not the story's next turn."""
KEPT = "character."
LINES = 6
"""So many exchanges of a role-play are read again."""
GENRES = (
    "fantasy", "adventure", "mystery", "science fiction", "fairy tale", "horror", "comedy", "romance", "historical",
    "detective", "western", "fable",
)  # fmt: skip

EXPORT = Button(Control.EXPORT, "Export")
BUTTONS = (CONTINUE, UNDO, EDIT, EXPORT)


def suggest_genre(typed: str, locale: str) -> list[Choice]:
    return [Choice(genre, genre) for genre in GENRES if typed.lower() in genre]


def suggest_persona(typed: str, locale: str) -> list[Choice]:
    return [Choice(one.name, f"{one.name}, {one.description}"[:100]) for one in BUILT_IN
            if typed.lower() in one.name.lower()]  # fmt: skip


COMMAND = Command(
    name="story",
    description="Begin a story, a script, a poem or a role-play",
    options=(
        Option(
            "theme",
            "What it is about",
            rest=True,
            names={"zh-CN": "主题", "es-ES": "tema", "fr": "theme", "de": "thema", "ja": "テーマ"},
            descriptions={
                "zh-CN": "讲什么",
                "es-ES": "De qué trata",
                "fr": "De quoi il s'agit",
                "de": "Worum es geht",
                "ja": "何についての話か",
            },
        ),
        Option(
            "form",
            "What it becomes",
            kind="choice",
            choices=(
                Choice("story", "Story"),
                Choice("script", "Script"),
                Choice("poem", "Poem"),
                Choice("roleplay", "Role-play"),
            ),
            names={"zh-CN": "形式", "es-ES": "forma", "fr": "forme", "de": "form", "ja": "形式"},
            descriptions={
                "zh-CN": "故事、剧本、诗或角色扮演",
                "es-ES": "Cuento, guion, poema o juego de rol",
                "fr": "Histoire, scénario, poème ou jeu de rôle",
                "de": "Geschichte, Szene, Gedicht oder Rollenspiel",
                "ja": "物語、脚本、詩、ロールプレイ",
            },
        ),
        Option(
            "genre",
            "Its genre, such as fantasy",
            suggest=suggest_genre,
            names={"zh-CN": "体裁", "es-ES": "genero", "fr": "genre", "de": "genre", "ja": "ジャンル"},
            descriptions={
                "zh-CN": "体裁，例如奇幻",
                "es-ES": "El género, por ejemplo fantasía",
                "fr": "Le genre, par exemple fantastique",
                "de": "Das Genre, etwa Fantasy",
                "ja": "ジャンル（例：ファンタジー）",
            },
        ),
        Option(
            "characters",
            "Who is in it, with commas between",
            names={"zh-CN": "人物", "es-ES": "personajes", "fr": "personnages", "de": "figuren", "ja": "登場人物"},
            descriptions={
                "zh-CN": "出场人物，用逗号分隔",
                "es-ES": "Quién aparece, separado por comas",
                "fr": "Qui y figure, séparé par des virgules",
                "de": "Wer vorkommt, durch Kommas getrennt",
                "ja": "登場人物（カンマ区切り）",
            },
        ),
        Option(
            "persona",
            "Whom I play: a name, or “Nia: a shy botanist”; or attach a character card",
            suggest=suggest_persona,
            names={"zh-CN": "角色", "es-ES": "papel", "fr": "role", "de": "rolle", "ja": "役"},
            descriptions={
                "zh-CN": "我扮演谁：名字，或“尼娅：害羞的植物学家”",
                "es-ES": "A quién interpreto: un nombre, o «Nia: una botánica tímida»",
                "fr": "Qui je joue : un nom, ou « Nia : une botaniste timide »",
                "de": "Wen ich spiele: ein Name, oder „Nia: eine scheue Botanikerin“",
                "ja": "演じる役：名前、または「ニア：内気な植物学者」",
            },
        ),
        Option(
            "action",
            "Go on with the last story here, or export it",
            kind="choice",
            choices=(Choice("continue", "Continue"), Choice("export", "Export")),
            names={"zh-CN": "操作", "es-ES": "accion", "fr": "action", "de": "aktion", "ja": "操作"},
            descriptions={
                "zh-CN": "继续这里的上一个故事，或导出",
                "es-ES": "Seguir con el último cuento de aquí, o exportarlo",
                "fr": "Continuer la dernière histoire ici, ou l'exporter",
                "de": "Die letzte Geschichte hier fortsetzen oder exportieren",
                "ja": "ここでの最後の話を続ける、または書き出す",
            },
        ),
    ),
    examples=(
        "/story a shy dragon who is afraid of fire",
        "/story form:poem the sea in winter",
        "/story form:script characters:\"Anna, Ben\" a lost key",
        '/story persona:"Captain Mara" a harbour tavern at night',
        "/story action:export",
    ),
    help=(
        "Afterwards simply write what should happen next, or press Continue. Retry keeps the earlier version, "
        "Undo takes the last part back, Edit lets you change it."
    ),
    names={"zh-CN": "故事", "es-ES": "cuento", "fr": "histoire", "de": "geschichte", "ja": "物語"},
    descriptions={
        "zh-CN": "开始一个故事、剧本、诗或角色扮演",
        "es-ES": "Empieza un cuento, un guion, un poema o un juego de rol",
        "fr": "Commencer une histoire, un scénario, un poème ou un jeu de rôle",
        "de": "Beginne eine Geschichte, eine Szene, ein Gedicht oder ein Rollenspiel",
        "ja": "物語、脚本、詩、ロールプレイを始める",
    },
)  # fmt: skip


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
        if turn.options.get("persona") or turn.options.get("form") == "roleplay":
            character = await self._character(turn, turn.options)
            if character.greeting and not turn.text:
                return Say(Finished(character.greeting, buttons=(UNDO, EDIT, EXPORT)), remember=True)
            scene = f"{turn.text[:1].upper()}{turn.text[1:]}. {ENTER}" if turn.text else ""
            return _playing(turn, character, (), scene)
        if not turn.text:
            raise UserError(f"/story needs a theme. For example: {COMMAND.examples[0]}")
        return _telling(turn, _wish(turn, turn.options, turn.text), (), "")

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


def _telling(turn: Turn, wish: Wish, parts: Sequence[str], words: str) -> Plan:
    step = told(wish, parts, words, turn.summary, turn.seed)

    def finish(texts: Sequence[str]) -> Finished:
        text = texts[0].strip().rstrip(",;")
        if not text:
            return Finished("Nothing new came to me there. Press Retry, or write what should happen next.")
        return Finished(text, buttons=BUTTONS)

    return Plan((step,), finish=finish, question=words or (turn.text if not parts else "Go on."))


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
