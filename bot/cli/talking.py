"""To talk: `run`, `ask`, `chat`, and a link to the console."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.cli.running import execute, short
from bot.interrupts import signals_to

if TYPE_CHECKING:
    from bot.errors import UserError
    from bot.settings import Settings

app = typer.Typer()


@app.command()
def run() -> None:
    """Answer on every platform that has a token, and on the web page."""

    async def main(settings: Settings) -> int:
        from adapters.web.server import WebApp
        from bot.parley import open_parley

        ended, running = asyncio.Event(), asyncio.current_task()
        assert running is not None
        troubles: list[UserError] = []

        def end() -> None:
            """The first signal leaves answers some seconds; who sends another does not want to wait for them."""
            if ended.is_set():
                running.cancel()
            ended.set()

        def fail(trouble: UserError) -> None:
            """A platform cannot go on until the owner has mended something."""
            troubles.append(trouble)
            ended.set()

        async with contextlib.AsyncExitStack() as stack:
            parley = await stack.enter_async_context(open_parley(settings))
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
            with signals_to(end, signal.SIGINT, signal.SIGTERM):
                if settings.slack:
                    from adapters.slack.app import SlackApp

                    slack = SlackApp(parley.chatbot, parley.stores, settings)
                    parley.parts["slack"] = slack.readiness
                    # A Slack that is away keeps nobody waiting but itself.
                    if await _unless(ended, stack.enter_async_context(slack)):
                        parley.couriers["slack"] = parley.messengers["slack"] = slack.courier
                        parley.announcer.announce("slack", slack.cards)
                await ended.wait()
                if troubles:
                    raise troubles[0]
                print("Ending; running answers have a few seconds.", file=sys.stderr)
                await parley.chatbot.close()  # while the platforms can still take them
        return 0

    execute(main)


async def _unless(ended: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Whether `work` came to its end before the bot has to."""
    waiting, working = asyncio.create_task(ended.wait()), asyncio.create_task(work)
    try:
        await asyncio.wait([waiting, working], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return working.done()
    finally:
        waiting.cancel()
        working.cancel()
        await asyncio.wait([waiting, working])


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
