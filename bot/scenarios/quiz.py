"""The quiz of /tutor: due cards asked, answers compared, ratings taken; the deck shown and exported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.controls import Button, Control
from bot.database import now
from bot.errors import UserError
from bot.request import one_line
from bot.scenarios.cards import RATINGS, Card, digest, export_anki, export_csv
from bot.scenarios.corrections import compared
from bot.scenarios.course import Course
from bot.stores import Stores
from bot.turn import File, Finished, Say, Turn

NO_CARDS = (
    "You have no cards{about} yet. They come from your mistakes in practice, from “Keep as a card” under a lesson, "
    "or by hand: /tutor mode:cards bonjour = good morning"
)
CARD, HOW_WELL = "**Card**", "How well did you know it?"
WRITE, LOOK = "Write your answer, or look at it.", "Think of the answer, then look at it."
SHOWN = 30
"""At most so many cards are listed; the export has them all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Keeps a card when its turn has ended well."""

    front: str
    back: str
    why: str = ""
    subject: str = ""

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.cards.add(
            turn.request.user, self.front, self.back, why=self.why, subject=self.subject, turn=turn.id
        )


@dataclass(frozen=True, slots=True)
class Rated:
    """Moves a card to its next day. `reviews` makes a second press of the same button count for nothing."""

    card_id: str
    rating: str
    reviews: int

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.cards.rate(turn.request.user, self.card_id, self.rating, reviews=self.reviews)


@dataclass(frozen=True, slots=True)
class Removed:
    """Takes a card out of the deck."""

    card_id: str

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.cards.remove(turn.request.user, self.card_id)


async def ask(turn: Turn, subject: str, *, but: str = "", first: str = "", records: tuple[Rated, ...] = ()) -> Say:
    """The next due card, below what is said `first`; `but` is one just rated."""
    moment = now()
    due = await turn.stores.cards.due(turn.request.user, moment, subject=subject, but=but)
    if due:
        card = due[0]
        left = f" ({len(due)} due)" if len(due) > 1 else ""
        # What others do not see is not answered in front of them.
        text = f"{CARD}{left} {card.front}\n\n{LOOK if turn.options.get('private') == 'yes' else WRITE}"
        buttons: tuple[Button, ...] = (
            Button(Control.CARD, "Show the answer", f"{card.id}:show:{card.reviews}", primary=True),
        )
    else:
        cards = [card for card in await turn.stores.cards.list(turn.request.user, subject) if card.id != but]
        text, buttons = _nothing_due(cards, subject, moment, rated=bool(records)), ()
    return Say(Finished("\n\n".join(filter(None, (first, text))), buttons=buttons, records=records), remember=True)


def _nothing_due(cards: list[Card], subject: str, moment: datetime, *, rated: bool) -> str:
    if not cards:
        return "That was your only card." if rated else NO_CARDS.format(about=f" for {subject}" if subject else "")
    return f"Nothing else is due. The next card comes {when(min(card.due for card in cards), moment)}."


async def typed(turn: Turn, course: Course, subject: str) -> Say:
    """The answer a person wrote to the card asked last."""
    card = await _asked(turn, course)
    if card is None:
        return await ask(turn, subject)
    if digest(turn.text) == digest(card.back):
        first = f"Right. {bold(card.back)}"
    else:
        changes = ", ".join(change.shown for change in compared(turn.text, card.back)[:4])
        first = f"The card says {bold(card.back)}" + (f" ({changes})" if changes else "")
    return _answer(card, first)


async def pressed(turn: Turn, value: str) -> Say:
    """A press under a card: "id:show:reviews" or "id:rating:reviews"."""
    card_id, _, rest = value.partition(":")
    action, _, reviews = rest.partition(":")
    assert turn.pressed is not None
    if turn.pressed.turn.user != turn.request.user:
        raise UserError("This card belongs to somebody else. /tutor mode:quiz asks you yours.")
    card = await turn.stores.cards.get(turn.request.user, card_id)
    if card is None:
        raise UserError("That card is no longer in your deck. /tutor mode:quiz asks for the next one.")
    if action == "show":
        return _answer(card, bold(card.back))
    if action not in RATINGS:
        raise UserError("A card is rated again, hard, good or easy.")
    if reviews.isdigit() and int(reviews) != card.reviews:
        return await ask(turn, card.subject, but=card.id, first="That one was rated already.")
    moment = now()
    _, due = card.rated(action, moment)
    rated = Rated(card.id, action, card.reviews)
    return await ask(turn, "", but=card.id, first=f"It comes back {when(due, moment)}.", records=(rated,))


def _answer(card: Card, first: str) -> Say:
    moment = now()
    why = f"\n{card.why}" if card.why else ""
    buttons = tuple(
        Button(Control.CARD, f"{rating.title()} ({short(card.rated(rating, moment)[1] - moment)})",
               f"{card.id}:{rating}:{card.reviews}", primary=rating == "good")
        for rating in RATINGS
    )  # fmt: skip
    return Say(Finished(f"{first}{why}\n\n{HOW_WELL}", buttons=buttons), remember=True)


async def _asked(turn: Turn, course: Course) -> Card | None:
    """The card that the newest question of the course was about."""
    _, mark, rest = course.last.answer.rpartition(CARD)
    if not mark:
        return None
    front = re.sub(r"^ \(\d+ due\)", "", rest.removesuffix(WRITE).removesuffix(LOOK)).strip()
    cards = await turn.stores.cards.list(turn.request.user)
    return next((card for card in cards if digest(card.front) == digest(front)), None)


async def deck(turn: Turn, subject: str, words: str) -> Say:
    """The cards; "front = back" adds one, "remove 3" takes the third one out."""
    user = turn.request.user
    front, sign, back = (part.strip() for part in words.partition(" = "))
    if sign and front and back:
        return Say(Finished(f"Kept: {front} = {back}", records=(Kept(front, back, subject=subject),)), private=True)
    cards = await turn.stores.cards.list(user, subject)
    if not cards:
        return Say(Finished(NO_CARDS.format(about=f" for {subject}" if subject else "")), private=True)
    removing = re.fullmatch(r"remove (\d+)", words.strip().lower())
    if removing:
        place = int(removing[1])
        if not 1 <= place <= len(cards):
            raise UserError(f"There is no card {place}; yours are numbered 1 to {len(cards)}.")
        card = cards[place - 1]
        return Say(Finished(f"Removed: {one_line(card.front, 120)}", records=(Removed(card.id),)), private=True)
    moment = now()
    lines = [
        f"{place}. {one_line(card.front, 120)} → {one_line(card.back, 120)} ({when(card.due, moment)})"
        for place, card in enumerate(cards[:SHOWN], 1)
    ]
    if len(cards) > SHOWN:
        lines.append(f"and {len(cards) - SHOWN} more; /tutor mode:export has them all.")
    return Say(Finished("\n".join(lines)), private=True)


async def export(turn: Turn, subject: str) -> Say:
    """The cards as files."""
    cards = await turn.stores.cards.list(turn.request.user, subject)
    if not cards:
        return Say(Finished(NO_CARDS.format(about=f" for {subject}" if subject else "")), private=True)
    files = (
        File("cards.csv", "text/csv", export_csv(cards)),
        File("cards-anki.txt", "text/plain", export_anki(cards)),
    )
    words = f"{len(cards)} {'card' if len(cards) == 1 else 'cards'}: a table, and a text for Anki (File, Import)."
    return Say(Finished(words, files=files), private=True)


def bold(text: str) -> str:
    """`text` in bold, if it is short enough to bear it."""
    return f"**{text}**" if "\n" not in text and len(text) < 200 else text


def when(due: datetime, moment: datetime) -> str:
    """When a card is due, in words."""
    return "now" if due <= moment else f"in {short(due - moment)}"


def short(span: timedelta) -> str:
    """A span of time in one unit."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    hours = round(minutes / 60)
    if hours < 36:
        return f"{hours} h"
    return f"{round(hours / 24)} days"
