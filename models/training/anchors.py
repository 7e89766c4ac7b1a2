"""Anchors: everyday questions on which the model shall go on saying what the base says, whatever else it learns.

A few dozen corrections, learned at the rate they need, take other knowledge along. At every step the model's
distribution on some of these questions is held to the base's (Kullback-Leibler; Li & Hoiem 2016, Mitchell et al. 2022).
No answer is taught by it: what the base does not know it still does not know.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.dialect import Message
from models.training.correctness import facts
from models.training.dataset import Dataset, Prompt

TOGETHER = 8
"""Questions that the base is asked at once."""
SAID = 24
"""Tokens of an answer that are held."""
BEST = 64
"""Tokens of the vocabulary that are compared one by one; the rest as one."""
ALIKE = 0.5
"""With so large a part of its words in common a question counts as one that the gate asks."""

QUESTIONS = (
    "What is the capital of Germany?", "What is the capital of Portugal?", "What is the capital of Egypt?",
    "In which country is Moscow?", "Which continent is Brazil in?", "What is 3 plus 4?", "What is 8 times 2?",
    "What is half of 20?", "How many minutes are in an hour?", "How many days are in a year?",
    "Who wrote Hamlet?", "Who invented the telephone?", "Who was Albert Einstein?", "Who painted Guernica?",
    "What is the largest animal?", "What is the smallest planet?", "Which planet is closest to the sun?",
    "What is the chemical symbol of iron?", "At what temperature does water boil?", "What is photosynthesis?",
    "What is the opposite of fast?", "What is a word that means happy?", "What is the past tense of go?",
    "How do you say thank you in Spanish?", "What sound does a cow make?", "What colour is a banana?",
    "What do people use an umbrella for?", "What is bread made of?", "How do I boil an egg?", "What is a computer?",
    "Write one sentence about the sea.", "Name three fruits.", "Give me a tip for sleeping better.",
    "What is the difference between a cat and a dog?", "Why is the sky dark at night?", "What is football?",
    "When did the Second World War end?", "What language is spoken in Brazil?", "What is gravity?",
    "How are you today?",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anchor:
    """A question with the base's answer: tokens, where the answer begins, and what the base thought at each place.

    `best` [places, BEST] are token numbers, `shares` [places, BEST + 1] their probabilities and that of the rest.
    """

    tokens: Tensor
    start: int
    best: Tensor
    shares: Tensor


@dataclass(frozen=True, slots=True)
class Anchors:
    """The anchors of a run: `batch` of them are looked at in each step, one after the other by the step's number."""

    rows: Sequence[Anchor]
    weight: float
    batch: int
    pad: int

    def drift(self, model: Any, step: int) -> Tensor:
        """How far the model has moved from the base, in nats a token."""
        chosen = [self.rows[(step * self.batch + at) % len(self.rows)] for at in range(self.batch)]
        longest = max(len(row.tokens) for row in chosen)
        ids = torch.stack(
            [functional.pad(row.tokens, (0, longest - len(row.tokens)), value=self.pad) for row in chosen]
        )
        mask = torch.stack([torch.arange(longest) < len(row.tokens) for row in chosen]).long()
        first = min(row.start for row in chosen) - 1
        device = model.device
        logits = model(
            input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, logits_to_keep=longest - first
        ).logits
        parts = []
        for row, spoken in zip(chosen, logits, strict=True):
            at = row.start - 1 - first
            parts.append(_divergence(row, spoken[at : at + len(row.best)].float()))
        return torch.cat(parts).mean()


def _divergence(row: Anchor, logits: Tensor) -> Tensor:
    """KL(base || model) at every place of the answer; `logits` [places, vocabulary]."""
    best, shares = row.best.to(logits.device), row.shares.to(logits.device)
    known = logits.log_softmax(-1).gather(-1, best)
    rest = torch.log1p(-known.exp().sum(-1, keepdim=True).clamp(max=1 - 1e-6))
    return functional.kl_div(torch.cat((known, rest), -1), shares, reduction="none").sum(-1)


def prompts(dataset: Dataset) -> list[Prompt]:
    """The questions as the scenario asks them, without those that the gate asks; in an order of the seed's."""
    before = Counter(
        prompt[:-1] for prompt in (*(row.prompt for row in dataset.sft), *(row.prompt for row in dataset.kto))
    )
    frame = before.most_common(1)[0][0] if before else ()
    if any(message.role != "system" for message in frame):
        frame = ()
    asked = [_words(question.words) for part in (dataset.test, dataset.golden) for question in part]
    kept = [question for question in QUESTIONS if not any(_alike(_words(question), other) for other in asked)]
    random.Random(dataset.seed).shuffle(kept)
    return [(*frame, Message("user", question)) for question in kept]


def _words(question: str) -> frozenset[str]:
    found = facts("", question)
    return found.words | found.hard


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) >= ALIKE * len(one | other)


@torch.no_grad()
def ask(
    model: Any, asked: Sequence[Prompt], encode: Callable[[Prompt], list[int]], pad: int, ends: Collection[int]
) -> list[Anchor]:
    """What the base says. `model` is the base, or with what is added to it still without effect."""
    was_training = model.training
    model.eval()
    made: list[Anchor] = []
    for at in range(0, len(asked), TOGETHER):
        made += _anchors(model, [encode(prompt) for prompt in asked[at : at + TOGETHER]], pad, ends)
    model.train(was_training)
    return made


def _anchors(model: Any, prompts: Sequence[list[int]], pad: int, ends: Collection[int]) -> list[Anchor]:
    longest = max(map(len, prompts))
    given = torch.tensor([[pad] * (longest - len(tokens)) + tokens for tokens in prompts])
    mask = torch.tensor([[0] * (longest - len(tokens)) + [1] * len(tokens) for tokens in prompts])
    made = model.generate(
        input_ids=given.to(model.device), attention_mask=mask.to(model.device), do_sample=False, max_new_tokens=SAID,
        pad_token_id=pad, eos_token_id=sorted(ends), return_dict_in_generate=True, output_logits=True,
    )  # fmt: skip
    rows = zip(prompts, made.sequences[:, longest:].tolist(), torch.stack(made.logits, 1), strict=True)
    return [_anchor(*row, ends) for row in rows]


def _anchor(prompt: list[int], said: list[int], logits: Tensor, ends: Collection[int]) -> Anchor:
    end = next((at for at, token in enumerate(said) if token in ends), len(said) - 1) + 1
    known, best = logits[:end].float().softmax(-1).topk(min(BEST, logits.shape[-1]), -1)
    rest = (1 - known.sum(-1, keepdim=True)).clamp_min(0)
    return Anchor(torch.tensor(prompt + said[:end]), len(prompt), best.cpu(), torch.cat((known, rest), -1).cpu())


class Anchored:
    """What a trainer is mixed with, so that `anchors` count in its loss."""

    anchors: Anchors | None = None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[misc]
        if self.anchors is None:
            return found
        drift = self.anchors.drift(model, self.state.global_step)  # type: ignore[attr-defined]
        self._metrics["train"]["drift"].append(drift.item())  # type: ignore[attr-defined]
        loss, outputs = found if return_outputs else (found, None)
        loss = loss + self.anchors.weight * drift
        return (loss, outputs) if return_outputs else loss
