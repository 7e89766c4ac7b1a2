"""The layers: who imports whom, and what the bot's process never loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLI = ROOT / "bot" / "cli"
"""The command line stands above all: it puts the others together."""
FORBIDDEN = {
    "bot": {"adapters", "torch", "transformers", "models.serving", "models.checkpoints"},
    "adapters": {"torch", "transformers", "models.serving", "models.checkpoints", "models.worker"},
    "models": {"bot", "adapters"},
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / layer).rglob("*.py")
        if path.name != "__main__.py" and path.parent != CLI
        for name in imports(path)
        if any(name == other or name.startswith(other + ".") for other in FORBIDDEN[layer])
    ]
    assert wrong == []


def test_the_bots_process_holds_no_torch() -> None:
    code = (
        "import sys, bot.parley, adapters.web.server, adapters.console.chat, bot.doctor; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("names", "unloaded"),
    [
        ("bot.__main__", {"openai", "pydantic_settings", "sqlalchemy"}),
        ("bot.settings, bot.logs, models.engine_errors", {"openai", "sqlalchemy", "alembic"}),
    ],
    ids=["--help", "any command"],
)
def test_the_command_line_loads_nothing_before_it_is_needed(names: str, unloaded: set[str]) -> None:
    code = f"import sys, {names}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert unloaded.isdisjoint(done.stdout.split())
