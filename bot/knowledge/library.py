"""The library: each server's own documents, cut, encoded and searched. Owner of `documents` and `passages`."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
import structlog

from bot.database import Database, Moment, metadata, now
from bot.errors import UserError
from bot.knowledge.index import Entry, Index, Vector
from bot.knowledge.passages import passages as cut
from bot.knowledge.reading import read
from models.engine import Engine, EngineError, EngineUnavailable, UnknownModel

log = structlog.get_logger(__name__)

WORDS, STEP = 80, 60
"""A passage's length and distance in words: of those tried, it found the right page most often."""
BATCH = 32

Progress = Callable[[int, int], None]

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("path", sa.String(500), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("encoder", sa.String(200), nullable=False),
    sa.Column("added", Moment, nullable=False),
    sa.UniqueConstraint("server", "path"),
)

passages = sa.Table(
    "passages",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("document", sa.String(32), nullable=False),
    sa.Column("server", sa.String(64), nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("vector", sa.LargeBinary),
    sa.Index("ix_passages_server_number", "server", "number"),
    sa.Index("ix_passages_document", "document"),
    # A number is never given again, so that count and highest number tell whether anything changed.
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as listed. `size` in bytes."""

    id: str
    server: str
    path: str
    title: str
    size: int
    passages: int
    added: datetime


@dataclass(frozen=True, slots=True)
class Added:
    """What adding a file came to."""

    outcome: Literal["added", "changed", "same"]
    title: str
    passages: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `score` is comparable within one search only."""

    document_id: str
    title: str
    heading: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a search came to. `sure`: the confidence suffices to answer. `lexical`: no encoder could be asked."""

    hits: tuple[Hit, ...]
    confidence: float
    sure: bool
    lexical: bool = False


class Library:
    """Documents by server; "" is that of the web page and the console."""

    def __init__(self, database: Database, engine: Engine, encoder: str = "embedded") -> None:
        self._database = database
        self._engine = engine
        self._encoder = encoder
        self._indexes: dict[str, tuple[tuple[int, int], Index]] = {}

    async def add(self, server: str, path: str, content: bytes, progress: Progress = lambda done, total: None) -> Added:
        """Take a file in, in place of what stood at its path. The same content twice is one document.

        `progress` gets how many passages are encoded, and of how many. Raises UserError for a file that cannot be read.
        """
        digest = hashlib.sha256(content).hexdigest()
        known = await self._at(server, path)
        if known is not None and (known.sha256, known.encoder) == (digest, self._encoder):
            return Added("same", known.title, await self._count(known.id))
        document = await asyncio.to_thread(read, path, content)
        pieces = await asyncio.to_thread(cut, document, WORDS, STEP)
        heads = [" > ".join(dict.fromkeys((document.title, *piece.headings))) for piece in pieces]
        texts = [piece.text for piece in pieces]
        vectors = await self._vectors(
            [f"{head}\n{_flat(text)}" for head, text in zip(heads, texts, strict=True)], progress
        )
        new = secrets.token_hex(12)
        async with self._database.write() as connection:
            if known is not None:
                await connection.execute(passages.delete().where(passages.c.document == known.id))
                await connection.execute(documents.delete().where(documents.c.id == known.id))
            await connection.execute(
                documents.insert().values(
                    id=new,
                    server=server,
                    path=path,
                    title=document.title[:300],
                    sha256=digest,
                    size=len(content),
                    encoder=self._encoder if vectors is not None else "",
                    added=now(),
                )
            )
            rows = [
                {
                    "document": new, "server": server, "head": head, "text": text,
                    "vector": None if vectors is None else vectors[number].tobytes(),
                }
                for number, (head, text) in enumerate(zip(heads, texts, strict=True))
            ]  # fmt: skip
            await connection.execute(passages.insert(), rows)
        return Added("changed" if known is not None else "added", document.title, len(pieces))

    async def remove(self, server: str, document_id: str) -> bool:
        """Remove a document by its id or its path. False when there is none."""
        chosen = sa.or_(documents.c.id == document_id, documents.c.path == document_id)
        async with self._database.write() as connection:
            query = sa.select(documents.c.id).where(documents.c.server == server, chosen)
            found = (await connection.execute(query)).scalar_one_or_none()
            if found is None:
                return False
            await connection.execute(passages.delete().where(passages.c.document == found))
            await connection.execute(documents.delete().where(documents.c.id == found))
        return True

    async def documents(self, server: str) -> list[DocumentRow]:
        """A server's documents by title."""
        columns = [documents.c[name] for name in ("id", "server", "path", "title", "size", "added")]
        count = sa.select(sa.func.count()).where(passages.c.document == documents.c.id).scalar_subquery()
        query = sa.select(*columns, count.label("passages")).where(documents.c.server == server)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(documents.c.title, documents.c.path))).all()
        return [DocumentRow(**row._mapping) for row in rows]

    async def search(self, server: str, question: str, most: int = 3) -> Search:
        """The passages that answer best, each of another document, and whether they suffice."""
        index, titles = await self._index(server)
        if not len(index):
            return Search((), 0.0, sure=False)
        vector = await self._question(question)
        found = await asyncio.to_thread(index.search, question, vector, most)
        hits = tuple(
            Hit(entry.document, titles[entry.document], _heading(entry.head), entry.text, score)
            for entry, score in found.entries
        )
        return Search(hits, found.confidence, found.sure, lexical=vector is None)

    async def _question(self, question: str) -> Vector | None:
        try:
            (vector,) = await self._engine.embed([question])
        except EngineError as error:
            log.warning("search_without_encoder", detail=error.detail)
            return None
        return np.array(vector, dtype=np.float32)

    async def _vectors(self, texts: list[str], progress: Progress) -> Vector | None:
        """One vector a text; None when the engine has no encoder."""
        rows: list[list[float]] = []
        try:
            for start in range(0, len(texts), BATCH):
                rows += await self._engine.embed(texts[start : start + BATCH])
                progress(min(start + BATCH, len(texts)), len(texts))
        except UnknownModel:
            log.warning("stored_without_vectors", passages=len(texts))
            return None
        except EngineUnavailable as error:
            raise UserError(
                "The model is not ready yet, so the file was not taken in. Try again in a minute."
            ) from error
        return np.array(rows, dtype=np.float32)

    async def _index(self, server: str) -> tuple[Index, dict[str, str]]:
        state = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(passages.c.number), 0))
        async with self._database.read() as connection:
            count, highest = (await connection.execute(state.where(passages.c.server == server))).one()
            names = sa.select(documents.c.id, documents.c.title).where(documents.c.server == server)
            titles = {row.id: row.title for row in (await connection.execute(names)).all()}
            known = self._indexes.get(server)
            if known is not None and known[0] == (count, highest):
                return known[1], titles
            query = sa.select(passages, documents.c.encoder).join(documents, documents.c.id == passages.c.document)
            rows = (await connection.execute(query.where(passages.c.server == server))).all()
        index = await asyncio.to_thread(_build, rows, self._encoder)
        self._indexes[server] = ((count, highest), index)
        return index, titles

    async def _at(self, server: str, path: str) -> sa.Row[Any] | None:
        query = documents.select().where(documents.c.server == server, documents.c.path == path)
        async with self._database.read() as connection:
            return (await connection.execute(query)).one_or_none()

    async def _count(self, document_id: str) -> int:
        query = sa.select(sa.func.count()).where(passages.c.document == document_id)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


def _build(rows: Sequence[sa.Row[Any]], encoder: str) -> Index:
    entries = [Entry(row.number, row.document, row.head, row.text) for row in rows]
    # Vectors of another encoder say nothing here; such documents are found by their words until added again.
    own = [row.vector if row.encoder == encoder else None for row in rows]
    width = next((len(vector) // 4 for vector in own if vector), 0)
    if not width:
        return Index(entries, None)
    empty = np.zeros(width, dtype=np.float32).tobytes()
    matrix = np.frombuffer(b"".join(vector or empty for vector in own), dtype=np.float32).reshape(len(own), width)
    return Index(entries, matrix)


def _flat(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def _heading(head: str) -> str:
    return " > ".join(head.split(" > ")[1:])
