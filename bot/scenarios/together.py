"""A story told together: players' moves into parts of the story, and what stands below each of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.controls import Button, Control
from bot.database import now
from bot.errors import UserError
from bot.request import one_line
from bot.scenarios import party as rules
from bot.scenarios.course import Course
from bot.scenarios.dice import line_of, rolled, told_of
from bot.scenarios.party import Move, Party, Player, Rule, Tell, Wait, next_words
from bot.stores import Stores
from bot.turn import Finished, Plan, Say, Step, Thread, Turn
from bot.turns import TurnRow

PARTY = "@party"
"""The option that says which party plain words belong to."""
LAST_PARTS = 12
"""So many of the last parts are read again."""
THREAD_TITLE = 80
GO_ON = "Go on."

GO = Button(Control.PARTY, "Go on", "go", primary=True)
ROLL = Button(Control.PARTY, "Roll d20", "roll")
SKIP = Button(Control.PARTY, "Pass over", "skip")
COUNT = Button(Control.PARTY, "Count the votes", "count")
EXPORT = Button(Control.EXPORT, "Export")

ACTIONS = {Rule.TURNS: (GO, ROLL, SKIP), Rule.VOTE: (COUNT,)}
HOW = {
    Rule.TURNS: "Whoever writes here takes part, in the order in which they come. When it is your turn, write what "
    "you do, or press Go on.",
    Rule.VOTE: "Whoever writes here takes part. Write what should happen next; when there are several proposals, "
    "vote. The story goes on when all have voted, or the votes are counted.",
}
DICE = "Dice are thrown where you name them: “I jump, d20”."

Telling = Callable[[Sequence[str], str, str], Step]
"""The next part: of the parts so far, of what happens, after a line that is shown before it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A party has begun with this turn."""

    rule: Rule

    async def write(self, stores: Stores, turn: Turn) -> None:
        author = turn.request.author
        await stores.parties.begin(turn.id, turn.request.place, self.rule, Player(turn.request.user, author.name))


@dataclass(frozen=True, slots=True)
class Told:
    """This turn carries the next part."""

    party_id: str

    async def write(self, stores: Stores, turn: Turn) -> None:
        await stores.parties.told(self.party_id, turn.id)


def opened(finished: Finished, rule: Rule, theme: str, turn: Turn) -> Finished:
    """The first part of a story told together: a thread for the players, with the rules at its head."""
    title = one_line(f"Story: {theme}", THREAD_TITLE)
    how, here = f"{HOW[rule]} {DICE}", bool(turn.request.place.thread)
    party_id = turn.first_id or turn.id
    buttons = (*_buttons(party_id, rule), _of(party_id, EXPORT))
    records = () if turn.again else (Begun(rule),)
    if here:
        return replace(
            finished, buttons=buttons, records=(*finished.records, *records), notes=(*finished.notes, how)
        )  # fmt: skip
    thread = None if turn.again else Thread(title, how, buttons)
    return replace(finished, buttons=(), records=(*finished.records, *records), thread=thread)


async def acted(turn: Turn, tell: Callable[[Course], Telling]) -> Plan | Say:
    """What a player's words, or a press, come to."""
    party_id, rule = _move(turn)
    move: Move
    if turn.again:
        party, move = await _known(turn.stores, party_id), Tell("" if turn.text == GO_ON else turn.text)
    else:
        try:
            party, move = await turn.stores.parties.act(party_id, rule)
        except UserError as error:
            return Say(Finished(error.words), private=True)  # it is no news for the others
    if isinstance(move, Wait):
        return _waiting(party, move)
    course = await course_together(turn.stores, party, before=turn.first_id)
    return _part(turn, party, course, move.words, tell(course))


async def course_together(stores: Stores, party: Party, before: str = "") -> Course:
    """The parts so far, each in the version that was chosen last, without those that were taken back.

    `before`: the turn of a part that is told again; it and later ones are left out.
    """
    told = party.told[: party.told.index(before)] if before in party.told else party.told
    rows = [await _chosen(stores, turn_id) for turn_id in told]
    kept = tuple(row for row in rows if row is not None)
    if not kept:
        raise UserError("Nothing of that story is kept any more. Begin another one with /story.")
    first = await stores.turns.get(party.told[0])
    return Course(kept, (first or kept[0]).options)


async def course_of_party(stores: Stores, party_id: str) -> Course:
    """The whole story, for its manuscript."""
    return await course_together(stores, await _known(stores, party_id))


def _part(turn: Turn, party: Party, course: Course, words: str, tell: Telling) -> Plan:
    rolls = rolled(words, course.last.id)
    head = line_of(rolls)
    step = tell([row.answer for row in course.rows[-LAST_PARTS:]], f"{words}{told_of(rolls)}", head)
    records = () if turn.again else (Told(party.id),)

    def finish(texts: Sequence[str]) -> Finished:
        text = texts[0].strip() or "Nothing new came to me there; say it in other words, or go on."
        buttons = (*_buttons(party.id, party.rule), _of(party.id, EXPORT))
        return Finished(f"{head}{text}", buttons=buttons, notes=(next_words(party),), records=records)

    return Plan((step,), finish=finish, question=words or GO_ON)


def _waiting(party: Party, move: Wait) -> Say:
    text, buttons = move.words, _buttons(party.id, party.rule)
    if move.ballot:
        lines = [f"{number}. {words} ({player.name})" for number, (player, words) in enumerate(party.proposals, 1)]
        text = "\n".join((f"**{move.words}**", *lines))
        votes = (
            Button(Control.PARTY, f"{number}. {one_line(words, 40)}", f"{party.id}:vote:{player.user}")
            for number, (player, words) in enumerate(party.proposals, 1)
        )
        buttons = (*votes, *buttons)
    return Say(Finished(text, buttons=buttons if move.everybody else ()), private=not move.everybody)


def _move(turn: Turn) -> tuple[str, Callable[[Party], tuple[Party, Move]]]:
    """The party that a turn is about, and what its player does there."""
    player = Player(turn.request.user, one_line(turn.request.author.name, 40))
    if turn.pressed is None:
        words = one_line(turn.text, 600)
        return turn.options[PARTY], functools.partial(rules.said, player=player, words=words)
    party_id, _, action = turn.pressed.value.partition(":")
    match action.partition(":")[0]:
        case "go":
            return party_id, functools.partial(rules.went_on, player=player)
        case "roll":
            return party_id, functools.partial(_only_in_turn, player=player)
        case "skip":
            return party_id, functools.partial(rules.skipped, player=player, moment=now())
        case "count":
            return party_id, functools.partial(rules.closed, player=player, moment=now())
        case "vote":
            choice = action.partition(":")[2]
            return party_id, functools.partial(rules.voted, player=player, choice=choice)
    raise UserError("That button does nothing under this answer.")


def _only_in_turn(party: Party, player: Player) -> tuple[Party, Move]:
    """A throw without words: what it is for is what the player has said before, if anything."""
    party = party.with_player(player)
    if party.current.user != player.user:
        raise UserError(f"It is {party.current.name}’s turn.")
    return rules.said(party, player, f"{party.words.get(player.user, 'I try my luck')}, d20")


async def _known(stores: Stores, party_id: str) -> Party:
    party = await stores.parties.get(party_id)
    if party is None:
        raise UserError("That story has ended. Begin another one with /story.")
    return party


async def _chosen(stores: Stores, turn_id: str) -> TurnRow | None:
    """The version of a part that was chosen last."""
    versions = [row for row in await stores.turns.versions(turn_id) if row.answer and row.state != "undone"]
    return next((row for row in versions if row.remembered), versions[-1] if versions else None)


def _buttons(party_id: str, rule: Rule) -> tuple[Button, ...]:
    return tuple(_of(party_id, button) for button in ACTIONS[rule])


def _of(party_id: str, button: Button) -> Button:
    return replace(button, value=f"{party_id}:{button.value}" if button.value else party_id)
