"""Measurements of the core and of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.running import execute

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer()
bench_app = typer.Typer(help="Measure the core, the engine, or the moderators' console.")
app.add_typer(bench_app, name="bench")


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    turns: Annotated[int, typer.Option(help="Stored turns for the recall bench.")] = 1_000_000,
    users: Annotated[int, typer.Option(help="People who talk at once.")] = 50,
) -> None:
    """Measure the core: what it adds to a turn, how fast it remembers, what the process weighs."""
    if context.invoked_subcommand is not None:
        return

    async def main(settings: Settings) -> int:
        from bot.bench.core import bench_core

        await bench_core(Console(), users=users, turns=turns)
        return 0

    execute(main)


@bench_app.command("engine")
def bench_engine(
    url: Annotated[str, typer.Option(help="A server that runs already, in place of the worker.")] = "",
    users: Annotated[str, typer.Option(help="How many users at once, one run each.")] = "1,8,32",
    vs: Annotated[list[str] | None, typer.Option(help="Another server to measure beside; may be repeated.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Without `transformers serve` beside it.")] = False,
    out: Annotated[Path, typer.Option(help="The folder for the figures and the chart.")] = Path("build/bench"),
) -> None:
    """Measure the worker, and beside it `transformers serve` on the same weights."""

    async def main(settings: Settings) -> int:
        from bot.bench.engine import bench_engine
        from bot.errors import UserError

        numbers = [int(part) for part in users.split(",") if part.strip().isdigit() and int(part) > 0]
        if not numbers:
            raise UserError("--users takes numbers with commas between them, such as 1,8,32.")
        await bench_engine(Console(), settings, users=numbers, url=url, versus=vs or [], alone=alone, out=out)
        return 0

    execute(main)


@bench_app.command("soak")
def bench_soak(
    users: Annotated[int, typer.Option(min=1, help="How many users at once.")] = 32,
    minutes: Annotated[float, typer.Option(min=0.01, help="For how long.")] = 10,
    out: Annotated[Path, typer.Option(help="The folder for the figures.")] = Path("build/bench"),
) -> None:
    """Keep the worker busy with users some of whom leave, and watch its memory and its slots."""

    async def main(settings: Settings) -> int:
        from bot.bench.soak import bench_soak

        await bench_soak(Console(), settings, users=users, minutes=minutes, out=out)
        return 0

    execute(main)


@bench_app.command("review")
def bench_review(
    flags: Annotated[int, typer.Option(min=100, help="How many open flags.")] = 5000,
) -> None:
    """Measure how fast flags are imported, and how fast the moderators' console shows a long queue."""

    async def main(settings: Settings) -> int:
        from bot.bench.review import bench_review

        await bench_review(Console(), flags=flags)
        return 0

    execute(main)
