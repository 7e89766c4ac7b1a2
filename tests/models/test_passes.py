"""Passes: where the memory runs out, the batch shrinks and the answers stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.engine import Piece, Sampling
from models.serving import passes as passes_module
from models.serving.forward import Chunk, Forward
from models.serving.lane import Lane
from models.serving.loading import Room, load
from models.serving.lora import AdapterWeights, Lora
from models.serving.passes import AMPLE, OutOfMemory, Passes
from models.serving.resident import Failure, Outcome
from tests.models.test_lane import prompts, run

GREEDY = Sampling(temperature=0, max_tokens=12)


class Narrow:
    """A real forward on a device with memory for so many tokens a pass; it breaks after half of the work is done."""

    def __init__(self, forward: Forward, tokens: int, error: Exception) -> None:
        self._forward = forward
        self.tokens = tokens
        self.error = error
        self.lora: Lora = forward.lora
        self.guesses = forward.guesses
        self.passes = 0

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        self.passes += 1
        if sum(len(chunk.tokens) for chunk in chunks) > self.tokens:
            self._forward.run(chunks[: len(chunks) // 2 or 1])
            raise self.error
        return self._forward.run(chunks)

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._forward.copy(source, target, tokens)

    def release(self, slot: int) -> None:
        self._forward.release(slot)


def narrow(lane: Lane, tokens: int, error: Exception) -> Narrow:
    lane.forward = Narrow(lane.forward, tokens, error)
    lane.passes = Passes(lane.forward)
    return lane.forward


@pytest.fixture
def lane(tiny_checkpoint: Path) -> Lane:
    return load(tiny_checkpoint, Room(slots=4, chunk=32, context=512), "cpu")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "python"],
)
def test_a_shortage_changes_no_answer(lane: Lane, tiny_checkpoint: Path, error: Exception) -> None:
    asked = prompts(9)
    expected = [each.answer for each in run(lane, asked, GREEDY)]
    scarce = load(tiny_checkpoint, Room(slots=4, chunk=32, context=512), "cpu")
    narrow(scarce, 3, error)
    assert [each.answer for each in run(scarce, asked, GREEDY)] == expected
    assert scarce.passes.shortages > 0
    assert scarce.counts.failed == 0


def test_the_batch_grows_again_when_there_is_room(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_module, "PATIENCE", 10)
    forward = narrow(lane, 2, torch.OutOfMemoryError())
    run(lane, prompts(4), GREEDY)
    assert lane.passes.most <= 2
    forward.tokens, shortages = AMPLE, lane.passes.shortages
    while lane.passes.most < 64:
        run(lane, prompts(4), GREEDY)
    assert lane.passes.shortages == shortages
    assert forward.passes > 5 * 10


def test_where_not_one_token_fits_the_request_is_refused_for_now(lane: Lane) -> None:
    narrow(lane, 0, torch.OutOfMemoryError())
    told: list[Outcome] = []
    lane.submit(prompts(1)[0], GREEDY, told.append)
    while lane.busy:
        lane.step()
    assert told == [Failure("out of memory", busy=True)]
    assert lane.slots.free_count == 4


def test_another_error_is_no_shortage(lane: Lane) -> None:
    narrow(lane, 0, RuntimeError("shapes do not match"))
    told: list[Outcome] = []
    lane.submit(prompts(1)[0], GREEDY, told.append)
    while lane.busy:
        lane.step()
    assert [(type(outcome), outcome.busy) for outcome in told if not isinstance(outcome, Piece)] == [(Failure, False)]
    assert lane.passes.shortages == 0


def test_one_that_does_not_fit_leaves_its_neighbours_alone(lane: Lane) -> None:
    class Wanting(Narrow):
        def run(self, chunks: Sequence[Chunk]) -> Tensor:
            if any(chunk.adapter is not None for chunk in chunks):
                raise torch.OutOfMemoryError
            return self._forward.run(chunks)

    passes = Passes(Wanting(lane.forward, AMPLE, MemoryError()))
    heavy = AdapterWeights(1, {})
    found = passes.run([Chunk(0, 0, [5, 6], True), Chunk(1, 0, [7, 8], True, heavy), Chunk(2, 0, [9], True)])
    assert [type(each) for each in found] == [Tensor, OutOfMemory, Tensor]
