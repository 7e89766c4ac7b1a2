"""Learning: feedback as files, training runs, and which adapter answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.running import execute

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer()
feedback_app = typer.Typer(no_args_is_help=True, help="What people said of answers, as files.")
app.add_typer(feedback_app, name="feedback")


@feedback_app.command("import")
def feedback_import(path: Annotated[Path, typer.Argument(help="A file with one JSON object a line.")]) -> None:
    """Take rated and corrected answers in; the same content is taken once, each line that is not taken is told."""

    async def main(settings: Settings) -> int:
        from adapters.console.feedback import import_feedback

        return await import_feedback(settings, path, Console())

    execute(main, quiet=True)


@feedback_app.command("export")
def feedback_export(
    path: Annotated[Path, typer.Argument(help="The file to write, one JSON object a line; - is the output.")],
    scenario: Annotated[str, typer.Option(help="Of one scenario only.")] = "",
) -> None:
    """Write rated and corrected answers to a file that `feedback import` takes, redacted and without names."""

    async def main(settings: Settings) -> int:
        from adapters.console.feedback import export_feedback

        return await export_feedback(settings, path, scenario, Console(stderr=str(path) == "-"))

    execute(main, quiet=True)


@app.command()
def train(
    scenario: Annotated[str, typer.Option(help="One scenario; all that have something new without it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be trained and what is left out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="However few new answers there are.")] = False,
) -> None:
    """Train on what moderators approved; what passes the gate goes into service."""

    async def main(settings: Settings) -> int:
        from adapters.console.train import train as train_now

        return await train_now(settings, scenario, Console(), dry_run=dry_run, force=force)

    execute(main, quiet=True)


@app.command("eval")
def evaluate(
    scenario: Annotated[str, typer.Option(help="The scenario whose questions are asked.")] = "chat",
    show: Annotated[int, typer.Option(help="So many answers are shown.")] = 5,
) -> None:
    """Ask the gate's questions of the model as it came and of what is in service, and count what is right."""

    async def main(settings: Settings) -> int:
        from adapters.console.evaluate import evaluate as evaluate_now

        return await evaluate_now(settings, scenario, Console(), show)

    execute(main, quiet=True)


@app.command()
def runs(
    scenario: Annotated[str, typer.Option(help="Of one scenario only.")] = "",
) -> None:
    """List the training runs, and which adapters are in service."""

    async def main(settings: Settings) -> int:
        from adapters.console.training import list_runs

        return await list_runs(settings, scenario, Console())

    execute(main, quiet=True)


@app.command()
def promote(
    run: Annotated[str, typer.Argument(help="A run's id or the name of its adapter, as `runs` shows them.")],
    share: Annotated[int | None, typer.Option(min=1, max=99, help="On trial, for so many percent.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Although the gate rejected it.")] = False,
) -> None:
    """Put a run's adapter into service; a running bot follows without a restart."""

    async def main(settings: Settings) -> int:
        from adapters.console.training import promote as promote_run

        return await promote_run(settings, run, share, force, Console())

    execute(main, quiet=True)


@app.command()
def rollback(
    scenario: Annotated[str, typer.Argument(help="The scenario whose last adapter goes.")],
) -> None:
    """Bring back what answered before; a running bot follows without a restart."""

    async def main(settings: Settings) -> int:
        from adapters.console.training import roll_back

        return await roll_back(settings, scenario, Console())

    execute(main, quiet=True)
