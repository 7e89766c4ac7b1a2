"""The model: the worker alone, a smaller model, and where its files are."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.running import execute
from bot.interrupts import signals_to

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer()
model_app = typer.Typer(no_args_is_help=True, help="The model's files.")
app.add_typer(model_app, name="model")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def worker(context: typer.Context) -> None:
    """The inference worker alone; takes the worker's own options."""

    async def main(settings: Settings) -> int:
        from models.worker import command_line

        process = await asyncio.create_subprocess_exec(
            *command_line(settings.models(), settings.embedding_model, settings.data_dir),
            "--device",
            settings.device,
            "--quantize",
            settings.quantize,
            *context.args,
        )
        with signals_to(process.terminate, signal.SIGINT, signal.SIGTERM):
            return await process.wait()

    execute(main)


@app.command()
def compress(
    target: Annotated[Path, typer.Argument(help="The new folder.")],
    model: Annotated[str, typer.Option(help="The model to compress; MODEL when empty.")] = "",
    drop_layers: Annotated[int, typer.Option(help="Leave out so many layers, those that change least.")] = 0,
    quantize: Annotated[str, typer.Option(help="int8 or none")] = "int8",
) -> None:
    """Make a smaller and faster model of MODEL in a new folder, and report what that cost."""

    async def main(settings: Settings) -> int:
        from models.worker import compress_command_line

        options = [str(target), "--drop-layers", str(drop_layers), "--quantize", quantize]
        command = compress_command_line(model or settings.model, settings.data_dir)
        process = await asyncio.create_subprocess_exec(*command, *options)
        return await process.wait()

    execute(main, quiet=True)


@model_app.command("path")
def model_path() -> None:
    """Print the folder of the model, converted first if it has to be."""

    async def main(settings: Settings) -> int:
        from models.worker import path_command_line

        process = await asyncio.create_subprocess_exec(*path_command_line(settings.model, settings.data_dir))
        return await process.wait()

    execute(main)
