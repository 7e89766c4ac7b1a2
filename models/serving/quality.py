"""Quality: what fewer bits or fewer layers cost, measured by perplexity on a fixed text and by answers.

The text is the documentation that every Python carries (PSF licence), so that nothing has to be shipped or fetched.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import structlog
import torch
from torch import Tensor
from torch.nn import functional

from models.serving.linear import Reach

WINDOW = 1024
TOKENS = 4096
CALIBRATION = 512
LETTERS = 12
"""So many characters are certainly enough for a token."""
GOLDEN = (
    "What is the capital of France?", "How many days are there in a week?", "Name three colours of the rainbow.",
    "Say in one sentence what a bridge is for.", "What is two plus three?", "Give me a title for a story about bees.",
    "Which planet do we live on?", "What do you need to bake bread?", "Is ice hot or cold?",
    "What language is spoken in Spain?",
)  # fmt: skip
"""Questions whose greedy answers are compared, besides the perplexity."""


def text_tokens(tokenizer: Any, count: int) -> list[int]:
    """The first tokens of the text to measure on."""
    text = "\n".join(topics[name] for name in sorted(topics))
    return list(tokenizer(text[: count * LETTERS])["input_ids"][:count])


def calibration_tokens(tokenizer: Any, count: int = CALIBRATION) -> list[int]:
    """Tokens of other pages, to calibrate on."""
    text = "\n".join(topics[name] for name in sorted(topics, reverse=True))
    return list(tokenizer(text[: count * LETTERS])["input_ids"][:count])


def surprise(read: Callable[[list[int]], Tensor], tokens: list[int], window: int = WINDOW) -> float:
    """Mean negative log-likelihood of `tokens`; `read` gives logits [tokens, vocabulary] of a window."""
    total, count = 0.0, 0
    for start in range(0, len(tokens) - 1, window):
        part = tokens[start : start + window]
        logits = read(part)[:-1].float()
        total += float(functional.cross_entropy(logits, torch.tensor(part[1:]), reduction="sum"))
        count += len(part) - 1
    return total / max(count, 1)


def own_reading(model: Any) -> Callable[[list[int]], Tensor]:
    """What transformers' own forward says behind every token."""

    def read(tokens: list[int]) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = model(input_ids=torch.tensor([tokens], device=model.device), use_cache=False).logits[0]
            return logits.float().cpu()

    return read


def calibrate(model: Any, tokens: list[int]) -> Reach:
    """How far the inputs of every linear layer reach while the model reads `tokens`."""
    reach: dict[str, Tensor] = {}

    def watch(path: str) -> Callable[[Any, tuple[Tensor, ...]], None]:
        def seen(_module: Any, given: tuple[Tensor, ...]) -> None:
            reach[path] = given[0].detach().abs().flatten(0, -2).amax(0)

        return seen

    hooks = [
        module.register_forward_pre_hook(watch(path))
        for path, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    ]
    own_reading(model)(tokens)
    for hook in hooks:
        hook.remove()
    return reach


def perplexity(lane: Any, tokens: int = TOKENS) -> float:
    """The perplexity of a lane whose forward reads whole windows."""
    return math.exp(surprise(lane.forward.windowed, text_tokens(lane.tokenizer, tokens)))


def answers(lane: Any, tokens: int = 24) -> list[str]:
    """The greedy answers to the golden prompts, each asked alone."""
    from models.dialect import Message, Sampling

    said = []
    for question in GOLDEN:
        sampling = Sampling(temperature=0, max_tokens=tokens)
        answering = lane.submit(lane.encode([Message("user", question)]), sampling, lambda _: None)
        while lane.busy:
            lane.step()
        said.append(lane.tokenizer.decode(answering.answer, skip_special_tokens=True))
    return said


def main() -> int:
    """`python -m models.serving.quality --model FOLDER [--quantize int8]`: one JSON object, fp32 beside it."""
    from models.serving.loading import Room, load

    parser = argparse.ArgumentParser(prog="python -m models.serving.quality", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--quantize", action="append", default=[])
    parser.add_argument("--tokens", type=int, default=TOKENS)
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the object alone
    plain: list[str] = []
    found: dict[str, Any] = {}
    for quantize in ("none", *(each for each in options.quantize if each != "none")):
        lane = load(options.model, Room(slots=1, context=2048), "cpu", quantize)
        said = answers(lane)
        plain = plain or said
        alike = sum(one == other for one, other in zip(said, plain, strict=True))
        value = round(perplexity(lane, options.tokens), 3)
        found[quantize] = {"perplexity": value, "same_answers": alike, "of": len(GOLDEN), "served": lane.quantize}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
