"""An item as the console shows it: the answer with all it was made from, and what was said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.web.review.access import Reviewer
from bot.learning.feedback import FeedbackRow
from bot.learning.golden import Golden
from bot.learning.quorum import reviewers_needed
from bot.learning.review import Review, Said, Verdict
from bot.roles import Role
from bot.turn import model_name
from bot.turns import TurnRow


@dataclass(frozen=True, slots=True)
class Item:
    """All that the stores hold of one item."""

    review: Review
    turn: TurnRow
    said: Sequence[Said]
    verdicts: Sequence[Verdict]
    feedback: Sequence[FeedbackRow]
    golden: Golden | None
    learned: Sequence[str] = ()
    """The adapters that were trained with it."""


def view_of(item: Item, reviewer: Reviewer) -> dict[str, Any]:
    """The item for one reader: what other reviewers said is shown to who has said something, or once it is decided."""
    review, turn, user = item.review, item.turn, reviewer.visitor.user
    own = next((verdict.decision for verdict in item.verdicts if verdict.user == user), "")
    reasons = Counter(reason for one in item.said for reason in one.reasons)
    return {
        "turn": review.turn_id, "state": review.state, "scenario": review.scenario, "platform": review.platform,
        "server": review.server, "channel": turn.channel, "opened": review.opened.isoformat(),
        "asked": turn.created.isoformat(), "revision": review.revision, "question": turn.question,
        "answer": turn.answer, "suggestion": review.suggestion,
        "correction": review.correction, "sources": turn.sources, "prompt": turn.prompt,
        "model": model_name(turn.model, turn.adapter), "tokens": turn.tokens, "seconds": turn.seconds,
        "people": len(item.said), "reasons": dict(reasons), "notes": [one.note for one in item.said if one.note],
        "proposals": sorted({one.correction for one in item.said if one.correction}),
        "claimer": review.claimer if review.claimed else "",
        "claimed": review.claimed and review.claimed_by == user,
        "until": review.claimed_until.isoformat() if review.claimed and review.claimed_until else "",
        "escalator": review.escalator, "decider": review.decider,
        "decided": review.decided.isoformat() if review.decided else "",
        "needed": reviewers_needed(review.suggestion), "own": own, "votes": _votes(item, user, own),
        "learned": list(item.learned), "hindered": _hindered(item, reviewer), "rewritten": review.question,
        "golden": {"critical": item.golden.critical} if item.golden is not None else None,
    }  # fmt: skip


def _votes(item: Item, user: str, own: str) -> dict[str, Any] | None:
    if item.review.state == "open" and not own:
        return None
    thumbs = Counter(row.rating for row in item.feedback if row.kind == "thumb")
    said = [
        {
            "who": "you" if verdict.user == user else "another moderator",
            "decision": verdict.decision,
            "reasons": [reason.label for reason in verdict.reasons],
            "correction": verdict.correction,
        }
        for verdict in item.verdicts
    ]
    return {"up": thumbs["up"], "down": thumbs["down"], "reviewers": said}


def _hindered(item: Item, reviewer: Reviewer) -> str:
    """Why this reader cannot decide it, "" where they can."""
    review, moderator = item.review, reviewer.moderator
    if reviewer.role < Role.REVIEW:
        return "You may look here, but only this server's moderators can decide."
    if any(one.user == moderator.user for one in item.said):
        return "You flagged that answer yourself, so somebody else has to decide."
    if review.escalated_by and not moderator.senior:
        return f"{review.escalator} has passed that one on to the admins."
    if review.claimed and review.claimed_by != moderator.user:
        return f"{review.claimer} is looking at this one just now."
    return ""
