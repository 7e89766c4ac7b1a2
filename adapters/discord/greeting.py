"""The first contact: what a server reads when the bot joins it."""

from __future__ import annotations

import discord
import structlog

from adapters.discord.layout import Page

log = structlog.get_logger(__name__)

WORDS = (
    "**Hello, I am Parley.** Mention me and ask, or type **/** to see my commands: **/translate**, **/tutor**, "
    "**/story**, **/write**, **/support**. Right-click a message and open **Apps** to translate or correct it.\n"
    "-# Who manages this server sets me up with **/setup**. I keep what is said to me so that I can refer back to it; "
    "**/memory** shows and deletes it. Training on what is said here is off."
)


async def greet(guild: discord.Guild) -> None:
    """Say so in the server's own channel for such words; where there is none, or I may not write, say nothing."""
    channel = guild.system_channel
    if channel is None or not channel.permissions_for(guild.me).send_messages:
        return
    try:
        await channel.send(view=Page(WORDS).view())
    except discord.HTTPException as error:
        log.info("not_greeted", server=guild.id, detail=error.text)
