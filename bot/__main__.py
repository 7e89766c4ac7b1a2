"""The command line, where everything is put together: `python -m bot --help`."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console

from bot.errors import StoreError, UserError, words_for
from bot.logs import set_up_logs
from bot.settings import Settings, load_settings
from models.engine_errors import EngineError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Parley: your own AI assistant.")
knowledge_app = typer.Typer(no_args_is_help=True, help="The documents that /support answers from.")
feedback_app = typer.Typer(no_args_is_help=True, help="What people said of answers, as files.")
bench_app = typer.Typer(help="Measure the core, or the engine.")
model_app = typer.Typer(no_args_is_help=True, help="The model's files.")
slack_app = typer.Typer(no_args_is_help=True, help="The app on Slack.")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(feedback_app, name="feedback")
app.add_typer(model_app, name="model")
app.add_typer(bench_app, name="bench")
app.add_typer(slack_app, name="slack")

log = structlog.get_logger(__name__)
OF_SERVER = "Of one Discord server or Slack workspace alone, by its id; those of none are for all of them."
Main = Callable[[Settings], Coroutine[Any, Any, int]]

LONGEST_NAME = 64
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter: the store's threads must not wait for a busy event loop."""


def short(words: str) -> str:
    """A name as the store keeps it; every platform's own are shorter."""
    if len(words) > LONGEST_NAME:
        raise typer.BadParameter(f"at most {LONGEST_NAME} characters, not {len(words)}")
    return words


def execute(main: Main, *, quiet: bool = False, **overrides: object) -> None:
    """Run `main` with the settings and end with its exit code; an expected error ends with one sentence.

    `quiet`: somebody reads the terminal, so that only what nobody foresaw is logged there.
    """
    try:
        settings = load_settings(**overrides)
        level = "error" if quiet and settings.log_level == "info" else settings.log_level
        set_up_logs(level, settings.log_chat_text)
        sys.setswitchinterval(SWITCH_SECONDS)
        code = asyncio.run(main(settings))
    except UserError as error:
        print(error.words, file=sys.stderr)
        code = 1
    except (StoreError, EngineError) as error:
        # At the command line sits the owner, whom the detail helps.
        print(f"{words_for(error).text} ({error.detail.splitlines()[0] if error.detail else ''})", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


@app.command()
def run() -> None:
    """Answer on every platform that has a token, and on the web page."""

    async def main(settings: Settings) -> int:
        from adapters.web.server import WebApp
        from bot.parley import open_parley

        ended = asyncio.Event()
        troubles: list[UserError] = []

        def fail(trouble: UserError) -> None:
            """A platform cannot go on until the owner has mended something."""
            troubles.append(trouble)
            ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        async with contextlib.AsyncExitStack() as stack:
            parley = await stack.enter_async_context(open_parley(settings))
            if settings.slack:
                from adapters.slack.app import SlackApp

                slack = await stack.enter_async_context(SlackApp(parley.chatbot, parley.stores, settings))
                parley.couriers["slack"] = parley.messengers["slack"] = slack.courier
                parley.parts["slack"] = slack.readiness
                parley.announcer.announce("slack", slack.cards)
            registry = parley.chatbot.metrics.registry
            retraining = parley.retraining
            page = WebApp(
                parley.chatbot, parley.stores, settings, parley.readiness, registry, retraining, parley.messengers
            )
            web = await stack.enter_async_context(page)
            print(f"Parley is at {web.url}", file=sys.stderr)
            if settings.discord_token.get_secret_value():
                from adapters.discord.client import DiscordApp

                discord = DiscordApp(
                    parley.chatbot, parley.stores, settings, parley.couriers, parley.messengers, parley.announcer, fail
                )  # fmt: skip
                await stack.enter_async_context(discord)
                parley.parts["discord"] = discord.readiness
            parley.nightly.enter(parley.schedule)
            await ended.wait()
            if troubles:
                raise troubles[0]
            print("Ending; running answers have a few seconds.", file=sys.stderr)
            await parley.chatbot.close()  # while the platforms can still take them
        return 0

    execute(main)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help='Plain words, or a command: /translate "Good morning" to:French')],
    user: Annotated[str, typer.Option(help="Who asks; each user has a memory of their own.", callback=short)] = "",
    channel: Annotated[str, typer.Option(help="The conversation to go on with.", callback=short)] = "ask",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Answer one question and end."""

    async def main(settings: Settings) -> int:
        from adapters.console.ask import ask as ask_once
        from bot.parley import open_parley

        async with open_parley(settings) as parley:
            name = user or getpass.getuser()
            answered = await ask_once(parley.chatbot, text, user=name, channel=channel, as_json=as_json)
        return 0 if answered else 1

    execute(main, quiet=True)


@app.command()
def chat(
    user: Annotated[str, typer.Option(help="Who talks.", callback=short)] = "",
    channel: Annotated[str, typer.Option(help="The conversation to go on with.", callback=short)] = "chat",
) -> None:
    """Talk in the terminal."""

    async def main(settings: Settings) -> int:
        from adapters.console.chat import Conversation
        from bot.parley import open_parley

        async with open_parley(settings) as parley:
            await Conversation(parley.chatbot, Console(), user or getpass.getuser(), channel).run()
        return 0

    execute(main, quiet=True)


@app.command("console-link")
def console_link(
    name: Annotated[str, typer.Option(help="Whom the link is for.")] = "",
    role: Annotated[str, typer.Option(help="view, review, train or admin, on every server.")] = "admin",
) -> None:
    """Print a link that signs somebody in to the moderators' console."""

    async def main(settings: Settings) -> int:
        from adapters.console.sign_in import print_link

        return await print_link(settings, name or getpass.getuser(), role)

    execute(main, quiet=True)


@app.command()
def doctor() -> None:
    """Check every setting, and say what to do about what is wrong."""

    async def main(settings: Settings) -> int:
        from adapters.discord.doctor import examine as examine_discord
        from adapters.slack.setup import examine as examine_slack
        from bot.doctor import examine, report

        console = Console()
        with console.status("Looking at everything; the model is started for a word"):
            platforms = [*await examine_discord(settings), *await examine_slack(settings)]
            findings = [*await examine(settings), *platforms]
        return report(findings, console)

    execute(main, quiet=True)


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
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, process.terminate)
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


@slack_app.command("manifest")
def slack_manifest(
    address: Annotated[str, typer.Option(help="The public address (https://...); Socket Mode needs none.")] = "",
) -> None:
    """Print the app's manifest: paste it at api.slack.com/apps, under Create New App or App Manifest."""

    async def main(settings: Settings) -> int:
        import json

        from adapters.slack.manifest import manifest
        from bot.scenarios.catalogue import catalogue

        router = catalogue()
        if address and not address.startswith("https://"):
            raise UserError("Slack only sends to https:// addresses; leave --address out for Socket Mode.")
        # Requests come to the same address that people install the app at.
        where = address or ("" if settings.slack_app_token.get_secret_value() else settings.slack_address)
        print(json.dumps(manifest(settings, router.commands, where), indent=2, ensure_ascii=False))
        return 0

    execute(main, quiet=True)


@knowledge_app.command("add")
def knowledge_add(
    paths: Annotated[list[Path], typer.Argument(help="Markdown, text, HTML or PDF files, or folders of them.")],
    server: Annotated[str, typer.Option(help=OF_SERVER)] = "",
) -> None:
    """Take documents in, in place of what they were before; the same content is taken once."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import add_documents

        return await add_documents(settings, paths, Console(stderr=True), server)

    execute(main, quiet=True)


@knowledge_app.command("list")
def knowledge_list(server: Annotated[str, typer.Option(help=OF_SERVER)] = "") -> None:
    """List the documents."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import list_documents

        return await list_documents(settings, Console(), server)

    execute(main, quiet=True)


@knowledge_app.command("gaps")
def knowledge_gaps() -> None:
    """List the questions that no document answered."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import list_gaps

        return await list_gaps(settings, Console())

    execute(main, quiet=True)


@knowledge_app.command("reindex")
def knowledge_reindex(server: Annotated[str, typer.Option(help=OF_SERVER)] = "") -> None:
    """Encode what was read with another EMBEDDING_MODEL anew."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import reindex_documents

        return await reindex_documents(settings, Console(stderr=True), server)

    execute(main, quiet=True)


@knowledge_app.command("remove")
def knowledge_remove(
    path: Annotated[str, typer.Argument(help="A document's path, as `knowledge list` shows it, or a folder.")],
    server: Annotated[str, typer.Option(help=OF_SERVER)] = "",
) -> None:
    """Remove a document, or all below a folder."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import remove_document

        return await remove_document(settings, path, server)

    execute(main, quiet=True)


@feedback_app.command("import")
def feedback_import(path: Annotated[Path, typer.Argument(help="A file with one JSON object a line.")]) -> None:
    """Take rated and corrected answers in; the same content is taken once, each line that is not taken is told."""

    async def main(settings: Settings) -> int:
        from adapters.console.feedback import import_feedback

        return await import_feedback(settings, path, Console())

    execute(main, quiet=True)


@feedback_app.command("export")
def feedback_export(
    path: Annotated[Path, typer.Argument(help="The file to write, one JSON object a line.")],
    scenario: Annotated[str, typer.Option(help="Of one scenario only.")] = "",
) -> None:
    """Write rated and corrected answers to a file that `feedback import` takes, redacted and without names."""

    async def main(settings: Settings) -> int:
        from adapters.console.feedback import export_feedback

        return await export_feedback(settings, path, scenario, Console())

    execute(main, quiet=True)


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Copy the store to a file, while it is in use."""

    async def main(settings: Settings) -> int:
        from bot.database import Database

        if await asyncio.to_thread(target.exists):
            raise UserError(f"{target} exists already; name a new file.")
        if not await asyncio.to_thread(target.parent.is_dir):
            raise UserError(f"There is no folder {target.parent}; make it first, or name another file.")
        async with Database(settings.database) as database:
            await database.copy_to(target)
        print(target)
        return 0

    execute(main)


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


if __name__ == "__main__":
    app()
