"""What a training run is told: config.json of its folder, as the bot writes it. Knows no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Method = Literal["lora", "dora", "adalora", "prefix", "full"]
Kind = Literal["causal", "seq2seq"]
Quantize = Literal["auto", "none", "int8", "int4"]
Schedule = Literal["cosine", "linear", "constant", "constant_with_warmup"]
PreferenceLoss = Literal["sigmoid", "hinge", "ipo", "robust", "exo_pair", "nca_pair", "apo_zero", "sft"]


class ConfigError(Exception):
    """config.json cannot be used; the message says why, for people."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lora(_Part):
    """The shape of what is trained beside the base. `targets`: none are all linear layers of a block."""

    r: int = Field(16, ge=1, le=512)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    layers: float = Field(0.6, gt=0, le=1, description="the upper part of the layers that is changed")
    rslora: bool = False
    virtual_tokens: int = Field(16, ge=1, le=512, description="prefix tuning only")


class Sft(_Part):
    """Learning the right answers. The rate is for a model of 135 million weights; from a billion on take 2e-4."""

    lr: float = Field(1.5e-3, gt=0)
    schedule: Schedule = "cosine"
    warmup: float = Field(0.1, ge=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    batch: int = Field(4, ge=1)
    epochs: int = Field(6, ge=1)
    patience: int = Field(2, ge=1, description="epochs without better answers on the validation rows")
    anchor: float = Field(1.0, ge=0, description="weight of staying with the base on everyday questions")
    anchors: int = Field(2, ge=1, description="such questions a step")
    enough: float = Field(0.02, ge=0, description="mean loss of an epoch that ends it where nothing validates")


class Dpo(_Part):
    """Preferring one answer to another. `minimum`: with fewer pairs the stage is skipped."""

    lr: float = Field(1e-4, gt=0)
    beta: float = Field(0.1, gt=0)
    loss: tuple[PreferenceLoss, ...] = ("sigmoid", "sft")
    weights: tuple[float, ...] = (1.0, 0.2)
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    batch: int = Field(4, ge=1)
    epochs: int = Field(2, ge=1)
    minimum: int = Field(16, ge=1)
    corrections: bool = Field(False, description="also pairs whose better answer was learned as a correction")


class Kto(_Part):
    """Learning from thumbs, Ethayarajh et al. 2024. `minimum`: with fewer rows the stage is skipped."""

    lr: float = Field(2e-4, gt=0)
    beta: float = Field(0.1, gt=0)
    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    batch: int = Field(4, ge=2)
    epochs: int = Field(3, ge=1)
    minimum: int = Field(16, ge=1)
    precompute_ref: bool = True
    anchor: float = Field(1.0, ge=0, description="weight of staying with the base on everyday questions")
    anchors: int = Field(2, ge=1, description="such questions a step")


class Gate(_Part):
    """What a candidate must hold to be promoted."""

    p: float = Field(0.05, gt=0, lt=1, description="of the one-sided sign test on what was flagged")
    discordant: int = Field(5, ge=1, description="with fewer decided items the test says nothing")
    right: float = Field(0.6, ge=0, le=1, description="least share right of what was flagged")
    golden_drop: float = Field(0.02, ge=0, le=1)
    format_drop: float = Field(0.01, ge=0, le=1)
    slower: float = Field(2.0, ge=1, description="times the seconds an answer took before")
    noticed: float = Field(0.5, ge=0, description="seconds that an answer may take longer, as nobody minds them")
    scales: tuple[float, ...] = Field((1.0, 0.75), min_length=1)


class Answers(_Part):
    """How answers are drawn for the gate: as the scenario draws its first try, greedily."""

    max_tokens: int = Field(96, ge=1)
    repetition_penalty: float = Field(1.05, gt=0)
    beams: int = Field(1, ge=1)


class Config(_Part):
    """A run. Folders are absolute; `minutes` and `memory_gb` of 0 set no limit; `threads` of 0 takes all cores."""

    run: str
    scenario: str
    adapter: str
    model: Path
    dataset: Path
    incumbent: Path | None = None
    method: Method = "lora"
    kind: Kind = "causal"
    lora: Lora = Lora()
    sft: Sft = Sft()
    dpo: Dpo = Dpo()
    kto: Kto = Kto()
    gate: Gate = Gate()
    answers: Answers = Answers()
    fgm: float = Field(0.0, ge=0, description="length of the adversarial step on the embeddings; 0 takes none")
    deterministic: bool = False
    threads: int = Field(0, ge=0)
    nice: int = Field(5, ge=0, le=19)
    minutes: float = Field(60.0, ge=0)
    memory_gb: float = Field(0.0, ge=0)
    report_to: tuple[str, ...] = ("tensorboard",)
    max_length: int = Field(512, ge=8)
    save_steps: int = Field(20, ge=1)
    device: str = "auto"
    quantize: Quantize = Field("none", description="how the worker serves it, and so how the gate has it asked")


def read(path: Path) -> Config:
    """The config in a file. Raises ConfigError."""
    try:
        return Config.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no {path.name} in {path.parent}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or path.name
        raise ConfigError(f"{path.name}: {where}: {first['msg']}.") from error


def text(config: Config) -> str:
    """The config as config.json holds it."""
    return json.dumps(config.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
