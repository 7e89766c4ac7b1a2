"""Limits: no person and no server teaches too much of what no moderator has looked at."""

from __future__ import annotations

from bot.learning.examples import Example
from bot.learning.guards import SERVER_LEAST, within_limits
from bot.learning.lessons import Lesson
from bot.turns import TurnRow
from tests.adapters.web.desk import turn_row


def lesson(server: str, number: int, *, reviewed: bool = False) -> Lesson:
    """A picked answer, of a person who picked no other."""
    row = turn_row(f"Question {number}?", f"Answer {number}.", server=server, id=f"{server}-{number:03}")
    turn = TurnRow(**row, number=number, asked="")
    return Lesson(Example(turn), "pick", "better", ("worse",), reviewed, people=(f"discord:{server}.{number}",))


def test_a_server_has_its_share_of_what_no_moderator_has_looked_at() -> None:
    loud, quiet = [lesson("loud", n) for n in range(60)], [lesson("quiet", n) for n in range(10)]
    dropped: dict[str, str] = {}
    kept = within_limits([*loud, *quiet], dropped)
    assert sum(one.example.turn.server == "loud" for one in kept) == SERVER_LEAST
    assert sum(one.example.turn.server == "quiet" for one in kept) == 10
    assert set(dropped.values()) == {"its server has its share of what no moderator has looked at"}


def test_what_moderators_have_looked_at_and_a_lone_server_have_no_limit() -> None:
    dropped: dict[str, str] = {}
    reviewed = [lesson("loud", n, reviewed=True) for n in range(60)]
    assert len(within_limits([*reviewed, lesson("quiet", 1)], dropped)) == 61
    assert len(within_limits([lesson("loud", n) for n in range(60)], dropped)) == 60
    assert dropped == {}


def test_the_share_grows_with_what_there_is() -> None:
    few = [lesson("loud", n) for n in range(100)]
    rest = [lesson(f"s{n % 20}", n) for n in range(300)]
    kept = within_limits([*few, *rest], {})
    assert sum(one.example.turn.server == "loud" for one in kept) == 80  # a fifth of 400
