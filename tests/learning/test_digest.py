"""The digest: a server's week in words and a picture, for its moderators alone."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from bot.database import Database, now
from bot.delivery import SendFailed
from bot.knowledge.library import Library
from bot.learning.digest import Digests
from bot.learning.digest_picture import HEIGHT, WIDTH, picture
from bot.learning.flags import Reason, Report
from bot.learning.registry import Adapter
from bot.request import Author, Place, Request
from bot.stores import Stores, stores_over
from bot.turns import TurnRow, begin_turn, new_id
from models.engine import EngineClient
from tests.learning.people import ADMIN
from tests.learning.test_notices import Post

HERE = Place("test", "guild", "general")


class Channel(Post):
    """A platform whose channels take digests."""

    posted: list[tuple[str, str, bytes]]

    def __init__(self) -> None:
        super().__init__()
        self.posted = []

    async def post(self, channel: str, words: str, picture: bytes) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.posted.append((channel, words, picture))


@pytest.fixture
async def stores(database: Database) -> Stores:
    return stores_over(database, Library(database, EngineClient("http://127.0.0.1:9")))


async def answered(stores: Stores, question: str, days: float, thumb: str = "", server: str = "guild") -> TurnRow:
    """An answer so many days ago, and somebody's thumb on it."""
    turn = new_id()
    request = Request(turn, Place("test", server, "general"), Author("ann"))
    named = {"conversation": "c", "host": "h", "scenario": "support", "options": {}, "question": question}
    await stores.database.transact(begin_turn, turn, request, **named)  # type: ignore[arg-type]
    await stores.turns.finish(turn, state="done", answer="Perhaps.", created=now() - timedelta(days=days))
    if thumb:
        await stores.feedback.rate(turn, "test:bob", thumb)  # type: ignore[arg-type]
    row = await stores.turns.get(turn)
    assert row is not None
    return row


async def test_the_week_of_one_server(stores: Stores) -> None:
    await stores.places.change(HERE, ADMIN, "moderators_channel", "mods")
    for _ in range(4):
        await answered(stores, "old", 9)
    for thumb in ("up", "up", "down", "", "", ""):
        row = await answered(stores, "How do I pay?", 2, thumb)
        await stores.gaps.note(row.id, "guild", "How do I pay?" if thumb else "Where is it?", 0.1)
    await answered(stores, "elsewhere", 1, "down", server="other")
    await stores.reviews.flag(row, "test:eve", Report((Reason.WRONG_FACT,)))
    run = await stores.runs.begin("support", parent="", by="test", host="h")
    adapter = Adapter(run.adapter, "support", run.number, run.id, "", "tiny", "", run.created)
    await stores.registry.promote(adapter, {"sft": [row.id, "import-row"], "dpo": [row.id]}, words="", by="gate")
    digests, channel = Digests(stores.database, stores.places), Channel()
    assert await digests.send({"test": channel}) == 1
    ((where, words, drawn),) = channel.posted
    assert where == "mods"
    assert words.splitlines() == [
        "**The week**: 6 answers (+50% on the week before).",
        "3 thumbs, 1 of them down: 33%, surely between 6% and 79%; the week before 0% of 0.",
        "1 answer flagged, 0 decided, 1 open.",
        "support@0001 was learned, 1 answer of this server in it.",
        "**What the documents do not answer**:",
        "- Where is it? (3 times)",
        "- How do I pay? (3 times)",
    ]
    assert Image.open(io.BytesIO(drawn)).size == (WIDTH, HEIGHT)


async def test_nothing_happened_and_nobody_to_tell(stores: Stores) -> None:
    channel = Channel()
    digests = Digests(stores.database, stores.places)
    assert await digests.send({"test": channel}) == 0
    await stores.places.change(HERE, ADMIN, "moderators_channel", "mods")
    assert await digests.send({"test": channel}) == 0
    await answered(stores, "?", 1)
    assert await digests.send({"other": channel}) == 0
    channel.errors.append(SendFailed("away"))
    assert await digests.send({"test": channel}) == 0
    assert await digests.send({"test": channel}) == 1


@pytest.mark.parametrize("weeks", [[], [("23 Nov", 0, None)], [("16 Nov", 3, 1.0), ("23 Nov", 900_000, 0.0)]])
def test_a_picture_of_anything(weeks: list[tuple[str, int, float | None]]) -> None:
    assert Image.open(io.BytesIO(picture(weeks))).format == "PNG"
