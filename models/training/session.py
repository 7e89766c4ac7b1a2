"""One run from its config to its report: load, train by stages, save, ask, judge."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from transformers import set_seed

from models.serving.adapters import AdapterError
from models.serving.loading import pick_device
from models.training import anchors, answers, evaluation, gate, lineage, stages, weights
from models.training.anchors import Anchor
from models.training.config import Config
from models.training.dataset import Dataset, Question
from models.training.evaluation import Exam
from models.training.folder import RunFolder, write_json
from models.training.gate import Judgement
from models.training.rewriting import Rewrites
from models.training.stages import Stage
from models.training.tokens import Encoder
from models.training.trainers import Bench
from models.training.watching import GIB, Limits

LEAST = 4
"""With fewer corrections there is nothing to learn from them."""


class TrainingError(Exception):
    """The run cannot go on; the message says why, for people."""


@dataclass
class Session:
    """A run at work."""

    config: Config
    dataset: Dataset
    folder: RunFolder
    device: str = field(init=False)
    limits: Limits = field(init=False)
    timings: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.device = pick_device(self.config.device)
        if self.device == "cuda":
            self.device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        self.limits = Limits(self.config.minutes, self.config.memory_gb)

    def run(self) -> Judgement | None:
        """Everything; None in a process that only helps. Raises TrainingError, OutOfLimits, CheckpointError."""
        self._check()
        place = self._place
        parts = self._train(place)
        if not self.folder.tells:
            return None
        judgement, sets = self._judge(place)
        served = weights.served_as(self.config.method, self.config.kind)
        if served == "adapter" and judgement.scale != 1.0:
            weights.rescale(place, judgement.scale)
        self._write(judgement, sets, parts, served, place)
        return judgement

    @property
    def _place(self) -> Path:
        served = weights.served_as(self.config.method, self.config.kind)
        return self.folder.model if served == "model" else self.folder.adapter

    def _check(self) -> None:
        if self.config.kind == "seq2seq" and self.config.method == "prefix":
            raise TrainingError("Prefix tuning of encoder-decoder models is not offered; take lora or full.")
        size = sum(path.stat().st_size for path in self.config.model.glob("*.safetensors"))
        # weights, once more for asking, and the activations of a batch
        full = 4 if self.config.method == "full" else 1
        needed = size * (1 + full) + GIB
        free = psutil.virtual_memory().available
        if self.device == "cpu" and free < needed:
            raise TrainingError(
                f"Training needs about {needed / GIB:.1f} GB of memory and {free / GIB:.1f} GB are free. "
                "It is tried again later; nothing has changed in service."
            )

    # Training

    def _train(self, place: Path) -> dict[str, Any]:
        with self._timed("load"):
            self.folder.event("load", f"Loading {self.config.model.name}")
            set_seed(self.dataset.seed)  # what is added to the base begins by chance
            tokenizer, model = weights.load(self.config, self.device)
            planned, encode, ends = self._plan(tokenizer, model)
            model = weights.adapted(model, self.config, sum(stage.steps for stage in planned))
            changed = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
            self.folder.event("load", f"{changed} weights are trained by {self.config.method}", weights=changed)
        speaker = answers.Trained(model, tokenizer, encode, ends)
        questions = [Question(row.id, row.prompt, row.completion) for row in self.dataset.validation]
        likeness = Exam(self.dataset, self.config.kind == "seq2seq").likeness

        def right(_: Any) -> int:
            said = speaker.ask([question.prompt for question in questions], self.config.answers)
            return evaluation.right(questions, said, likeness)

        bench = Bench(
            self.config, self.folder, model, tokenizer, self.device, self.dataset.seed, self.limits, right,
            len(questions), self._anchors(planned, model, tokenizer, encode, ends),
        )  # fmt: skip
        parts = {}
        for stage in planned:
            with self._timed(stage.name):
                parts[stage.name] = bench.run(stage)
        if self.folder.tells:
            weights.save(model.eval(), tokenizer, self.config, place)
        return parts

    def _anchors(
        self, planned: list[Stage], model: Any, tokenizer: Any, encode: Any, ends: frozenset[int]
    ) -> Sequence[Anchor]:
        """What the base says to everyday questions, asked before anything is learned."""
        left = [stage.name for stage in planned if not (self.folder.state / stage.name / "done.json").exists()]
        held = any(stages.anchor_weight(self.config, name) for name in left)
        asked = anchors.prompts(self.dataset)
        # a prefix has an effect from the start
        if not held or not asked or self.config.method == "prefix":
            return ()
        with self._timed("anchors"):
            self.folder.event("load", f"Asking the base {len(asked)} everyday questions")
            return anchors.ask(model, asked, encode, tokenizer.pad_token_id or 0, ends)

    def _plan(self, tokenizer: Any, model: Any) -> tuple[list[Stage], Any, frozenset[int]]:
        """The stages there are rows for, how prompts become tokens, and the tokens that end an answer."""
        config, dataset = self.config, self.dataset
        eos = model.generation_config.eos_token_id
        listed = eos if isinstance(eos, list) else [eos]
        ends = frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)
        if config.kind == "seq2seq":
            rewrites = Rewrites(tokenizer, model.config.model_type, config.max_length)
            planned = [Stage("sft", rewrites.sft(dataset.sft), config.sft.batch, config.sft.epochs)]
            self._drop(rewrites.too_long)
            for name, rows in (("dpo", dataset.dpo), ("kto", dataset.kto)):
                if rows:
                    self._skip(name, "preferences are learned by causal models only")
            return self._usable(planned), rewrites.prompt, ends
        encoder = Encoder(tokenizer, config.max_length, ends)
        learned = {row.id for row in dataset.sft} if not config.dpo.corrections else set()
        pairs = [pair for pair in dataset.dpo if pair.id not in learned]
        if len(pairs) < len(dataset.dpo):
            self._skip("dpo", f"{len(dataset.dpo) - len(pairs)} pairs are learned as corrections already")
        kto = stages.interleaved(encoder.kto(dataset.kto), dataset.seed)
        planned = [
            Stage("sft", encoder.sft(dataset.sft), config.sft.batch, config.sft.epochs),
            Stage("dpo", encoder.dpo(pairs), config.dpo.batch, config.dpo.epochs),
            Stage("kto", kto[: len(kto) - (len(kto) % config.kto.batch == 1)], config.kto.batch, config.kto.epochs),
        ]
        self._drop(encoder.too_long)
        return self._usable(planned), encoder.prompt, ends

    def _usable(self, planned: list[Stage]) -> list[Stage]:
        least = {"sft": LEAST, "dpo": self.config.dpo.minimum, "kto": self.config.kto.minimum}
        kept = []
        for stage in planned:
            if stage.rows and stage.name != "sft" and self.config.method not in weights.PREFERRING:
                self._skip(stage.name, f"{self.config.method} cannot learn preferences")
            elif len(stage.rows) >= least[stage.name]:
                kept.append(stage)
            elif stage.rows:
                self._skip(stage.name, f"{len(stage.rows)} rows, and {least[stage.name]} are needed")
        if not kept:
            raise TrainingError(
                "There is not enough to learn from yet: "
                + ("; ".join(f"{name}: {reason}" for name, reason in self.skipped.items()) or "the dataset has no rows")
                + "."
            )
        return kept

    def _skip(self, stage: str, reason: str) -> None:
        self.skipped[stage] = "; ".join(filter(None, (self.skipped.get(stage), reason)))
        self.folder.event(stage, f"left out: {reason}")

    def _drop(self, rows: list[str]) -> None:
        self.dropped |= {row: f"longer than {self.config.max_length} tokens" for row in rows}
        if rows:
            self.folder.event("load", f"{len(self.dropped)} rows are too long and were left out")

    # The gate

    def _judge(self, place: Path) -> tuple[Judgement, gate.Sets]:
        gc.collect()
        config, exam = self.config, Exam(self.dataset, self.config.kind == "seq2seq")
        served = weights.served_as(config.method, config.kind)
        with self._timed("evaluate"):
            self.folder.event("evaluate", "Asking what is in service")
            base = answers.Served(config.model, self.device, config.quantize)
            before = exam.sit(self._incumbent(base), config.answers)
            best: tuple[Judgement, gate.Sets] | None = None
            for scale in config.gate.scales if served == "adapter" else (1.0,):
                self.folder.event("evaluate", f"Asking {config.adapter}" + (f" at {scale:g}" if scale != 1 else ""))
                now = exam.sit(self._candidate(base, place, scale), config.answers)
                sets = exam.mark(before, now, scale)
                judgement = gate.judge(sets, config.gate, held=self.dataset.held, served=served)
                if best is None or gate.better(best[0], judgement) is judgement:
                    best = judgement, sets
                if best[0].verdict == "pass" or self.dataset.held:
                    break
        assert best is not None
        self.folder.event("gate", " ".join(best[0].words), verdict=best[0].verdict, scale=best[0].scale)
        return best

    def _incumbent(self, base: answers.Served) -> answers.Speaker:
        try:
            return answers.speaker(base, self.config.incumbent, self.device)
        except AdapterError as error:
            raise TrainingError(f"What is in service cannot be compared with: {error.words}") from error

    def _candidate(self, base: answers.Served, place: Path, scale: float) -> answers.Speaker:
        if weights.served_as(self.config.method, self.config.kind) != "nothing":
            return answers.speaker(base, place, self.device, scale)
        return answers.unserved(self.config, place, self.device, base)

    def _write(self, judgement: Judgement, sets: gate.Sets, parts: dict[str, Any], served: str, place: Path) -> None:
        self.limits.check_memory()
        made = lineage.manifest(
            self.config, self.dataset, stages=parts, skipped=self.skipped, dropped=self.dropped, timings=self.timings,
            peak=self.limits.peak, served=served, place=place,
        )  # fmt: skip
        write_json(self.folder.manifest, made)
        write_json(self.folder.report, {
            "verdict": judgement.verdict, "words": judgement.words, "scale": judgement.scale, "serves": served,
            "sets": judgement.sets, "metrics": evaluation.measures(sets, self.dataset),
            "samples": evaluation.samples(sets), "seconds": made["seconds"],
        })  # fmt: skip
        shutil.rmtree(self.folder.state, ignore_errors=True)

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.timings[name] = time.monotonic() - started
