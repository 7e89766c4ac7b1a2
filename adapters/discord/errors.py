"""Discord's refusals as the core's kinds of send errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp
import discord

from bot.delivery import SendFailed, SendForbidden, SendLimited, SendRefused, SendUnsure
from bot.errors import words_for

UNKNOWN_INTERACTION = 10062
ALREADY_ACKNOWLEDGED = 40060


@contextmanager
def sending(*, repeatable: bool = False) -> Iterator[None]:
    """Raises a `SendError` for what discord.py raises. `repeatable`: a second try does no harm, as with an edit."""
    try:
        yield
    except discord.RateLimited as error:
        raise SendLimited(str(error), error.retry_after) from error
    except (discord.Forbidden, discord.NotFound) as error:
        raise SendForbidden(f"{error.status} {error.code}: {error.text}") from error
    except discord.DiscordServerError as error:
        raise SendFailed(f"{error.status}: {error.text}") from error
    except discord.HTTPException as error:
        if error.status == 429:
            raise SendFailed("429: still limited after five tries") from error
        raise SendRefused(f"{error.status} {error.code}: {error.text}") from error
    except TimeoutError as error:
        raise (SendFailed if repeatable else SendUnsure)("no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise (SendFailed if repeatable else SendUnsure)(f"{type(error).__name__}: {error}") from error


async def apologise(interaction: discord.Interaction[Any], error: BaseException | None) -> None:
    """Tell who pressed or typed that it broke: Discord would say "the application did not respond"."""
    words = words_for(error or RuntimeError()).text
    with suppress(discord.HTTPException, aiohttp.ClientError):
        if interaction.response.is_done():
            await interaction.followup.send(words, ephemeral=True)
        else:
            await interaction.response.send_message(words, ephemeral=True)
