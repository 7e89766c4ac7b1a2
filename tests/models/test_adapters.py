"""Adapter folders: what PEFT writes is read, and whatever cannot be served is refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.serving import adapters
from models.serving.adapters import CONFIG, WEIGHTS, AdapterError
from models.serving.lora import Target
from tests.models import tiny

Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    return tiny.adapter(root / "good", tiny.write(root / "base"), target_modules=["q_proj"])


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "root" / "adapter"))


def configure(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def change(folder: Path, make: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    make(tensors)
    save_file(tensors, folder / WEIGHTS)


def test_what_peft_writes_is_read(folder: Path) -> None:
    adapter = adapters.read(folder, folder.parent)
    assert sorted(adapter.pairs) == [f"model.layers.{layer}.self_attn.q_proj" for layer in (0, 1)]
    a, b = adapter.pairs["model.layers.0.self_attn.q_proj"]
    raw = load_file(folder / WEIGHTS)
    torch.testing.assert_close(a, raw[Q.format("A")])
    torch.testing.assert_close(b, raw[Q.format("B")] * 2)  # alpha 8 over rank 4
    assert Path(adapter.base).name == "base"


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda at: (at / CONFIG).unlink(), "adapter_config.json is missing"),
    "no JSON": (lambda at: (at / CONFIG).write_text("{"), "not valid JSON"),
    "no object": (lambda at: (at / CONFIG).write_text("[]"), "not valid JSON"),
    "no weights": (lambda at: (at / WEIGHTS).unlink(), "adapter_model.safetensors is missing"),
    "pickle": (lambda at: (at / WEIGHTS).rename(at / "adapter_model.bin"), "never loaded"),
    "cut short": (lambda at: (at / WEIGHTS).write_bytes((at / WEIGHTS).read_bytes()[:-10]), "damaged"),
    "no safetensors": (lambda at: (at / WEIGHTS).write_bytes(b"PK" * 50), "damaged"),
    "IA3": (lambda at: configure(at, peft_type="IA3"), "IA3"),
    "DoRA": (lambda at: configure(at, use_dora=True), "DoRA"),
    "bias": (lambda at: configure(at, bias="all"), "biases"),
    "head": (lambda at: configure(at, modules_to_save=["lm_head"]), "fully trained"),
    "PiSSA": (lambda at: configure(at, init_lora_weights="pissa_niter_4"), "pissa"),
    "seq2seq": (lambda at: configure(at, task_type="SEQ_2_SEQ_LM"), "SEQ_2_SEQ_LM"),
    "no alpha": (lambda at: configure(at, lora_alpha=None), "lora_alpha"),
    "pattern": (lambda at: configure(at, alpha_pattern={"(": 1}), "lora_alpha"),
    "empty": (lambda at: change(at, lambda it: it.clear()), "empty"),
    "foreign tensor": (lambda at: change(at, lambda it: it.update({"x": torch.ones(1)})), "plain LoRA"),
    "half": (lambda at: change(at, lambda it: it.pop(Q.format("B"))), "belong together"),
    "ranks": (lambda at: change(at, lambda it: it.update({Q.format("A"): torch.ones(3, 64)})), "belong together"),
    "no number": (lambda at: change(at, lambda it: it[Q.format("A")].fill_(float("nan"))), "no number"),
    "integers": (lambda at: change(at, lambda it: it.update({Q.format("A"): torch.ones(4, 64).int()})), "no matrix"),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_broken_folders_are_refused_with_the_reason(folder: Path, how: str) -> None:
    breaking, words = BROKEN[how]
    breaking(folder)
    with pytest.raises(AdapterError) as refused:
        adapters.read(folder, folder.parent)
    assert words in refused.value.words
    assert refused.value.words.endswith(".")


def test_another_models_adapter_is_refused(folder: Path) -> None:
    adapter = adapters.read(folder, folder.parent)
    path = "model.layers.0.self_attn.q_proj"
    with pytest.raises(AdapterError, match=r"no layer of this model"):
        adapters.check(adapter, {})
    with pytest.raises(AdapterError, match=r"64 to 32 here, 64 to 64 there"):
        adapters.check(adapter, {each: Target(each, 64, 32) for each in (path, path.replace("0", "1"))})


@pytest.mark.parametrize("path", ["..", "../outside", "/etc", "link", "missing", "adapter/../../outside", "\0"])
def test_a_path_leads_nowhere_else(folder: Path, path: str) -> None:
    outside = folder.parent.parent / "outside"
    outside.mkdir()
    (folder.parent / "link").symlink_to(outside)
    with pytest.raises(AdapterError, match="checkpoint folder"):
        adapters.confined(path, folder.parent)
    assert adapters.confined("adapter", folder.parent) == adapters.confined(str(folder), folder.parent)


def test_a_file_that_links_elsewhere_is_not_read(folder: Path) -> None:
    secret = folder.parent.parent / "secret"
    (folder / CONFIG).rename(secret)
    (folder / CONFIG).symlink_to(secret)
    with pytest.raises(AdapterError, match="link out of"):
        adapters.read(folder, folder.parent)
