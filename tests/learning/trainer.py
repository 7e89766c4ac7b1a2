"""A trainer for tests: a process that works through steps, can be killed at each, and leaves what a real one leaves.

Run in place of `python -m models.train`. How it goes is told by a file named with --behaviour, or by the dataset's
manifest: `steps`, `seconds` a step, `verdict` ("pass", "fail", "inconclusive", "failed", "none"), `die_at`: steps at
which it kills itself, `made`: the adapter it leaves.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any


def write(path: Path, value: Any) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def main(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text())
    dataset = Path(config["dataset"])
    manifest = json.loads((dataset / "manifest.json").read_text())
    behaviour = json.loads(Path(sys.argv[2]).read_text()) if "--behaviour" in sys.argv else manifest["behaviour"]
    steps, verdict = behaviour.get("steps", 3), behaviour.get("verdict", "pass")
    step = json.loads((folder / "state.json").read_text())["step"] if (folder / "state.json").exists() else 0
    tell(folder, {"stage": "load", "words": "Loading", "from": step})
    while step < steps:
        time.sleep(behaviour.get("seconds", 0.0))
        if step in behaviour.get("die_at", []) and not (folder / f"died-{step}").exists():
            (folder / f"died-{step}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        step += 1
        tell(folder, {"stage": "sft", "step": step, "steps": steps, "loss": 1 / step, "lr": 1e-3, "words": ""})
        write(folder / "state.json", {"step": step})
    if verdict == "none":
        return 1
    if verdict == "failed":
        write(folder / "failed.json", {"words": "Training broke: the loss is no number.", "detail": ""})
        return 70
    keep_adapter(Path(behaviour.get("made", dataset / "adapter")), folder)
    rows = [row["id"] for row in manifest["rows"] if row["split"] == "train"]
    write(folder / "manifest.json", {"base": {"name": "tiny", "sha256": "0"}, "trained": {"sft": rows}})
    words = {"pass": "9 of 10 are right that were wrong.", "fail": "The capital of France was lost.",
             "inconclusive": "Only 3 items differ."}  # fmt: skip
    report = {"verdict": verdict, "words": [words[verdict]], "scale": 1.0, "sets": {}}
    write(folder / "report.json", {**report, "serves": behaviour.get("serves", "adapter")})
    tell(folder, {"stage": "gate", "words": words[verdict], "verdict": verdict})
    return 0


def tell(folder: Path, event: dict[str, Any]) -> None:
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"time": time.time(), **event}) + "\n")


def keep_adapter(made: Path, folder: Path) -> None:
    if (folder / "adapter").exists() or not made.exists():
        return
    partial = folder / ".adapter.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(made, partial)
    partial.rename(folder / "adapter")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
