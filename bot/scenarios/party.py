"""A party: several players tell one story, in turns or by vote. The rules, without a store and without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.errors import UserError

MOST_PLAYERS = 12
MOST_PROPOSALS = 9
PATIENCE = timedelta(minutes=5)
"""After so long, others than the host may pass a player over or end a vote."""


class Rule(StrEnum):
    """Who says what happens next."""

    TURNS = "turns"
    VOTE = "vote"


@dataclass(frozen=True, slots=True)
class Player:
    """`user` is the store's key of a person."""

    user: str
    name: str


@dataclass(frozen=True, slots=True)
class Party:
    """Who plays, whose turn it is, and what was proposed and voted for since the last part.

    `words` are what players said: in turns what is kept for their turn, in a vote their proposals, by user.
    `votes` is whose proposal a user voted for. `told` are the turns that carry the parts.
    """

    id: str
    rule: Rule
    host: str
    players: tuple[Player, ...]
    updated: datetime
    turn: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    votes: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    @property
    def current(self) -> Player:
        return self.players[self.turn % len(self.players)]

    @property
    def proposals(self) -> tuple[tuple[Player, str], ...]:
        """What was proposed, in the order of the players."""
        return tuple((player, self.words[player.user]) for player in self.players if player.user in self.words)

    def with_player(self, player: Player) -> Party:
        """Whoever takes part belongs to it from then on, behind the others."""
        if any(one.user == player.user for one in self.players):
            return self
        if len(self.players) >= MOST_PLAYERS:
            raise UserError(f"This story has its {MOST_PLAYERS} players already; begin another one with /story.")
        return replace(self, players=(*self.players, player))

    def may_hurry(self, user: str, moment: datetime) -> bool:
        return user == self.host or moment - self.updated > PATIENCE


@dataclass(frozen=True, slots=True)
class Tell:
    """The story goes on with these words ("" = as it likes)."""

    words: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is told yet; `words` say why. `ballot`: there is something to vote on; `everybody`: all should see it."""

    words: str
    ballot: bool = False
    everybody: bool = False


Move = Tell | Wait


def said(party: Party, player: Player, words: str) -> tuple[Party, Move]:
    """A player has written what should happen."""
    party = party.with_player(player)
    if party.rule is Rule.VOTE:
        return _proposed(party, player, words)
    if party.current.user == player.user:
        return _taken(party, player, words)
    party = replace(party, words={**party.words, player.user: words})
    return party, Wait(f"It is {party.current.name}’s turn, {player.name}. I keep your words for yours.")


def went_on(party: Party, player: Player) -> tuple[Party, Move]:
    """The player whose turn it is lets the story go on: with the words kept for them, if there are some."""
    party = party.with_player(player)
    if party.current.user != player.user:
        raise UserError(f"It is {party.current.name}’s turn.")
    return _taken(party, player, party.words.get(player.user, ""))


def skipped(party: Party, player: Player, moment: datetime) -> tuple[Party, Move]:
    """Somebody does not want to wait for the player whose turn it is."""
    party = party.with_player(player)
    late = party.current
    if late.user != player.user and not party.may_hurry(player.user, moment):
        raise UserError(f"Give {late.name} a little longer; after five minutes everybody may pass them over.")
    party = _next(party)
    return party, Wait(f"{late.name} is passed over. {next_words(party)}", everybody=True)


def voted(party: Party, player: Player, choice: str) -> tuple[Party, Move]:
    """A vote for what the user `choice` proposed. When all have voted, it is told."""
    party = party.with_player(player)
    if choice not in party.words:
        raise UserError("That vote is over; the story has gone on.")
    party = replace(party, votes={**party.votes, player.user: choice})
    if all(one.user in party.votes for one in party.players):
        return _counted(party)
    name = next(one.name for one in party.players if one.user == choice)
    left = len(party.players) - len(party.votes)
    return party, Wait(f"You vote for what {name} proposes. {left} of {len(party.players)} have not voted yet.")


def closed(party: Party, player: Player, moment: datetime) -> tuple[Party, Move]:
    """Somebody wants the vote counted now."""
    party = party.with_player(player)
    if not party.words:
        raise UserError("Nobody has proposed anything yet: write what should happen next.")
    if not party.may_hurry(player.user, moment):
        raise UserError("The person who began the story may count now, everybody else after five minutes.")
    return _counted(party)


def next_words(party: Party) -> str:
    """Whose move it is, as the players read it."""
    if party.rule is Rule.VOTE:
        return "Write what should happen next; then the players vote."
    kept = party.words.get(party.current.user)
    then = f" They said: “{kept[:200]}”; Go on tells that." if kept else ""
    return f"{party.current.name} is next.{then}"


def _proposed(party: Party, player: Player, words: str) -> tuple[Party, Move]:
    if len(party.words) >= MOST_PROPOSALS and player.user not in party.words:
        raise UserError("There are enough proposals; vote for one of them.")
    # Who voted for what is no longer proposed has to choose again.
    votes = {who: choice for who, choice in party.votes.items() if choice != player.user}
    party = replace(party, words={**party.words, player.user: words}, votes=votes)
    if len(party.players) == 1:
        return _counted(party)
    return party, Wait("What happens next?", ballot=True, everybody=True)


def _taken(party: Party, player: Player, words: str) -> tuple[Party, Move]:
    """A turn is taken: the next player is on."""
    left = {who: kept for who, kept in party.words.items() if who != player.user}
    return _next(replace(party, words=left)), Tell(f"{player.name}: {words}" if words else "")


def _next(party: Party) -> Party:
    return replace(party, turn=(party.turn + 1) % len(party.players))


def _counted(party: Party) -> tuple[Party, Move]:
    """The proposal with the most votes; of equals, the one that was made by who joined first."""
    votes = Counter(party.votes.values())
    winner = max(party.proposals, key=lambda one: votes[one[0].user])
    words = f"{winner[0].name}: {winner[1]}"
    return replace(party, words={}, votes={}), Tell(words)
