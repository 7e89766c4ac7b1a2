"""The command line: `python -m bot --help`."""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Ctrl-C outside of what a command does ends it as a signal does, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import typer

from bot.cli import bench, knowledge, learning, model, talking, upkeep

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Parley: your own AI assistant.")
for part in (talking, upkeep, knowledge, learning, model, bench):
    app.add_typer(part.app)

if __name__ == "__main__":
    app()
