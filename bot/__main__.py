"""The command line: `python -m bot --help`."""

from __future__ import annotations

import typer

from bot.cli import bench, knowledge, learning, model, talking, upkeep

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Parley: your own AI assistant.")
for part in (talking, upkeep, knowledge, learning, model, bench):
    app.add_typer(part.app)

if __name__ == "__main__":
    app()
