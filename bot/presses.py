"""Presses on controls that every answer has: thumbs, why, sources, undo, edit, versions."""

from __future__ import annotations

from dataclasses import replace

from bot.controls import USUAL, Control, stored_buttons
from bot.errors import UserError
from bot.learning.flags import CORRECTION_CHARACTERS, Report
from bot.learning.redaction import redact
from bot.learning.review import Review
from bot.quotas import Quotas
from bot.request import Request
from bot.safety import mask_secrets
from bot.stores import Stores
from bot.turn import Finished, Say, Source, model_name, say
from bot.turns import TurnRow

REVIEWING = frozenset({Control.CLAIM, Control.APPROVE, Control.CORRECT, Control.REJECT, Control.REOPEN})
"""For the server's moderators, from wherever their card stands."""
OWN = frozenset({Control.UNDO, Control.EDIT, Control.VERSION, Control.RETRY, Control.CONTINUE, Control.REFINE})
"""Only who asked may press these; the others are for everybody who can see the answer."""


class Presses:
    """Answers presses that need neither a scenario nor the model."""

    def __init__(self, stores: Stores, quotas: Quotas, context_tokens: int) -> None:
        self._stores = stores
        self._quotas = quotas
        self._context_tokens = context_tokens
        self._answers = {
            Control.UP: self._up,
            Control.DOWN: self._down,
            Control.WHY: self._why,
            Control.SOURCES: self._sources,
            Control.UNDO: self._undo,
            Control.EDIT: self._edit,
            Control.VERSION: self._version,
            Control.FLAG: self._flag,
            **dict.fromkeys(REVIEWING, self._review),
        }

    async def turn(self, request: Request) -> TurnRow:
        """The turn a press is about. Raises UserError when it is gone, or not for this person to touch."""
        assert request.press is not None
        row = await self._stores.turns.get(request.press.turn_id)
        if row is None or (row.platform, row.server) != (request.place.platform, request.place.server):
            raise UserError("That answer is no longer kept, so its buttons do nothing any more.")
        if request.press.control in REVIEWING:
            return row
        if request.press.control == Control.SOLVED and row.channel != request.place.channel:
            await self._stores.places.moderator(request.place, request.author)  # from the notice in their channel
            return row
        if row.user != request.user and (row.channel != request.place.channel or request.press.control in OWN):
            raise UserError("Only the person who asked can press this one.")
        return row

    async def answer(self, request: Request, row: TurnRow) -> Say | None:
        """The outcome of a press, None when it is for the scenario to answer."""
        assert request.press is not None
        try:
            answer = self._answers.get(Control(request.press.control))
        except ValueError:
            raise UserError(f"There is no button “{request.press.control}”.") from None
        return await answer(request, row) if answer is not None else None

    async def _up(self, request: Request, row: TurnRow) -> Say:
        await self._stores.reviews.thumb(row, request.user, "up")
        return say("Noted, thank you. Nobody else sees it.")

    async def _down(self, request: Request, row: TurnRow) -> Say:
        assert request.press is not None
        correction = redact(request.press.value.strip()).text[:CORRECTION_CHARACTERS]
        await self._stores.reviews.thumb(row, request.user, "down", correction, request.press.reasons)
        then = "Your better answer waits for review." if correction else "Nobody else sees it."
        return say(f"Noted, thank you. {then}")

    async def _flag(self, request: Request, row: TurnRow) -> Say:
        assert request.press is not None
        new = await self._stores.reviews.flag(row, request.user, Report.parse(request.press.value))
        return say("Flagged, thank you. A moderator will look at it." if new else "Your flag is changed, thank you.")

    async def _review(self, request: Request, row: TurnRow) -> Say:
        assert request.press is not None
        value, reviews = request.press.value, self._stores.reviews
        moderator = await self._stores.places.moderator(request.place, request.author)
        match request.press.control:
            case Control.CLAIM:
                item = await reviews.claim(row.id, moderator)
                assert item.claimed_until is not None
                return say(f"It is yours until {item.claimed_until.astimezone():%H:%M}.")
            case Control.APPROVE:
                item = await reviews.approve(row.id, moderator, int(value) if value.isdigit() else None)
            case Control.CORRECT:
                item = await reviews.edit(row.id, moderator, value)
            case Control.REJECT:
                item = await reviews.reject(row.id, moderator)
            case _:
                await reviews.undo(row.id, moderator)
                return say("It is open again.")
        return say(outcome_of(item))

    async def _why(self, request: Request, row: TurnRow) -> Say:
        model = model_name(row.model, row.adapter) or "no model"
        said = [message for message in row.prompt[0] if "of" not in message] if row.prompt else []
        turns = sum(message["role"] == "user" for message in said) - 1
        lines = [
            f"**Scenario** /{row.scenario}, answered by **{model}**",
            f"**Read** {row.prompt_tokens} tokens, {max(turns, 0)} earlier turns or examples among them",
            f"**Wrote** {row.tokens} tokens in {row.seconds:.1f} s"
            + (f", the first after {row.ttft:.1f} s" if row.ttft is not None else ""),
        ]
        lent = {message["of"] for message in (row.prompt[0] if row.prompt else ()) if "of" in message}
        if lent:
            what = "a reviewed answer" if len(lent) == 1 else f"{len(lent)} reviewed answers"
            lines.append(f"**Was shown** {what} to questions like this one, which moderators have approved")
        if row.sources:
            lines.append("**Sources** " + ", ".join(str(source["title"]) for source in row.sources))
        server = await self._stores.places.server(request.place.platform, request.place.server)
        left = await self._quotas.left(request.user, request.author, server)
        limits = f"**Limits** I read at most {self._context_tokens:,} tokens at once"
        lines.append(f"{limits}; of your own answers, {left.words}" if left is not None else limits)
        return say("\n".join(f"- {line}" for line in lines))

    async def _sources(self, request: Request, row: TurnRow) -> Say:
        if not row.sources:
            return say("This answer names no sources.")
        return say(
            "\n\n".join(f"**[{s['number']}] {s['title']}** {s['heading']}\n> {s['excerpt']}" for s in row.sources)
        )

    async def take_back(self, turn_id: str) -> list[TurnRow]:
        """Forget a turn with all its versions, as undo does. Gives the versions as they were."""
        versions = await self._stores.turns.versions(turn_id)
        for version in versions:
            if version.state != "undone":
                await self._forget(version)
        return versions

    async def _undo(self, request: Request, row: TurnRow) -> Say:
        await self._forget(row)
        return say("Taken back: I no longer remember that question and answer.")

    async def _forget(self, row: TurnRow) -> None:
        await self._stores.turns.finish(row.id, remembered=False, state="undone")
        await self._stores.cards.remove_turn(row.id)
        await self._forget_summary(row)

    async def _edit(self, request: Request, row: TurnRow) -> Say:
        assert request.press is not None
        text = request.press.value.strip()
        if not text:
            raise UserError("An edited answer needs some text; use Undo to take it back.")
        await self._stores.turns.finish(row.id, answer=mask_secrets(text))
        await self._forget_summary(row)
        return say("Changed. I go on from your text.")

    async def _version(self, request: Request, row: TurnRow) -> Say:
        assert request.press is not None
        versions = await self._stores.turns.versions(row.id)
        chosen = next((version for version in versions if version.id == request.press.value), None)
        if chosen is None:
            raise UserError("That version is no longer kept.")
        for version in versions:
            if version.remembered != (version.id == chosen.id):
                await self._stores.turns.remember(version.id, version.id == chosen.id)
        await self._forget_summary(row)
        sources = tuple(Source(**source) for source in chosen.sources)
        buttons = stored_buttons(chosen.buttons) or USUAL
        return Say(Finished(chosen.answer, sources=sources, buttons=buttons, notes=tuple(chosen.notes)))

    async def _forget_summary(self, row: TurnRow) -> None:
        """A summary may hold what was just taken back: it is made anew from the turns."""
        conversation = await self._stores.memory.get(row.conversation)
        if conversation is not None and conversation.summarised >= row.number:
            await self._stores.memory.unfold(conversation.id)


def outcome_of(item: Review) -> str:
    """What a moderator's press came to."""
    match item.state:
        case "open":
            return "Kept. It states numbers, prices or links, so a second moderator has to agree."
        case "rejected":
            return "Rejected: the answer stands."
        case _:
            return "Approved: this is the better answer." if item.correction else "Approved: that answer was bad."


def rerun(row: TurnRow, request: Request) -> Request:
    """The request that once led to `row`, asked again by `request`'s author."""
    command = None if row.scenario == "chat" else row.scenario
    options = {name: value for name, value in row.options.items() if not name.startswith("@")}
    return replace(request, press=None, command=command, options=options, text=row.question)
