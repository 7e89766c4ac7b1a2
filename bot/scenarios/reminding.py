"""The daily card of /tutor: a member says when, and their due cards come by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands import Option
from bot.database import now
from bot.errors import UserError
from bot.scenarios import quiz
from bot.scenarios.hours import Hour, suggest_hour
from bot.stores import Stores
from bot.turn import Finished, Say, Turn

DAILY = "tutor.daily"
TODAY = "today"
"""What the schedule asks for."""
DIRECT = ("discord", "slack")
GREETING = "Your cards of today are here. `/tutor daily:off` ends this."

OPTION = Option(
    "daily",
    "When your due cards come to you each day: 18:00 Europe/Paris, or off",
    suggest=suggest_hour,
    names={"zh-CN": "每日", "es-ES": "diario", "fr": "quotidien", "de": "taeglich", "ja": "毎日"},
    descriptions={
        "zh-CN": "每天什么时候收到到期的卡片：18:00 Asia/Shanghai，或 off",
        "es-ES": "Cuándo te llegan cada día las tarjetas: 18:00 Europe/Madrid, u off",
        "fr": "Quand vos cartes du jour arrivent : 18:00 Europe/Paris, ou off",
        "de": "Wann deine fälligen Karten täglich kommen: 18:00 Europe/Berlin, oder off",
        "ja": "毎日カードが届く時刻（例：18:00 Asia/Tokyo、または off）",
    },
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Keeps the hour; "" ends it."""

    hour: str

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.members.prefer(turn.request.user, DAILY, self.hour)


async def daily(turn: Turn) -> Say:
    """What `/tutor daily:` comes to."""
    words = turn.options["daily"].strip()
    if words == TODAY:
        return await quiz.ask(turn, "", first=GREETING)
    if turn.request.place.platform not in DIRECT:
        raise UserError("Daily cards come as direct messages on Discord and Slack; here, /tutor mode:quiz asks you.")
    if words.lower() in ("off", "no", "none", "never"):
        return Say(
            Finished("No more daily cards. Your cards stay: /tutor mode:quiz asks you.", records=(Chosen(""),)),
            private=True,
        )
    hour = Hour.parse(words)
    text = f"Each day at {hour} I send you your first due card, by direct message. {_first(hour, now())}"
    return Say(Finished(text, records=(Chosen(str(hour)),)), private=True)


def _first(hour: Hour, moment: datetime) -> str:
    """When that begins, so that a wrong time zone is noticed."""
    _, seconds = hour.since(moment)
    left = timedelta(days=1, seconds=-seconds)
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    return f"That is in {hours} h {minutes} min. `/tutor daily:off` ends it."
