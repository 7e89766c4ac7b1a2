"""What an owner looks after: `doctor` and `backup`, and the app on Slack."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.running import execute

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer()
slack_app = typer.Typer(no_args_is_help=True, help="The app on Slack.")
app.add_typer(slack_app, name="slack")


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


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Copy the store to a file, while it is in use."""

    async def main(settings: Settings) -> int:
        from bot.database import Database
        from bot.errors import UserError

        if await asyncio.to_thread(target.exists):
            raise UserError(f"{target} exists already; name a new file.")
        if not await asyncio.to_thread(target.parent.is_dir):
            raise UserError(f"There is no folder {target.parent}; make it first, or name another file.")
        async with Database(settings.database) as database:
            await database.copy_to(target)
        print(target)
        return 0

    execute(main)


@slack_app.command("manifest")
def slack_manifest(
    address: Annotated[str, typer.Option(help="The public address (https://...); Socket Mode needs none.")] = "",
) -> None:
    """Print the app's manifest: paste it at api.slack.com/apps, under Create New App or App Manifest."""

    async def main(settings: Settings) -> int:
        from adapters.slack.manifest import manifest
        from bot.errors import UserError
        from bot.scenarios.catalogue import catalogue

        router = catalogue()
        if address and not address.startswith("https://"):
            raise UserError("Slack only sends to https:// addresses; leave --address out for Socket Mode.")
        # Requests come to the same address that people install the app at.
        where = address or ("" if settings.slack_app_token.get_secret_value() else settings.slack_address)
        print(json.dumps(manifest(settings, router.commands, where), indent=2, ensure_ascii=False))
        return 0

    execute(main, quiet=True)
