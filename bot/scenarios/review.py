"""/review: a moderator's own link to the moderators' console."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.commands import Command
from bot.errors import UserError
from bot.roles import role_of
from bot.settings import LOOPBACK
from bot.turn import Say, Turn, say
from bot.visitors import LINK, Visitor

MINUTES = int(LINK.total_seconds() // 60)


@dataclass(frozen=True, slots=True)
class ReviewScenario:
    """`address` is where people's browsers find the page."""

    address: str
    instant = True
    command = Command(
        name="review",
        description="For moderators: a link to review flagged answers",
        private=True,
        examples=("/review",),
        help="The link is yours alone, works once, and leads to the moderators' console.",
        names={"zh-CN": "审核", "es-ES": "revisar", "fr": "revoir", "de": "pruefen", "ja": "レビュー"},
        descriptions={
            "zh-CN": "版主专用：审核被标记回答的链接",
            "es-ES": "Para moderadores: un enlace para revisar respuestas marcadas",
            "fr": "Pour les modérateurs : un lien pour revoir les réponses signalées",
            "de": "Für Moderatoren: ein Link zum Prüfen gemeldeter Antworten",
            "ja": "モデレーター用：報告された回答を確認するリンク",
        },
    )

    async def plan(self, turn: Turn) -> Say:
        if turn.request.place.platform == "web":
            return say("The moderators' console is on this page: **Review**, at the foot of the menu.")
        visitor = await self._visitor(turn)
        secret = await turn.stores.visitors.invite(visitor)
        words = (
            f"[Open the moderators' console]({link_to(self.address, secret)})\n\n"
            f"The link signs you in as {visitor.name}. It works once, within {MINUTES} minutes; give it to nobody."
        )
        return say(f"{words}{only_here(self.address)}")

    async def _visitor(self, turn: Turn) -> Visitor:
        request = turn.request
        visitor = Visitor.of(request.place, request.author)
        if request.place.platform == "console":
            return owner(visitor.user, visitor.name)
        server = await turn.stores.places.server(visitor.platform, visitor.server)
        # Whether the server is trusted makes no difference to whether somebody may come in at all.
        if role_of(visitor, server, trusted=False) is None:
            if not visitor.server:
                raise UserError(
                    "Type /review on the server whose answers you review; here I cannot tell which that is."
                )
            raise UserError("Only this server's moderators can do that; its admins say who they are.")
        if request.command is None and not request.private:
            raise UserError("Others read along here. Type /review as a command, so that nobody but you sees the link.")
        return visitor


def owner(user: str, name: str, role: str = "admin") -> Visitor:
    """Somebody whom the owner lets in, with a role on every server."""
    return Visitor(user=user, name=name, id=user.partition(":")[2], granted=role)


def link_to(address: str, secret: str) -> str:
    """The link that signs somebody in."""
    return f"{address}/review/enter/{secret}"


def only_here(address: str) -> str:
    """What has to be said of a link that leads nowhere from another machine, "" of any other."""
    if urlsplit(address).hostname not in LOOPBACK:
        return ""
    return (
        "\n\nIt opens on the machine that I run on only: the owner can give the page an address for everybody "
        "with the settings WEB_URL and WEB_TOKEN."
    )
