"""The command line: `python -m bot --help`."""

from __future__ import annotations

import signal

on_interrupt = signal.getsignal(signal.SIGINT)
if __name__ == "__main__" and on_interrupt is signal.default_int_handler:
    # Ctrl-C while all of this loads ends it as a signal does, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import typer  # noqa: E402 - behind what keeps its loading quiet

from bot.cli import bench, knowledge, learning, model, talking, upkeep  # noqa: E402

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Parley: your own AI assistant.")
for part in (talking, upkeep, knowledge, learning, model, bench):
    app.add_typer(part.app)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_interrupt)
    app()
