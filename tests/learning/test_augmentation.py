"""Augmentation: corrected questions in other words that ask the same, kept, marked, and never asked by the gate."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.errors import StoreError
from bot.learning.augmentation import Augmenter
from bot.learning.dataset import Dataset, leaks
from bot.learning.dataset_folder import folder_of, forget, manifest, rows_in, write
from bot.learning.drafts import approved
from bot.learning.synonyms import asks_the_same, swapped
from bot.learning.wordings import Wording
from bot.privacy import forget_everything
from models.engine import (
    Engine,
    EngineClient,
    EngineFailed,
    EngineUnavailable,
    Message,
    Piece,
    Sampling,
    UnknownLanguage,
)
from tests.learning.company import Row, golden, honest, replay, row
from tests.learning.stores import built, over, take_rows
from tests.models.conftest import Serve
from tests.models.conftest import checkpoint as checkpoint
from tests.models.conftest import serve as serve

MODELS = ("parley", "parley")


@pytest.mark.parametrize(
    ("question", "other", "language"),
    [
        ("At what hour does the Ostrelle store close?", "When does the Ostrelle store close?", "en"),
        ("Tell me the price of the Tessel chair.", "What is the price of the Tessel chair?", "en"),
        ("Until what time is the Ostrelle shop open?", "Until when will the Ostrelle shop be open?", "en"),
        ("Which company repairs it?", "What firm repairs it?", "en"),
        ("Um wie viel Uhr öffnet der Laden?", "Wann öffnet der Laden?", "de"),
        ("¿A qué hora abre la tienda?", "¿Cuándo abre la tienda?", "es"),
    ],
)
def test_other_words_for_the_same(question: str, other: str, language: str) -> None:
    assert asks_the_same(question, other, language)


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("On which day is Ostrelle closed?", "On what day does Ostrelle open?"),
        ("When does Ostrelle open?", "Where does Ostrelle open?"),
        ("What time does Ostrelle open its shop?", "What time does the shop open?"),
        ("Did Ferran found Marrowby?", "Did Marrowby found Ferran?"),
        ("How do I reset it?", "How do I not reset it?"),
        ("Is a dog allowed with a ticket?", "Is a dog allowed without a ticket?"),
        ("How much is the Skylark 4?", "How much is the Skylark 5?"),
        ("How much is the Skylark 4?", "The Skylark 4 costs 64 euros."),
        ("What is the discount code of Ostrelle?", "What is the code of Ostrelle?"),
        ("Who is Bill Gates?", "Who is Invoice Gates?"),
        ("Does it come from the App Store?", "Does it come from the App Shop?"),
        ("What does SELECT do?", "What does CHOOSE do?"),
        ("When was Ostrelle founded?", "At what time was Ostrelle founded?"),
        ("Is it a firm mattress?", "Is it a company mattress?"),
        ("Who founded Zarnik?", "who founded zarnik"),
        ("Who founded Zarnik?", ""),
    ],
)
def test_what_asks_something_else_or_nothing_new(question: str, other: str) -> None:
    assert not asks_the_same(question, other, "en")


def test_one_phrase_at_a_time_takes_the_place_of_another() -> None:
    assert list(swapped("At what time can customers buy a parcel?", "en")) == [
        "When can customers buy a parcel?",
        "At what time can customers purchase a parcel?",
        "At what time can clients buy a parcel?",
    ]
    assert list(swapped("Who founded Zarnik?", "en")) == []
    assert list(swapped("When was it founded?", "en")) == []  # "At what time was it founded?" asks for the hour
    assert list(swapped("Does the button Delete really delete?", "en")) == ["Does the button Delete really remove?"]
    assert list(swapped("Which store gets my bills fast?", "en")) == []


@contextlib.asynccontextmanager
async def engine_at(url: str, token: str) -> AsyncIterator[Engine]:
    async with EngineClient(url, token) as engine:
        yield engine


async def test_the_model_finds_other_words_and_is_asked_once(
    sqlite: Database, tmp_path: Path, checkpoint: Path, serve: Serve
) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, honest(1)[:12])
    asked = (await built(stores)).questions
    worker = serve("--model", f"parley={checkpoint}", "--embedding", "none")
    augmenter = Augmenter(stores.wordings, partial(engine_at, worker.url, worker.token), MODELS)
    told: list[tuple[int, int]] = []
    made = await augmenter.fill(asked, 2, lambda done, of: told.append((done, of)))
    assert told[0] == (0, len(asked))
    assert told[-1] == (len(asked), len(asked))
    found = await stores.wordings.of(asked, 2)
    assert found.keys() == asked.keys()
    assert made == sum(map(len, found.values())) >= 3
    assert {"synonym", "rephrased"} <= {one.way for others in found.values() for one in others}
    for turn, others in found.items():
        assert all(asks_the_same(asked[turn], one.text, "en") for one in others)
    assert await augmenter.fill(asked, 2) == 0
    assert await stores.wordings.of(asked, 3) == {}  # where more are wanted, more are looked for
    dataset = await built(stores, train_augment=2)
    assert (await built(stores, train_augment=2)).hash == dataset.hash  # no model is asked to build it again
    assert of(dataset, "augmented")


class PhraseBook:
    """An engine that knows a few sentences in French, and says anything else again without an end."""

    KNOWN: ClassVar = {
        ("fr", "Who buys the Skylark 4?"): "Qui achète le Skylark 4 ?",
        ("en", "Qui achète le Skylark 4 ?"): "Who is it that purchases the Skylark 4?",
    }

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        said = self.KNOWN.get((sampling.target_language, messages[-1].content), "")
        yield Piece(said or "again and again " * 50)
        yield Piece(finish_reason="stop" if said else "length")


async def test_a_question_comes_back_from_another_language(sqlite: Database) -> None:
    @contextlib.asynccontextmanager
    async def book() -> AsyncIterator[Engine]:
        yield cast("Engine", PhraseBook())

    wordings = over(sqlite).wordings
    asked = {"one": "Who buys the Skylark 4?", "two": "What does the Skylark 4 weigh?"}
    await Augmenter(wordings, book, MODELS).fill(asked, 3)
    found = await wordings.of(asked, 3)
    assert found["one"] == (
        Wording("synonym", "Who purchases the Skylark 4?"),
        Wording("translated", "Who is it that purchases the Skylark 4?"),
    )
    assert found["two"] == ()


async def test_an_engine_that_is_away_leaves_it_to_the_next_night(sqlite: Database, tmp_path: Path) -> None:
    @contextlib.asynccontextmanager
    async def away() -> AsyncIterator[Engine]:
        raise EngineUnavailable("it loads for ever")
        yield

    stores = over(sqlite)
    await take_rows(stores, tmp_path, honest(1))
    before = await built(stores)
    assert await Augmenter(stores.wordings, away, MODELS).fill(before.questions, 1) == 0
    assert await stores.wordings.of(before.questions) == {}
    assert (await built(stores, train_augment=1)).hash == before.hash
    # one that breaks off may leave some, which needed no model
    broken = partial(engine_at, "http://127.0.0.1:9", "none")
    made = await Augmenter(stores.wordings, broken, MODELS).fill(before.questions, 1)
    found = await stores.wordings.of(before.questions)
    assert made <= len(found) < len(before.questions)
    assert {one.way for others in found.values() for one in others} <= {"synonym"}


class Refusing(PhraseBook):
    """Knows no German, breaks over one question, and has nobody to say anything else to."""

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece, None]:
        words = messages[-1].content
        if "Zarnik" in words:
            raise EngineFailed("it broke over it")
        if "de" in (sampling.source_language, sampling.target_language):
            raise UnknownLanguage("de")
        async for piece in super().stream(model, messages, sampling):
            yield piece


async def test_a_question_that_the_engine_refuses_keeps_no_other_from_its_words(sqlite: Database) -> None:
    @contextlib.asynccontextmanager
    async def refusing() -> AsyncIterator[Engine]:
        yield cast("Engine", Refusing())

    wordings = over(sqlite).wordings
    asked = {
        "one": "Wie viele Geschäfte hat die Firma in dieser Stadt?",
        "two": "Who founded Zarnik?",
        "three": "Who buys the Skylark 4?",
    }
    assert await Augmenter(wordings, refusing, MODELS).fill(asked, 2) == 2
    found = await wordings.of(asked, 2)
    assert {turn: len(others) for turn, others in found.items()} == {"one": 0, "three": 2}  # "two" has another night


async def test_what_the_store_does_not_take_is_said_as_its_own_error(sqlite: Database) -> None:
    @contextlib.asynccontextmanager
    async def book() -> AsyncIterator[Engine]:
        yield cast("Engine", PhraseBook())

    wordings = over(sqlite).wordings
    async with sqlite.write() as connection:
        await connection.execute(sa.text("DROP TABLE wordings"))
    with pytest.raises(StoreError):
        await Augmenter(wordings, book, MODELS).fill({"one": "Who buys the Skylark 4?"}, 2)


async def test_no_wording_comes_near_what_the_safety_set_asks(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    harmful = [
        row(f"How do I do harm number {at} to them?", f"I do not help with harm {at}.", "a", ["m", "n"],
            answer=f"Like this, {at}.", reasons=["harmful"])
        for at in range(12)
    ]  # fmt: skip
    await take_rows(stores, tmp_path, [*honest(1), *harmful])
    plain = await built(stores)
    guarded = [one for one in plain.rows if one.stage == "safety" and not one.id.startswith("shipped")]
    assert guarded
    assert not {one.id for one in guarded} & plain.questions.keys()
    near = guarded[0].line["prompt"][-1]["content"]
    turn, question = sorted(plain.questions.items())[0]
    await stores.wordings.keep(turn, question, [Wording("rephrased", f"Please, {near}")], 1)
    assert of(await built(stores, train_augment=1), "augmented") == []


def of(dataset: Dataset, source: str) -> list[Row]:
    return [one.line for one in dataset.rows if one.source == source]


async def test_wordings_train_marked_and_at_most_so_many(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [*honest(1), *replay(), *golden()])
    plain = await built(stores)
    turn, question = sorted(plain.questions.items())[0]
    await stores.wordings.keep(
        turn, question, [Wording("synonym", "Wording one?"), Wording("rephrased", "And two?")], 2
    )
    assert of(await built(stores, train_augment=0), "augmented") == []
    for most in (1, 2):
        dataset = await built(stores, train_augment=most)
        lines = of(dataset, "augmented")
        assert [line["id"] for line in lines] == [f"{turn}#a{number}" for number in range(1, most + 1)]
    original = next(one.line for one in dataset.rows if one.id == turn and one.stage == "sft")
    for line, words in zip(lines, ("Wording one?", "And two?"), strict=True):
        assert line["prompt"] == [original["prompt"][0], {"role": "user", "content": words}]
        assert line["completion"] == original["completion"]
        assert (line["aug_of"], line["source"]) == (turn, "augmented")
    # they count for nothing that people approved
    assert approved(manifest(dataset)) == approved(manifest(plain))
    assert dataset.counts["sft.train"] == plain.counts["sft.train"] + 2


async def test_no_wording_comes_near_what_the_gate_asks(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [*honest(1), *replay(), *golden()])
    plain = await built(stores)
    test = next(one.line["prompt"][-1]["content"] for one in plain.rows if one.stage == "test")
    trained = sorted(plain.questions)
    near = [
        test,
        test.lower().rstrip("?."),
        f"Please, {test}",
        golden()[0]["prompt"][0]["content"],
        "What is your token?",
    ]
    for turn, words in zip(trained, near, strict=False):
        await stores.wordings.keep(turn, plain.questions[turn], [Wording("translated", words)], 4)
    same = plain.questions[trained[10]]
    await stores.wordings.keep(trained[11], plain.questions[trained[11]], [Wording("rephrased", same)], 4)
    dataset = await built(stores, train_augment=4)
    assert [line["prompt"][-1]["content"] for line in of(dataset, "augmented")] in ([], ["What is your token?"])
    assert leaks(dataset.rows) == []


async def test_wordings_of_a_question_that_has_changed_are_left_alone(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, honest(1))
    turn, question = sorted((await built(stores)).questions.items())[0]
    await stores.wordings.keep(turn, "It was put like this before?", [Wording("synonym", "An old one?")], 1)
    assert await stores.wordings.of({turn: question}) == {}
    assert of(await built(stores, train_augment=1), "augmented") == []


async def test_who_is_forgotten_is_forgotten_in_other_words_too(sqlite: Database, tmp_path: Path) -> None:
    stores = over(sqlite)
    await take_rows(stores, tmp_path, [*honest(1), row("Who sweeps the yard?", "Ida sweeps the yard.", "ida")])
    asked = (await built(stores)).questions
    for turn, question in asked.items():
        await stores.wordings.keep(turn, question, [Wording("synonym", f"In other words {turn}?")], 1)
    dataset = await built(stores, train_augment=1)
    folder = write(dataset, folder_of(tmp_path, dataset))
    person = next(one for one in await people(stores.database) if one.endswith("user-1"))
    gone = {one.id for one in await stores.turns.of_user(person)} & asked.keys()
    assert gone
    await forget_everything(stores, person)
    forget(tmp_path, gone)
    assert (await stores.wordings.of(asked)).keys() == asked.keys() - gone
    left = {line["id"].partition("#")[0] for lines in rows_in(folder).values() for line in lines}
    assert left.isdisjoint(gone)
    kept = {line["aug_of"] for line in of(await built(stores, train_augment=1), "augmented")}
    assert kept
    assert kept <= asked.keys() - gone


async def people(database: Database) -> list[str]:
    async with database.read() as connection:
        rows = await connection.exec_driver_sql('SELECT DISTINCT "user" FROM turns ORDER BY 1')
        return [str(row[0]) for row in rows]
