"""The compiled loops: built once for this CPU, checked against torch, and done without where that fails."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog
import torch
from torch import Tensor

log = structlog.get_logger(__name__)

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = (
    "-O3", "-march=native", "-fopenmp", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fvisibility=hidden", "-shared", "-fPIC",
)  # fmt: skip
COMPILERS = ("cc", "gcc", "clang")
SECONDS = 120
BLOCK = 32


class KernelError(Exception):
    """The loops cannot be had on this machine; the words are for the log."""


@functools.cache
def kernels() -> Kernels | None:
    """The loops for this process, or None. `PARLEY_KERNELS=off` does without."""
    if os.environ.get("PARLEY_KERNELS", "on") == "off":
        return None
    try:
        found = Kernels(_library())
        _check(found)
    except (KernelError, OSError, AttributeError, subprocess.SubprocessError) as error:
        log.info("kernels_not_there", reason=str(error)[:300])
        return None
    return found


class Kernels:
    """The functions of kernels.c over tensors, all fp32, contiguous and on the CPU."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, count = ctypes.c_void_p, ctypes.c_int64
        self._pack = _typed(library.pack, [pointer, count, count, pointer, pointer], None)
        self._linear = _typed(library.linear, [pointer, count, count, *[pointer] * 5, count, pointer], ctypes.c_int)
        self._norm = _typed(library.norm, [pointer] * 3 + [ctypes.c_float, count, count, pointer], None)
        self._gated = _typed(library.gated, [pointer, count, count, pointer], None)
        self._place = _typed(library.place, [pointer] * 3 + [count] * 4 + [pointer] * 4 + [count], None)
        self._fits = _typed(library.fits, [count], ctypes.c_int)
        self._attend = _typed(library.attend, [pointer] + [count] * 4 + [pointer] * 4 + [count, pointer], ctypes.c_int)

    def pack(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """8-bit weights [outputs, inputs] in the order they are read in, and what they sum up to."""
        outputs, inputs = weight.shape
        padded = -(-outputs // BLOCK) * BLOCK
        packed = torch.empty(padded * -(-inputs // 4) * 4, dtype=torch.int8)
        sums = torch.empty(padded, dtype=torch.int32)
        weight = weight.contiguous()
        self._pack(weight.data_ptr(), outputs, inputs, packed.data_ptr(), sums.data_ptr())
        return packed, sums

    def linear(
        self, x: Tensor, evening: Tensor | None, packed: tuple[Tensor, Tensor], scale: Tensor, bias: Tensor | None
    ) -> Tensor:
        """x [rows, inputs] times the packed weights: [rows, outputs]."""
        rows, inputs = x.shape
        y = torch.empty(rows, len(scale))
        if self._linear(
            x.data_ptr(), rows, inputs, _at(evening), packed[0].data_ptr(), packed[1].data_ptr(), scale.data_ptr(),
            _at(bias), len(scale), y.data_ptr(),
        ):  # fmt: skip
            raise MemoryError
        return y

    def norm(self, hidden: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> Tensor:
        """`delta` added to `hidden` in place, and its RMS norm."""
        out = torch.empty_like(hidden)
        rows, width = hidden.shape
        self._norm(hidden.data_ptr(), _at(delta), weight.data_ptr(), eps, rows, width, out.data_ptr())
        return out

    def gated(self, both: Tensor) -> Tensor:
        """silu of the left half times the right half."""
        rows, width = both.shape[0], both.shape[1] // 2
        out = torch.empty(rows, width)
        self._gated(both.data_ptr(), rows, width, out.data_ptr())
        return out

    def place(
        self, qkv: Tensor, cos: Tensor, sin: Tensor, slots: Tensor, places: Tensor, keys: Tensor, values: Tensor
    ) -> None:
        """Turn queries and keys of `qkv` [rows, heads, size] in place, and write keys and values into the cache."""
        rows, heads, size = qkv.shape
        kv = keys.shape[1]
        self._place(
            qkv.data_ptr(), cos.data_ptr(), sin.data_ptr(), rows, heads - 2 * kv, kv, size, slots.data_ptr(),
            places.data_ptr(), keys.data_ptr(), values.data_ptr(), keys.shape[2],
        )  # fmt: skip

    def fits(self, size: int) -> bool:
        """Whether `attend` takes heads of this size."""
        return bool(self._fits(size))

    def attend(self, qkv: Tensor, slots: Tensor, places: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The attention of every row over its slot up to its place: [rows, heads, size]. Raises MemoryError."""
        rows, heads, size = qkv.shape
        kv = keys.shape[1]
        out = torch.empty(rows, heads - 2 * kv, size)
        if self._attend(
            qkv.data_ptr(), rows, heads - 2 * kv, kv, size, slots.data_ptr(), places.data_ptr(), keys.data_ptr(),
            values.data_ptr(), keys.shape[2], out.data_ptr(),
        ):  # fmt: skip
            raise MemoryError
        return out


def _typed(function: ctypes._NamedFuncPointer, given: Sequence[type], result: type | None) -> ctypes._NamedFuncPointer:
    function.argtypes, function.restype = given, result
    return function


def _at(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _library() -> ctypes.CDLL:
    """The compiled library, from the user's cache if it was made before for this CPU and these sources."""
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode() + _cpu()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parley"
    made = cache / f"kernels-{key}.so"
    if made.is_file() and made.stat().st_uid == os.getuid():
        return ctypes.CDLL(str(made))
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "kernels.so"
        _compile(fresh)
        try:
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = made.with_suffix(f".{os.getpid()}")
            shutil.copyfile(fresh, beside)
            beside.rename(made)  # whole or not at all
        except OSError as error:
            log.info("kernels_not_kept", reason=str(error))
        return ctypes.CDLL(str(fresh))


def _compile(target: Path) -> None:
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise KernelError("there is no C compiler")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", str(target), str(SOURCE), "-lm"], capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise KernelError(f"{compiler} refuses: {done.stderr.strip()[:200]}")


def _cpu() -> bytes:
    """What tells CPUs apart that understand different instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError as error:
        raise KernelError("no /proc/cpuinfo") from error
    return "".join(sorted({line for line in text.splitlines() if line.startswith(("flags", "model name"))})).encode()


def _check(found: Kernels) -> None:
    """Compare with torch once, so that a compiler's mistake is never served. Raises KernelError."""
    drawn = torch.Generator().manual_seed(5)
    weight = torch.randint(-127, 128, (70, 30), generator=drawn, dtype=torch.int8)
    x = torch.randint(-127, 128, (15, 30), generator=drawn).float()
    x[:, 0] = 127  # so that the scale is 1 and the sums are exact
    packed, one = found.pack(weight), torch.ones(70)
    expected = (x.double() @ weight.double().t()).float() * 127
    for rows in (1, 2, 15):
        if not torch.equal(found.linear(x[:rows], None, packed, one, None), expected[:rows]):
            raise KernelError("the 8-bit product is wrong")
    both = torch.randn(3, 64, generator=drawn) * 4
    gate, up = both.chunk(2, -1)
    if not torch.allclose(found.gated(both), torch.nn.functional.silu(gate) * up, rtol=1e-5, atol=1e-6):
        raise KernelError("the gate is wrong")
    norm = torch.nn.functional.rms_norm(both, (64,), None, 1e-5)
    if not torch.allclose(found.norm(both.clone(), None, torch.ones(64), 1e-5), norm, rtol=1e-5, atol=1e-6):
        raise KernelError("the norm is wrong")
