"""Reviews: the queue of answers that somebody found wanting, one item a turn. Owner of `reviews` and `verdicts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.database import Database, now
from bot.errors import UserError
from bot.learning.due_cards import DueCards
from bot.learning.feedback import Rating, put_feedback
from bot.learning.flags import CORRECTION_CHARACTERS, Reason, Report, put_flag
from bot.learning.forgotten_reviews import forget_person, forget_server, withdraw_orphans
from bot.learning.golden import drop_golden
from bot.learning.quorum import reviewers_needed
from bot.learning.redaction import redact
from bot.learning.review import (
    UNCLAIMED,
    UNDECIDED,
    Decision,
    Review,
    Said,
    State,
    Verdict,
    complaints,
    covered,
    find_review,
    review_of,
    reviews,
    verdicts,
    verdicts_on,
    workable,
)
from bot.learning.review_rows import change_item, open_item, put_verdict, refresh_item, take_back
from bot.learning.runs import run_rows
from bot.places import Moderator
from bot.request import one_line
from bot.turns import TurnRow

LEASE = timedelta(minutes=10)
"""How long a claimed item is its claimer's alone."""
CHECKER = "parley:checks"
"""Who flags what contradicts something else."""


class Reviews:
    """The queue. Every change is told to `listen`ers after it is committed. `cards`: how it is shown in channels."""

    def __init__(self, database: Database) -> None:
        self.cards = DueCards(database)
        self._database = database
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def flag(self, turn: TurnRow, user: str, report: Report) -> bool:
        """Keep a report and have the turn reviewed. Returns whether this person had not flagged it before."""
        if not turn.answer:
            raise UserError("I keep nothing of that answer, so nobody could review it.")
        async with self._database.write() as connection:
            new = await put_flag(connection, turn.id, user, report)
            await open_item(connection, turn)
            await refresh_item(connection, turn.id)
        self._tell()
        return new

    async def thumb(
        self, turn: TurnRow, user: str, rating: Rating, correction: str = "", reasons: Sequence[str] = ()
    ) -> None:
        """Keep a thumb with the reasons that were ticked; a better answer that comes with it joins the queue."""
        async with self._database.write() as connection:
            detail: dict[str, Any] = {"correction": correction} if correction else {}
            detail |= {"reasons": list(reasons)} if reasons else {}
            await put_feedback(connection, turn.id, user, "thumb", rating, detail)
            if correction:
                await open_item(connection, turn)
            await refresh_item(connection, turn.id)
        self._tell()

    async def get(self, turn_id: str) -> Review | None:
        async with self._database.read() as connection:
            return await find_review(connection, turn_id)

    async def queue(
        self, state: State = "open", *, platform: str = "", server: str = "", most: int = 50,
        after: datetime | None = None,
    ) -> list[Review]:  # fmt: skip
        """Items in a state, the longest waiting first; of one server, or of all where no `platform` is given."""
        conditions = [reviews.c.state == state]
        if platform:
            conditions += [reviews.c.platform == platform, reviews.c.server == server]
        if after is not None:
            conditions.append(reviews.c.opened > after)
        query = reviews.select().where(*conditions).order_by(reviews.c.opened).limit(most)
        async with self._database.read() as connection:
            return [review_of(row) for row in (await connection.execute(query)).all()]

    async def verdicts(self, turn_id: str) -> list[Verdict]:
        """What each reviewer said of an item, in their order."""
        async with self._database.read() as connection:
            return await verdicts_on(connection, turn_id)

    async def complaints(self, turn_id: str) -> list[Said]:
        """What people said is wrong with an answer, oldest first."""
        async with self._database.read() as connection:
            return await complaints(connection, turn_id)

    async def claim(self, turn_id: str, moderator: Moderator) -> Review:
        """Keep others off an item for LEASE. Raises UserError."""
        async with self._database.write() as connection:
            await workable(connection, turn_id, moderator)
            lease = {"claimed_by": moderator.user, "claimer": one_line(moderator.name), "claimed_until": now() + LEASE}
            item = await change_item(connection, turn_id, **lease)
        self._tell()
        return item

    async def release(self, turn_id: str, moderator: Moderator) -> Review:
        """Give up a claim; somebody else's stays. Raises UserError."""
        async with self._database.write() as connection:
            item = await covered(connection, turn_id, moderator)
            if item.claimed_by == moderator.user:
                item = await change_item(connection, turn_id, **UNCLAIMED)
        self._tell()
        return item

    async def escalate(self, turn_id: str, moderator: Moderator) -> Review:
        """Leave an item to those who manage the server. Raises UserError."""
        async with self._database.write() as connection:
            await workable(connection, turn_id, moderator)
            passed = {"escalated_by": moderator.user, "escalator": one_line(moderator.name)}
            item = await change_item(connection, turn_id, **passed, **UNCLAIMED)
        self._tell()
        return item

    async def approve(
        self, turn_id: str, moderator: Moderator, revision: int | None = None, reasons: Sequence[Reason] = ()
    ) -> Review:
        """The flag is right, and so is the suggestion it came with. `revision` is the one that was looked at.

        `reasons`, here and below: what the moderator says is wrong, where that differs from what was reported.
        """
        return await self._decide(turn_id, moderator, "approved", None, reasons, revision)

    async def edit(
        self, turn_id: str, moderator: Moderator, text: str, reasons: Sequence[Reason] = (), question: str = ""
    ) -> Review:
        """The flag is right, and the answer should have been `text`.

        `question`: what was asked, in the moderator's words, which train in place of the member's; "" = no such words.
        """
        text = redact(text.strip()).text[:CORRECTION_CHARACTERS]
        if not text:
            raise UserError("The better answer needs some text; use Approve when there is none to give.")
        question = redact(question.strip()).text[:CORRECTION_CHARACTERS]
        return await self._decide(turn_id, moderator, "edited", text, reasons, question=question)

    async def reject(self, turn_id: str, moderator: Moderator, reasons: Sequence[Reason] = ()) -> Review:
        """The answer was good."""
        return await self._decide(turn_id, moderator, "rejected", "", reasons)

    async def undo(self, turn_id: str, moderator: Moderator) -> Review:
        """Open a decided item again; take one's own word back on one that waits for a second. Raises UserError."""
        async with self._database.write() as connection:
            item = await covered(connection, turn_id, moderator)
            trained = sa.select(run_rows.c.run).where(run_rows.c.turn_id == turn_id).limit(1)
            if (await connection.execute(trained)).first() is not None:
                raise UserError("An adapter was trained with that decision, so it stays. Flag the answer anew instead.")
            if item.state == "open":
                item = await take_back(connection, turn_id, moderator)
            else:
                await connection.execute(verdicts.delete().where(verdicts.c.turn_id == turn_id))
                await drop_golden(connection, turn_id)
                suggestion = item.correction or item.suggestion
                item = await change_item(connection, turn_id, **UNDECIDED | {"state": "open", "suggestion": suggestion})
        self._tell()
        return item

    async def contest(self, turn_ids: Sequence[str], note: str) -> None:
        """Have approved items reviewed again, which contradict each other: `note` tells the reviewers so."""
        async with self._database.write() as connection:
            for turn_id in turn_ids:
                item = await find_review(connection, turn_id, lock=True)
                if item is not None and item.state not in ("open", "withdrawn"):
                    await connection.execute(verdicts.delete().where(verdicts.c.turn_id == turn_id))
                    await put_flag(connection, turn_id, CHECKER, Report((Reason.OTHER,), note))
                    reopened = UNDECIDED | {"state": "open", "suggestion": item.correction or item.suggestion}
                    await change_item(connection, turn_id, **reopened)
        self._tell()

    async def forget(self, user: str, turn_ids: Sequence[str]) -> None:
        """Forget a person who asked `turn_ids`, with their flags and thumbs and with all that was said of their turns.

        Items on these are withdrawn until their cards say so too.
        """
        async with self._database.write() as connection:
            await forget_person(connection, user, turn_ids)
        self._tell()

    async def sweep(self) -> None:
        """Withdraw open items whose turn is no longer kept, and delete withdrawn ones whose cards say so."""
        async with self._database.write() as connection:
            await withdraw_orphans(connection)
        self._tell()

    async def purge(self, platform: str, server: str) -> None:
        """Forget a server, which the bot has left."""
        async with self._database.write() as connection:
            await forget_server(connection, platform, server)

    async def _decide(
        self, turn_id: str, moderator: Moderator, decision: Decision, text: str | None, reasons: Sequence[Reason],
        revision: int | None = None, question: str = "",
    ) -> Review:  # fmt: skip
        async with self._database.write() as connection:
            item = await workable(connection, turn_id, moderator)
            if revision is not None and revision != item.revision:
                raise UserError("This one has changed since you opened it; look at it again.")
            correction = item.suggestion if text is None else text
            await put_verdict(connection, turn_id, moderator.user, decision, correction, reasons)
            agreeing = [
                one for one in await verdicts_on(connection, turn_id)
                if one.decision != "rejected" and one.correction == correction
            ]  # fmt: skip
            reworded = {"question": question} if question else {}
            if decision != "rejected" and len(agreeing) < reviewers_needed(correction):
                done = await change_item(connection, turn_id, suggestion=correction, **reworded, **UNCLAIMED)
            else:
                # What nobody but a reviewer wrote is an edit, whoever agrees with it.
                written = any(one.correction == correction for one in await complaints(connection, turn_id))
                outcome = "edited" if decision == "approved" and correction and not written else decision
                decided: dict[str, Any] = {"decided_by": moderator.user, "decider": one_line(moderator.name)}
                decided["decided"] = now()
                decided |= {"state": outcome, "correction": correction}
                done = await change_item(connection, turn_id, **decided, **reworded, **UNCLAIMED)
        self._tell()
        return done

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
