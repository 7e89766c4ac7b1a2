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
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database, Moment, metadata, now
from bot.errors import UserError
from bot.knowledge.claims import MARK
from bot.knowledge.encoding import FLOAT, SEPARATOR, Piece, Vector, heading_of, pieces_of, vectors_of
from bot.knowledge.index import Entry, Index
from bot.knowledge.quoting import lines_of, quote
from bot.knowledge.reading import read
from bot.knowledge.vouching import vouched
from models.engine import Engine, EngineError, EngineUnavailable

State = tuple[int, int, int]
"""Passages, the highest number given, documents with vectors: tells whether an index is still right."""

log = structlog.get_logger(__name__)

QUESTION_LENGTH = 2000
INDEXES = 16
"""So many servers' indexes stay in memory."""

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


HOST = ""


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
    path: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search came to. `sure`: the confidence suffices to answer. `lexical`: by words alone, without vectors.

    `empty`: there is nothing to search in.
    """

    hits: tuple[Hit, ...]
    confidence: float
    sure: bool
    lexical: bool = False
    empty: bool = False


class Library:
    """Documents by server. Those of "" are the host's own: the web page and the console have them alone, and every
    server beside its own ones; no server has another server's.

    `encoder` names the model behind the engine's embeddings; vectors of another one are not compared with its own.
    """

    def __init__(self, database: Database, engine: Engine, encoder: str = "embedded") -> None:
        self._database = database
        self._engine = engine
        self._encoder = encoder
        self._indexes: dict[str, tuple[State, Index]] = {}
        self._building = asyncio.Lock()

    async def add(
        self, server: str, path: str, content: bytes, progress: Callable[[float], None] = lambda part: None
    ) -> Added:
        """Take a file in, in place of what stood at its path. The same content twice is one document.

        All of it or nothing is stored, so that an import that was killed goes on where it stopped.
        `progress` gets the part that is done. Raises UserError for a file that cannot be read.
        """
        digest = hashlib.sha256(content).hexdigest()
        known = await self._at(server, path)
        if known is not None and (known.sha256, known.encoder) == (digest, self._encoder):
            progress(1.0)
            return Added("same", known.title, await self._count(known.id))
        document = await asyncio.to_thread(read, path, content)
        pieces = await asyncio.to_thread(pieces_of, document)
        vectors = await self._vectors(pieces, progress)
        row = {
            "id": secrets.token_hex(12), "server": server, "path": path, "title": document.title[:300],
            "sha256": digest, "size": len(content), "encoder": self._encoder if vectors is not None else "",
            "added": now(),
        }  # fmt: skip
        rows = [
            {
                "document": row["id"], "server": server, "head": piece.head, "text": piece.text,
                "vector": None if vectors is None else vectors[number].tobytes(),
            }
            for number, piece in enumerate(pieces)
        ]  # fmt: skip
        async with self._database.write() as connection:
            await _delete(connection, sa.and_(documents.c.server == server, documents.c.path == path))
            await connection.execute(documents.insert().values(row))
            await connection.execute(passages.insert(), rows)
        return Added("changed" if known is not None else "added", document.title, len(pieces))

    async def remove(self, server: str, document_id: str) -> bool:
        """Remove a document by its id or its path. False when there is none."""
        chosen = sa.or_(documents.c.id == document_id, documents.c.path == document_id)
        async with self._database.write() as connection:
            return await _delete(connection, sa.and_(documents.c.server == server, chosen)) > 0

    async def list(self, server: str) -> Sequence[DocumentRow]:
        """A server's documents by title."""
        columns = [documents.c[name] for name in ("id", "server", "path", "title", "size", "added")]
        count = sa.select(sa.func.count()).where(passages.c.document == documents.c.id).scalar_subquery()
        query = sa.select(*columns, count.label("passages")).where(documents.c.server == server)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(documents.c.title, documents.c.path))).all()
        return [DocumentRow(**row._mapping) for row in rows]

    async def stale(self, server: str) -> int:
        """How many documents are found by their words only, for want of vectors of the present encoder."""
        query = sa.select(sa.func.count()).select_from(documents).where(self._is_stale(server))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def reindex(self, server: str, progress: Callable[[float], None] = lambda part: None) -> int:
        """Encode such documents again from what is stored. Returns how many; 0 also when there is no encoder."""
        async with self._database.read() as connection:
            stale = (await connection.execute(sa.select(documents.c.id).where(self._is_stale(server)))).scalars().all()
        for done, document_id in enumerate(stale):
            query = sa.select(passages.c.number, passages.c.head, passages.c.text)
            async with self._database.read() as connection:
                rows = (await connection.execute(query.where(passages.c.document == document_id))).all()
            vectors = await self._vectors([Piece(row.head, row.text) for row in rows], lambda part: None)
            if vectors is None:
                return done
            async with self._database.write() as connection:
                for row, vector in zip(rows, vectors, strict=True):
                    update = passages.update().where(passages.c.number == row.number)
                    await connection.execute(update.values(vector=vector.tobytes()))
                update = documents.update().where(documents.c.id == document_id)
                await connection.execute(update.values(encoder=self._encoder))
            self._indexes.pop(server, None)
            progress((done + 1) / len(stale))
        return len(stale)

    async def search(self, server: str, question: str, most: int = 3) -> Search:
        """The passages that answer best, each of another document, and whether they suffice."""
        index, shelf = await self._index(server)
        if not len(index):
            return Search((), 0.0, sure=False, empty=True)
        vector = await self._question(question) if index.has_vectors else None
        found = await asyncio.to_thread(index.search, question, vector, most)
        hits = tuple(
            Hit(entry.document, shelf[entry.document][0], heading_of(entry.head), entry.text, score,
                shelf[entry.document][1])
            for entry, score in found.entries
            if entry.document in shelf
        )  # fmt: skip
        return Search(hits, found.confidence, found.sure and bool(hits), lexical=found.evidence.nearness is None)

    async def vouch(self, question: str, hits: Sequence[Hit], text: str) -> str:
        """The sentences of a model's answer that the hits' own sentences say too. Empty: better quote.

        Without an encoder the answer stays as it is.
        """
        said = [line for line in lines_of([text]) if MARK.sub("", line.text).strip()]
        sources = lines_of([hit.text for hit in hits])
        if not said or not sources:
            return ""
        plain = [MARK.sub("", line.text).replace("`", "") for line in said]
        theirs = [line.text.replace("`", "") for line in sources]
        try:
            vectors = await vectors_of(self._engine, [question[:QUESTION_LENGTH], *plain, *theirs])
        except EngineError as error:
            log.warning("answer_not_vouched_for", detail=error.detail)
            return text
        if vectors is None:
            return text
        own, others = vectors[1 : len(said) + 1], vectors[len(said) + 1 :]
        return vouched(said, sources, own @ others.T, own @ vectors[0])

    async def quote(self, question: str, hits: Sequence[Hit]) -> str:
        """An answer made of the hits' own sentences, with their markers. Empty without hits."""
        texts, titles = [hit.text for hit in hits], [hit.title for hit in hits]
        headings = {part for hit in hits for part in (hit.title, *hit.heading.split(SEPARATOR))}
        lines = [line.text.replace("`", "") for line in lines_of(texts, headings)]
        nearness: list[float] | None = None
        try:
            vectors = await vectors_of(self._engine, [question[:QUESTION_LENGTH], *lines])
        except EngineError as error:
            log.warning("quote_without_encoder", detail=error.detail)
        else:
            nearness = None if vectors is None else [float(one) for one in vectors[1:] @ vectors[0]]
        return quote(question, texts, titles=titles, headings=headings, nearness=nearness)

    def _is_stale(self, server: str) -> sa.ColumnElement[bool]:
        return sa.and_(documents.c.server == server, documents.c.encoder != self._encoder)

    async def _question(self, question: str) -> Vector | None:
        try:
            found = await vectors_of(self._engine, [question[:QUESTION_LENGTH]])
        except EngineError as error:
            log.warning("search_without_encoder", detail=error.detail)
            return None
        return None if found is None else np.asarray(found[0], dtype=np.float32)

    async def _vectors(self, pieces: Sequence[Piece], progress: Callable[[float], None]) -> Vector | None:
        try:
            return await vectors_of(self._engine, [piece.embedded for piece in pieces], progress)
        except EngineUnavailable as error:
            raise UserError(
                "The model is not ready yet, so the file was not taken in. Try again in a minute."
            ) from error

    async def _index(self, server: str) -> tuple[Index, dict[str, tuple[str, str]]]:
        """The index of a server's present state, the host's documents included, and each one's title and path."""
        those = sorted({server, HOST})
        async with self._building:
            state = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(passages.c.number), 0))
            names = sa.select(documents.c.id, documents.c.title, documents.c.path, documents.c.encoder)
            async with self._database.read() as connection:
                count, highest = (await connection.execute(state.where(passages.c.server.in_(those)))).one()
                rows = (await connection.execute(names.where(documents.c.server.in_(those)))).all()
                shelf = {row.id: (row.title, row.path) for row in rows}
                encoded = sum(row.encoder == self._encoder for row in rows)
                index = self._kept(server, (count, highest, encoded))
                if index is not None:
                    return index, shelf
                query = sa.select(passages, documents.c.encoder).join(documents, documents.c.id == passages.c.document)
                query = query.where(passages.c.server.in_(those)).order_by(passages.c.document, passages.c.number)
                found = (await connection.execute(query)).all()
            built = await asyncio.to_thread(_build, found, self._encoder)
            self._indexes[server] = ((count, highest, encoded), built)
            return built, shelf

    def _kept(self, server: str, state: State) -> Index | None:
        kept = self._indexes.pop(server, None)
        if kept is None or kept[0] != state:
            while len(self._indexes) >= INDEXES:
                del self._indexes[next(iter(self._indexes))]
            return None
        self._indexes[server] = kept  # the last used stands last
        return kept[1]

    async def _at(self, server: str, path: str) -> Any | None:
        query = documents.select().where(documents.c.server == server, documents.c.path == path)
        async with self._database.read() as connection:
            return (await connection.execute(query)).one_or_none()

    async def _count(self, document_id: str) -> int:
        query = sa.select(sa.func.count()).where(passages.c.document == document_id)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


async def _delete(connection: AsyncConnection, which: sa.ColumnElement[bool]) -> int:
    """Delete documents with their passages. Returns how many."""
    found = sa.select(documents.c.id).where(which).scalar_subquery()
    await connection.execute(passages.delete().where(passages.c.document.in_(found)))
    return (await connection.execute(documents.delete().where(which))).rowcount


def _build(rows: Sequence[Any], encoder: str) -> Index:
    entries = [Entry(row.number, row.document, row.head, row.text) for row in rows]
    # Vectors of another encoder say nothing here; such documents are found by their words until added again.
    own = [row.vector if row.encoder == encoder else None for row in rows]
    width = next((len(vector) // FLOAT for vector in own if vector), 0)
    if not width:
        return Index(entries, None)
    empty = np.zeros(width, dtype=np.float32).tobytes()
    matrix = np.frombuffer(b"".join(vector or empty for vector in own), dtype=np.float32).reshape(len(own), width)
    return Index(entries, matrix)
