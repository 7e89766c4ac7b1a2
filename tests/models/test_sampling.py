"""The next token: as transformers draws it, repeatable by seed, and never from broken numbers."""

from __future__ import annotations

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor, TopPLogitsWarper

from models.engine import Sampling
from models.serving.sampling import BrokenLogits, Sampler


def logits(seed: int = 0, size: int = 1000, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * spread


def draws(sampling: Sampling, count: int = 200) -> list[int]:
    sampler = Sampler(sampling, [])
    return [sampler.draw(logits()) for _ in range(count)]


def test_temperature_zero_takes_the_best() -> None:
    assert set(draws(Sampling(temperature=0), 5)) == {int(logits().argmax())}


def test_a_seed_repeats_the_draws_and_none_does_not() -> None:
    assert draws(Sampling(seed=5)) == draws(Sampling(seed=5))
    assert draws(Sampling(seed=5)) != draws(Sampling(seed=6))
    assert draws(Sampling()) != draws(Sampling())


@pytest.mark.parametrize("spread", [0.01, 3.0], ids=["flat", "peaked"])
@pytest.mark.parametrize("top_p", [0.0001, 0.3, 0.9])
def test_nucleus_is_transformers_own(top_p: float, spread: float) -> None:
    row = logits(spread=spread)
    warped = TopPLogitsWarper(top_p)(None, row[None])[0]
    probabilities, tokens = Sampler(Sampling(top_p=top_p), [])._nucleus(torch.softmax(row, -1))
    assert set(tokens.tolist()) == set(torch.nonzero(warped > -torch.inf).flatten().tolist())
    assert torch.allclose(probabilities / probabilities.sum(), torch.softmax(warped, -1)[tokens])


def test_repetition_penalty_is_transformers_own() -> None:
    row, seen = logits(), [1, 5, 5, 9]
    expected = RepetitionPenaltyLogitsProcessor(1.3)(torch.tensor([seen]), row[None].clone())[0]
    assert torch.equal(Sampler(Sampling(repetition_penalty=1.3), seen)._penalised(row, [1, 5, 9]), expected)


def test_how_likely_a_token_was_is_told_before_penalties_and_temperature() -> None:
    row = logits()
    sampler = Sampler(Sampling(temperature=1.7, top_p=0.5, seed=1, repetition_penalty=1.4, logprobs=True), [3, 4])
    for _ in range(5):
        token = sampler.draw(row)
        assert sampler.logprob == pytest.approx(float(torch.log_softmax(row, -1)[token]), abs=1e-4)
    silent = Sampler(Sampling(), [])
    silent.draw(row)
    assert silent.logprob is None


def test_what_was_said_counts_as_seen() -> None:
    sampler = Sampler(Sampling(temperature=0, repetition_penalty=2.0), [])
    row = torch.tensor([1.0, 1.5, 1.0])
    assert [sampler.draw(row) for _ in range(3)] == [1, 0, 2]


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_broken_logits_are_told(broken: float) -> None:
    row = logits()
    row[3] = broken
    with pytest.raises(BrokenLogits):
        Sampler(Sampling(), []).draw(row)
