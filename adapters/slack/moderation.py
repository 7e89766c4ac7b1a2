"""Moderation: the cards of flagged answers in the moderators' channel, and who may do what with them."""

from __future__ import annotations

from adapters.slack.blocks import Block, context, controls, markdown, plain
from adapters.slack.office import Office
from adapters.slack.text import fallback, safe
from bot.learning.review_cards import Card
from bot.messengers import Notice
from bot.request import MessageRef

MOST = 2_400
"""Characters of a question, an answer or a suggestion on a card; the whole stands where it was said."""


class CardCourier:
    """Puts cards into a channel and keeps them up to date."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def post(self, card: Card, channel: str) -> MessageRef:
        """Put a card into a channel. Raises a SendError."""
        place = {"channel": channel, "unfurl_links": False, "unfurl_media": False}
        answer = await self._office.desk.calls("chat.postMessage", **place, **self._drawn(card))
        return MessageRef("slack", channel, (str(answer["ts"]),))

    async def update(self, card: Card, at: MessageRef) -> None:
        """Have the card at `at` show this. Raises a SendError."""
        await self._office.desk.calls("chat.update", channel=at.channel, ts=at.messages[0], **self._drawn(card))

    def _drawn(self, card: Card) -> dict[str, object]:
        reasons = ", ".join(f"{label} × {count}" if count > 1 else label for label, count in card.reasons.items())
        title = f"Flagged: {reasons}" if reasons else "A better answer was given"
        blocks: list[Block] = [{"type": "header", "text": plain(title, 150)}]
        link = self._office.permalink(card.message)
        said = f"/{card.scenario} by {card.model or 'no model'}"
        blocks.append(context(card.status, said))
        if link:
            line = {"type": "mrkdwn", "text": f"<{link}|Where it was said>"}
            blocks[-1]["elements"].append(line)
        for label, text in (
            ("Question", card.question),
            ("Answer", card.answer),
            ("Sources", ", ".join(card.sources)),
            ("Notes", "\n".join(f"- {note}" for note in card.notes)),
            ("Better answer" if card.state == "open" else "Suggested", card.suggestion),
            ("Decided", card.correction if card.correction != card.suggestion else ""),
        ):
            if text.strip():
                blocks.append(markdown(f"**{label}**\n\n{_short(safe(text))}"))
        blocks += controls(card.turn_id, card.buttons, "")
        return {"text": fallback(f"{title}. {card.status}."), "blocks": blocks}


def notice_drawn(office: Office, notice: Notice) -> dict[str, object]:
    """A notice as the arguments of a message."""
    blocks: list[Block] = [{"type": "header", "text": plain(notice.title, 150)}]
    blocks.append(markdown(f"**Question**\n\n{_short(safe(notice.words)) or '…'}"))
    if link := office.permalink(notice.message):
        line = {"type": "mrkdwn", "text": f"<{link}|Where it was said>"}
        blocks.append({"type": "context", "elements": [line]})
    blocks += controls(notice.turn_id, notice.buttons, "")
    return {"text": fallback(f"{notice.title}: {notice.words}"), "blocks": blocks}


def _short(text: str) -> str:
    if len(text) <= MOST:
        return text
    cut = text[: MOST - 6]
    # A code block that is cut off would take the rest of the card in.
    return cut + ("\n```\n…" if cut.count("```") % 2 else "…")
