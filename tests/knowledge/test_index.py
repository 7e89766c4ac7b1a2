"""The index: ranking by documents, small libraries, slips of the hand."""

from __future__ import annotations

import numpy as np

from bot.knowledge.index import Entry, Found, Index
from tests.knowledge.engines import WordEncoder

PUMP = "The pump starts when the red button is pressed for three seconds."
FILTER = "Wash the filter every month in cold water and let it dry."
BILL = "The invoice is sent by mail on the first day of each month."


async def index_of(*passages: tuple[str, str], vectors: bool = True) -> Index:
    entries = [Entry(number, document, document, text) for number, (document, text) in enumerate(passages)]
    if not vectors:
        return Index(entries, None)
    rows = np.array(await WordEncoder().embed([entry.text for entry in entries]), dtype=np.float32)
    return Index(entries, rows / np.linalg.norm(rows, axis=1, keepdims=True))


async def ask(index: Index, question: str, vectors: bool = True) -> Found:
    row = np.array((await WordEncoder().embed([question]))[0], dtype=np.float32)
    return index.search(question, row / np.linalg.norm(row) if vectors else None, 3)


async def test_each_hit_is_of_another_document() -> None:
    index = await index_of(("a", PUMP), ("a", PUMP + " Twice."), ("b", FILTER), ("c", BILL))
    found = await ask(index, "when does the pump start")
    assert found.entries[0][0].document == "a"
    assert len({entry.document for entry, _ in found.entries}) == len(found.entries)


async def test_a_library_of_three_passages_answers_and_abstains() -> None:
    index = await index_of(("manual", PUMP), ("manual", FILTER), ("manual", BILL))
    for question in ("how do i start the pump with the red button", "wash the filter in water"):
        assert (await ask(index, question)).sure
    for question in ("what is the capital of mongolia", "cancel my subscription", "how do I"):
        assert not (await ask(index, question)).sure


async def test_one_passage_is_a_library() -> None:
    index = await index_of(("manual", PUMP))
    assert (await ask(index, "pump red button pressed seconds")).sure
    assert not (await ask(index, "penguins of antarctica")).sure


async def test_without_vectors_words_alone_decide() -> None:
    index = await index_of(("a", PUMP), ("b", FILTER), ("c", BILL), vectors=False)
    found = await ask(index, "wash the filter in cold water", vectors=False)
    assert found.entries[0][0].document == "b"
    assert found.sure
    assert found.evidence.nearness is None
    assert not (await ask(index, "who are you", vectors=False)).sure


async def test_an_empty_library_and_an_empty_question() -> None:
    assert Index([], None).search("anything", None, 3).entries == ()
    index = await index_of(("a", PUMP))
    assert not (await ask(index, "???")).sure


async def test_a_slip_finds_the_word_that_was_meant() -> None:
    index = await index_of(("a", BILL), ("b", FILTER))
    assert set(index.asked("inovice").values()) == {"invoic"}
    assert (await ask(index, "inovice")).entries[0][0].document == "a"


async def test_neighbouring_passages_are_shown_as_one_text() -> None:
    first = "One two three four five six. Seven eight nine ten eleven twelve."
    second = "Seven eight nine ten eleven twelve. Pump button seconds at last."
    index = await index_of(("a", first), ("a", second), ("b", FILTER))
    shown = (await ask(index, "pump button seconds")).entries[0][0].text
    assert shown == "One two three four five six. Seven eight nine ten eleven twelve. Pump button seconds at last."
