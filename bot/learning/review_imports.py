"""What reviewers said of imported rows, put into the queue's tables in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.database import insert, now
from bot.learning.quorum import reviewers_needed
from bot.learning.review import UNDECIDED, Decision, State, reviews, verdicts


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An imported answer and who reviewed it. `decision` "rejected": they found the answer good as it was."""

    turn_id: str
    scenario: str
    decision: Decision
    correction: str
    reviewers: tuple[str, ...]


def add_reviews(connection: sa.Connection, items: Sequence[Reviewed]) -> dict[str, State]:
    """Add verdicts and items in the caller's transaction. What a moderator has decided here already stands.

    Returns the state of each item.
    """
    if not items:
        return {}
    ids = [item.turn_id for item in items]
    said = [
        {"turn_id": item.turn_id, "user": reviewer, "decision": item.decision, "correction": item.correction,
         "created": now()}
        for item in items for reviewer in item.reviewers
    ]  # fmt: skip
    if said:
        connection.execute(insert(connection, verdicts).on_conflict_do_nothing(), said)
    agreeing = _agreeing(connection, ids)
    decided = sa.select(reviews.c.turn_id, reviews.c.state).where(reviews.c.turn_id.in_(ids))
    there: dict[str, State] = {row.turn_id: row.state for row in connection.execute(decided)}
    rows = {item.turn_id: _row(item, agreeing) for item in items}
    states: dict[str, State] = {}
    for turn_id, row in rows.items():
        states[turn_id] = there.get(turn_id) or row["state"]
        if states[turn_id] == "open" and row["state"] != "open":
            states[turn_id] = row["state"]
            changed = {"state", "correction", "decided_by", "decider", "decided"}
            values = {name: value for name, value in row.items() if name in changed}
            connection.execute(reviews.update().where(reviews.c.turn_id == turn_id).values(values))
    new = [row for turn_id, row in rows.items() if turn_id not in there]
    if new:
        connection.execute(insert(connection, reviews).on_conflict_do_nothing(), new)
    return states


def _agreeing(connection: sa.Connection, ids: Sequence[str]) -> dict[tuple[str, bool, str], list[str]]:
    """Who agrees, by turn, whether they found the answer good, and the correction."""
    found: dict[tuple[str, bool, str], list[str]] = {}
    query = verdicts.select().where(verdicts.c.turn_id.in_(ids)).order_by(verdicts.c.created, verdicts.c.user)
    for row in connection.execute(query):
        found.setdefault((row.turn_id, row.decision == "rejected", row.correction), []).append(row.user)
    return found


def _row(item: Reviewed, agreeing: dict[tuple[str, bool, str], list[str]]) -> dict[str, Any]:
    good = item.decision == "rejected"
    who = agreeing.get((item.turn_id, good, item.correction), [])
    moment = now()
    row = {
        "turn_id": item.turn_id, "platform": "import", "server": "", "scenario": item.scenario, "state": "open",
        "opened": moment, "suggestion": item.correction, "question": "", "revision": 0,
        "card_revision": 0, "card_after": moment, **UNDECIDED,
    }  # fmt: skip
    if len(who) >= reviewers_needed(item.correction):
        decider = who[-1].partition(":")[2]
        row |= {"state": item.decision, "correction": item.correction, "decided_by": who[-1], "decider": decider,
                "decided": moment}  # fmt: skip
    return row
