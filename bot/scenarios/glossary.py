"""Glossaries: how a server wants its terms translated, or left alone. Owner of the table `glossary`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.commands import Command, Option, choices
from bot.database import Database, Moment, metadata, now
from bot.errors import UserError
from bot.request import Request, one_line
from bot.scenarios.languages import Language, resolve, suggest
from bot.turn import Say, Turn, say

glossary = sa.Table(
    "glossary",
    metadata,
    sa.Column("scope", sa.String(120), primary_key=True),
    sa.Column("folded", sa.String(120), primary_key=True),
    # "" is every language, "" as translation: the term stays as it is.
    sa.Column("language", sa.String(16), primary_key=True),
    sa.Column("term", sa.String(120), nullable=False),
    sa.Column("translation", sa.String(120), nullable=False),
    sa.Column("created", Moment, nullable=False),
)

MOST_TERMS = 500
MOST_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Term:
    """A term and what becomes of it in `language` ("" = in every one); no `translation`: it is left alone."""

    term: str
    language: str = ""
    translation: str = ""

    @property
    def becomes(self) -> str:
        return self.translation or self.term


def scope_of(request: Request) -> str:
    """Whose glossary counts: the server's, or the person's own where there is no server."""
    place = request.place
    return f"{place.platform}:{place.server}" if place.server else f"@{request.user}"


class Glossary:
    """The terms of every server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, scope: str, term: Term) -> None:
        """Add a term, or change what becomes of it."""
        key = (glossary.c.scope == scope, glossary.c.folded == fold(term.term), glossary.c.language == term.language)
        row = {
            "scope": scope, "folded": fold(term.term), "language": term.language, "term": term.term,
            "translation": term.translation, "created": now(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(glossary.delete().where(*key))
            await connection.execute(glossary.insert().values(row))

    async def remove(self, scope: str, term: str, language: str | None = None) -> int:
        """Remove a term in one language, or in all of them. Returns how many entries that was."""
        conditions = [glossary.c.scope == scope, glossary.c.folded == fold(term)]
        if language is not None:
            conditions.append(glossary.c.language == language)
        async with self._database.write() as connection:
            return (await connection.execute(glossary.delete().where(*conditions))).rowcount

    async def terms(self, scope: str, language: str | None = None) -> list[Term]:
        """The terms of a scope, by name; with `language` those that count for it, its own before the general ones."""
        conditions = [glossary.c.scope == scope]
        if language is not None:
            conditions.append(glossary.c.language.in_(["", language, language.partition("-")[0]]))
        query = glossary.select().where(*conditions).order_by(glossary.c.folded, glossary.c.language.desc())
        async with self._database.read() as connection:
            rows: Sequence[Any] = (await connection.execute(query)).all()
        found = [Term(row.term, row.language, row.translation) for row in rows]
        if language is None:
            return found
        nearest: dict[str, Term] = {}
        for term in found:
            nearest.setdefault(fold(term.term), term)
        return list(nearest.values())

    async def forget(self, scope: str) -> int:
        """Delete a whole glossary."""
        async with self._database.write() as connection:
            return (await connection.execute(glossary.delete().where(glossary.c.scope == scope))).rowcount


def fold(term: str) -> str:
    """A term as it is compared: capitals and spacing do not matter."""
    return " ".join(term.casefold().split())


class GlossaryScenario:
    """/glossary: add, list and remove terms."""

    command = Command(
        name="glossary",
        description="Terms that /translate renders in one fixed way, or leaves alone",
        private=True,
        options=(
            Option(
                "action", "What to do", kind="choice", choices=choices("list", "add", "remove"), default="list",
                names={"zh-CN": "操作", "es-ES": "acción", "fr": "action", "de": "aktion", "ja": "操作"},
                descriptions={
                    "zh-CN": "要做什么", "es-ES": "Qué hacer", "fr": "Que faire", "de": "Was zu tun ist",
                    "ja": "操作の種類",
                },
            ),
            Option(
                "term", "The term as people write it", rest=True,
                names={"zh-CN": "术语", "es-ES": "término", "fr": "terme", "de": "begriff", "ja": "用語"},
                descriptions={
                    "zh-CN": "大家使用的写法", "es-ES": "El término tal como se escribe",
                    "fr": "Le terme tel qu’on l’écrit", "de": "Der Begriff, wie man ihn schreibt",
                    "ja": "実際に書かれる用語",
                },
            ),
            Option(
                "translation", "How it is translated; leave it out to keep the term as it is",
                names={
                    "zh-CN": "译文", "es-ES": "traducción", "fr": "traduction", "de": "übersetzung", "ja": "訳語",
                },
                descriptions={
                    "zh-CN": "固定译法；留空则保持原样", "es-ES": "Su traducción; vacío para dejarlo tal cual",
                    "fr": "Sa traduction ; vide pour le garder tel quel",
                    "de": "Die Übersetzung; leer lässt den Begriff stehen", "ja": "決まった訳語。空欄ならそのまま残す",
                },
            ),
            Option(
                "to", "The language it is translated into; leave it out for every language",
                suggest=suggest,
                names={"zh-CN": "语言", "es-ES": "a", "fr": "vers", "de": "nach", "ja": "言語"},
                descriptions={
                    "zh-CN": "目标语言；留空则用于所有语言", "es-ES": "El idioma de destino; vacío para todos",
                    "fr": "La langue cible ; vide pour toutes", "de": "Die Zielsprache; leer gilt für alle",
                    "ja": "訳す先の言語。空欄ならすべて",
                },
            ),
        ),
        examples=(
            "/glossary add Parley",
            "/glossary add ticket translation:billet to:French",
            "/glossary list",
            "/glossary remove ticket",
        ),
        help="The glossary belongs to the server; in a direct message it is your own.",
        names={"zh-CN": "术语表", "es-ES": "glosario", "fr": "glossaire", "de": "glossar", "ja": "用語集"},
        descriptions={
            "zh-CN": "/translate 固定译法或保持原样的术语",
            "es-ES": "Términos que /translate traduce siempre igual o deja tal cual",
            "fr": "Les termes que /translate rend toujours de même, ou laisse tels quels",
            "de": "Begriffe, die /translate immer gleich übersetzt oder stehen lässt",
            "ja": "/translate で訳語を固定する、または訳さない用語",
        },
    )  # fmt: skip

    async def plan(self, turn: Turn) -> Say:
        scope, terms = scope_of(turn.request), turn.stores.glossary
        name = one_line(turn.options.get("term", ""), MOST_CHARACTERS + 1)
        language = resolve(turn.options["to"]) if turn.options.get("to") else None
        match turn.options.get("action", "list"):
            case "add":
                translation = turn.options.get("translation", "")
                if not translation and " = " in name:  # as people write it
                    name, _, translation = (part.strip() for part in name.partition(" = "))
                translation = "" if translation == name else translation
                return await self._add(terms, scope, name, translation, language)
            case "remove":
                if not name:
                    raise UserError("Name the term to remove, for example: /glossary remove ticket")
                if not await terms.remove(scope, name, language.code if language else None):
                    raise UserError(f"“{name}” is not in the glossary; /glossary list shows what is.")
                return say(f"“{name}” is translated freely again.")
            case _:
                return say(_listing(await terms.terms(scope, language.code if language else None)))

    async def _add(self, terms: Glossary, scope: str, name: str, translation: str, language: Language | None) -> Say:
        if not name:
            raise UserError("Name the term to add, for example: /glossary add ticket translation:billet to:French")
        translation = one_line(translation, MOST_CHARACTERS + 1)
        if max(len(name), len(translation)) > MOST_CHARACTERS:
            raise UserError(f"A glossary term has at most {MOST_CHARACTERS} characters; this one is longer.")
        if translation and language is None:
            raise UserError(
                f"Say which language “{translation}” is, for example: "
                f"/glossary add {name} translation:{translation} to:French"
            )
        if len(await terms.terms(scope)) >= MOST_TERMS:
            raise UserError(f"The glossary holds {MOST_TERMS} terms, which is all it can; remove one first.")
        term = Term(name, language.code if language else "", translation)
        await terms.put(scope, term)
        where = f"in {language.name}" if language else "in every language"
        return say(f"“{name}” becomes “{translation}” {where}." if translation else f"“{name}” stays as it is {where}.")


def _listing(terms: Sequence[Term]) -> str:
    if not terms:
        return "The glossary is empty. /glossary add Parley keeps a name from being translated."
    lines = []
    for term in terms:
        where = resolve(term.language).name if term.language else "every language"
        lines.append(f"- **{term.term}** " + (f"→ {term.translation}" if term.translation else "stays") + f" ({where})")
    return "\n".join(lines)
