"""`console-link`: a link that signs somebody in to the moderators' console."""

from __future__ import annotations

from bot.database import Database
from bot.errors import UserError
from bot.request import one_line
from bot.roles import Role
from bot.scenarios.review import MINUTES, link_to, only_here, owner
from bot.settings import Settings
from bot.visitors import Visitors


async def print_link(settings: Settings, name: str, role: str) -> int:
    """Print a link for `name`, who gets a role on every server."""
    if Role.named(role) is None:
        raise UserError(f"--role can be {', '.join(one.label for one in Role)}, not “{role[:40]}”.")
    who = one_line(name)
    async with Database(settings.database) as database:
        await database.migrate()
        secret = await Visitors(database).invite(owner(f"console:{who}", who, role))
    print(link_to(settings.web_address, secret))
    print(f"It signs {who} in to {role}, once, within {MINUTES} minutes.{only_here(settings.web_address)}")
    return 0
