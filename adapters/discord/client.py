"""The Discord adapter: one client, its events, and how it starts and ends."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import discord
import structlog
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.answers import Answers, Core
from adapters.discord.channels import Channels
from adapters.discord.command_forms import command_form, form_of, options_in, wants_form
from adapters.discord.commands import KEPT, Translator, sync
from adapters.discord.controls import Controls
from adapters.discord.courier import DiscordCourier
from adapters.discord.declared import declare
from adapters.discord.errors import apologise
from adapters.discord.greeting import greet
from adapters.discord.layout import RERUN, read_custom_id
from adapters.discord.linked import Linked
from adapters.discord.menus import Menus
from adapters.discord.modals import data_of, filled
from adapters.discord.moderation import CardDesk
from adapters.discord.posts import InteractionPost
from adapters.discord.reactions import Reactions
from adapters.discord.requests import HOSTS, PLATFORM, adults_only, place_of, presser_of
from adapters.discord.setup import SetUp
from bot.commands import Command
from bot.delivery import Courier
from bot.errors import UserError
from bot.learning.review_cards import Announcer
from bot.messengers import Messenger
from bot.privacy import leave_server
from bot.quotas import Quotas
from bot.request import Request
from bot.settings import Settings
from bot.stores import Stores

log = structlog.get_logger(__name__)

PORTAL = "https://discord.com/developers/applications"
WRONG_TOKEN = (
    "DISCORD_TOKEN: Discord does not accept this token. Copy it anew from the Bot page of your application at "
    f"{PORTAL} (Reset Token); it is not the application id."
)
NO_INTENT = (
    f"Discord refuses the Message Content intent. Switch it on at {PORTAL} under Bot, Privileged Gateway Intents; "
    "or set DISCORD_MESSAGE_CONTENT=false: then I answer commands, mentions, replies to me and direct messages only."
)
LOGIN_SECONDS = 5.0
PRIVATE = "private"
"""The option by which a member has a command answered to them alone."""
EVENT_TASKS = ("discord.py: on_", "CommandTree-invoker")
"""How the library names its tasks for events and commands."""

Interaction = discord.Interaction[Any]


class DiscordApp:
    """Connects while it is open, and is in `couriers` and `messengers` once it can deliver.

    `fail` hears of what only the owner can mend.
    """

    def __init__(
        self, core: Core, stores: Stores, settings: Settings, couriers: dict[str, Courier],
        messengers: dict[str, Messenger], announcer: Announcer, fail: Callable[[UserError], None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._core = core
        self._couriers = couriers
        self._messengers = messengers
        self._announcer = announcer
        self._fail = fail
        self._hosts = HOSTS
        if settings.discord_api_url:
            Route.BASE = settings.discord_api_url.rstrip("/")
            self._hosts |= {urlsplit(settings.discord_api_url).hostname or ""}
        if settings.discord_gateway_url:
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)
        _shorten_logs()
        self.client = _client(settings)
        self._answers = Answers(core, stores)
        self._controls = Controls(self._answers)
        self._channels = Channels(self._answers, self.client, self._hosts, direct=settings.discord_direct)
        self._tree = app_commands.CommandTree[Any](self.client)
        quotas = Quotas(stores.database, settings.quota, settings.quota_roles)
        self._setup = SetUp(stores.places, quotas, settings.discord_message_content)
        self._cards = CardDesk(self.client)
        menus = Menus(self._answers, self._hosts)
        declare(self._tree, core.commands, self._run, menus.run, self._setup.open)
        self._tree.on_error = self._on_tree_error  # type: ignore[method-assign]
        self._linked = Linked(self._answers, self.client)
        self._reactions = Reactions(self._answers, self.client)
        for handler in (
            self.on_ready, self.on_interaction, self.on_guild_join, self.on_guild_remove, self.on_error,
            self.on_message, self.on_raw_message_edit, self.on_raw_message_delete, self.on_raw_reaction_add,
        ):  # fmt: skip
            self.client.event(handler)
        self.client.setup_hook = self._tell_commands  # type: ignore[method-assign]
        self._connection: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._connection = asyncio.create_task(self._connect(), name="discord")
        self._connection.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._couriers.pop(PLATFORM, None)
        self._messengers.pop(PLATFORM, None)
        # What still runs for an event would fail on the closed client; the core keeps what was said.
        await _end_events()
        await self.client.close()
        await _end_events()  # of what came in meanwhile
        # The library leaves the task running that waits for servers, and it fails once the client is closed.
        ready: asyncio.Task[None] | None = getattr(self.client._connection, "_ready_task", None)
        if ready is not None:
            ready.cancel()
        if self._connection is not None:
            self._connection.cancel()
            await asyncio.wait([self._connection])

    async def readiness(self) -> tuple[bool, str]:
        """Whether the gateway is connected, and in words."""
        if self.client.is_closed() or not self.client.is_ready():
            return False, "not connected to Discord"
        return True, f"connected, {len(self.client.guilds)} servers"

    async def on_ready(self) -> None:
        user = self.client.user
        log.info("discord_ready", user=str(user), guilds=len(self.client.guilds))
        courier = DiscordCourier(self.client, self._answers)
        self._couriers[PLATFORM] = self._messengers[PLATFORM] = courier
        if count := await self._core.ledger.redeliver(PLATFORM, courier):
            log.info("answers_redelivered", count=count)
        self._announcer.announce(PLATFORM, self._cards)

    async def _tell_commands(self) -> None:
        """Between logging in and connecting."""
        guilds = self._settings.discord_guild_ids
        await self._tree.set_translator(Translator())
        try:
            await sync(self._tree, guilds, self._settings.data_dir / KEPT)
        except discord.HTTPException as error:
            log.error("commands_not_told", detail=f"{error.status} {error.code}: {error.text}"[:500])

    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            pressed = read_custom_id(str(data_of(interaction).get("custom_id", "")))
            if pressed is not None and pressed.control == RERUN:
                await self._channels.rerun(interaction, int(pressed.value))
            elif pressed is not None:
                await self._controls.handle(interaction, pressed)
            elif (form := form_of(str(data_of(interaction).get("custom_id", "")))) is not None:
                name, given = form
                command = next(one for one in self._core.commands if one.name == name)
                await self._run(interaction, command, given | options_in(filled(interaction)))
            else:
                await self._setup.handle(interaction)

    async def on_message(self, message: discord.Message) -> None:
        await asyncio.gather(self._channels.on_message(message), self._linked.on_message(message))

    async def on_raw_message_edit(self, edit: discord.RawMessageUpdateEvent) -> None:
        # Unfurled links and pins come here too; what they change are no words.
        if edit.data.get("edited_timestamp"):
            channel = self.client.get_channel(edit.channel_id)
            await asyncio.gather(
                self._channels.on_raw_message_edit(edit), self._linked.on_edit(edit.message_id, channel)
            )

    async def on_raw_message_delete(self, deleted: discord.RawMessageDeleteEvent) -> None:
        await asyncio.gather(self._channels.on_raw_message_delete(deleted), self._linked.on_delete(deleted.message_id))

    async def on_raw_reaction_add(self, reaction: discord.RawReactionActionEvent) -> None:
        await self._reactions.on_reaction(reaction)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server: nothing of it is kept, at once or after the owner's days."""
        days = self._settings.leave_days
        count = await leave_server(self._answers.stores, PLATFORM, str(guild.id), days)
        log.info("discord_server_left", server=guild.id, turns=count, purged_in_days=days)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was added to a server: what it kept stays after all, and people hear how to begin."""
        await self._answers.stores.places.note_left(PLATFORM, str(guild.id), None)
        await greet(guild)

    async def on_error(self, event: str, *args: Any, **_more: Any) -> None:
        log.exception("discord_event_failed", what=event)
        if args and isinstance(args[0], discord.Interaction):
            await apologise(args[0], sys.exception())

    async def _on_tree_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        log.error("discord_command_failed", exc_info=error)
        await apologise(interaction, error.__cause__ or error)

    async def _run(self, interaction: Interaction, command: Command, options: dict[str, str]) -> None:
        """A slash command; one that needs more than was typed opens its form."""
        if wants_form(command, options):
            await interaction.response.send_modal(command_form(command, options, interaction.locale.value))
            return
        alone = options.get(PRIVATE) == "yes"
        request = Request(
            id=str(interaction.id),
            place=place_of(interaction.channel, interaction.guild_id),
            author=presser_of(interaction),
            command=command.name,
            options=options,
            adult=adults_only(interaction.channel),
            private=alone,
        )
        post = InteractionPost(interaction, private=alone or command.private or None)
        await self._answers.give(request, post, shareable=alone)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody may take a connection that broke for one that is quiet."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("discord_broke", exc_info=error)
            self._fail(UserError("The connection to Discord broke for good; the log has the cause."))

    async def _connect(self) -> None:
        """Log in and stay connected; what the owner has to mend ends it, all else is tried again."""
        token = self._settings.discord_token.get_secret_value().strip()
        wait = LOGIN_SECONDS
        while True:
            try:
                await self.client.login(token)
                await self.client.connect(reconnect=True)
                return
            except discord.LoginFailure:
                self._fail(UserError(WRONG_TOKEN))
                return
            except discord.PrivilegedIntentsRequired:
                self._fail(UserError(NO_INTENT))
                return
            except (discord.HTTPException, discord.GatewayNotFound, aiohttp.ClientError, OSError) as error:
                log.warning("discord_not_reached", detail=f"{type(error).__name__}: {error}", again_in=wait)
                await self.client.http.close()
                self.client.http.connector = discord.utils.MISSING  # else the next try takes the closed one
                await asyncio.sleep(wait)
                wait = min(wait * 2, 300.0)
            except discord.ConnectionClosed as error:
                self._fail(UserError(f"Discord ended the connection for good (code {error.code}); see doctor."))
                return


async def _end_events() -> None:
    while running := [task for task in asyncio.all_tasks() if task.get_name().startswith(EVENT_TASKS)]:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


class _Client(discord.Client):
    """Begins nothing for an event once it closes: its loop is gone then, and handlers would fail on it."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)


class _ShardedClient(_Client, discord.AutoShardedClient):
    pass


def _client(settings: Settings) -> discord.Client:
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = intents.dm_messages = True
    intents.guild_reactions = intents.dm_reactions = True
    intents.message_content = settings.discord_message_content
    options: dict[str, Any] = {
        "intents": intents,
        "allowed_mentions": discord.AllowedMentions.none(),
        "max_messages": None,
        "max_ratelimit_timeout": 30.0,
    }
    if not settings.discord_shards:
        return _Client(**options)
    count, ids = settings.discord_shard_plan
    if ids:
        options["shard_ids"] = ids
    return _ShardedClient(shard_count=count, **options)


class _OneLine(logging.Filter):
    """The library tells a lost connection with its traceback; one sentence is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            record.msg = f"{record.getMessage()} ({type(error).__name__}: {error})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True


def _shorten_logs() -> None:
    for name in ("discord.client", "discord.gateway", "discord.shard", "discord.http"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, _OneLine) for one in logger.filters):
            logger.addFilter(_OneLine())
