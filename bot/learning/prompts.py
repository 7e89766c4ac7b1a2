"""Prompts of lessons: the messages that the scenario sends, so that what trains is what is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from bot.errors import UserError
from bot.learning.redaction import redact
from bot.request import Author, Place, Request
from bot.router import Route, Router
from bot.safety import MASK
from bot.scenarios.chat import QUOTES
from bot.stores import Stores
from bot.turn import Plan, Step, Turn
from bot.turns import TurnRow
from models.engine import EngineError, Message, Role

Messages = list[dict[str, str]]

LAST = frozenset({"summarize"})
OTHERS = "it holds words of other people, who have not been asked"
FIRST = frozenset({"write", "tutor"})
"""Of scenarios that ask several times: whose last, whose first prompt an answer is an answer to."""


async def prompt_of(turn: TurnRow, question: str, router: Router, stores: Stores) -> Messages:
    """What was sent for `turn`, or what would be sent for it: for an import, or where `question` is a reviewer's.

    Raises UserError with why it can be no training prompt.
    """
    if turn.platform == "import" or question:
        given = turn.prompt[0] if turn.platform == "import" and not question else []
        return clean(await planned(turn.scenario, question or turn.question, given, turn.options, router, stores))
    return clean(_sent(turn))


async def planned(
    scenario: str, question: str, given: Messages, options: Mapping[str, str], router: Router, stores: Stores
) -> Messages:
    """What the scenario sends for a question behind the messages `given` before it; these as they are where they
    begin with a system message or the scenario asks no model."""
    asked = given or [{"role": "user", "content": question}]
    if asked[0]["role"] == "system":
        return asked
    own = {name: value for name, value in options.items() if not name.startswith("@")}
    history = tuple(Message(cast("Role", one["role"]), one["content"]) for one in asked[:-1])
    try:
        turn = _turn(_route(scenario, question, own, router), own, history, stores)
        plan = await router.scenario(scenario).plan(turn)
    except (UserError, EngineError):
        return asked  # it needs an option that is not told, or an engine that is not there
    step = _step(scenario, plan.steps) if isinstance(plan, Plan) else None
    if step is None or callable(step.prompt):
        return asked
    return [{"role": message.role, "content": message.content} for message in step.prompt]


def clean(messages: Messages) -> Messages:
    """Without personal data. Raises UserError where it held a secret."""
    found = [{"role": one["role"], "content": without_personal_data(one["content"])} for one in messages]
    if not found:
        raise UserError("nothing is kept of what was sent to the model")
    return found


def without_personal_data(text: str) -> str:
    """`text` redacted. Raises UserError where it held a secret: its place says too much."""
    redacted = redact(text).text
    if MASK in redacted:
        raise UserError("it held a secret")
    return redacted


def _sent(turn: TurnRow) -> Messages:
    prompts = turn.prompt
    if len(prompts) > 1 and turn.scenario not in LAST and turn.scenario != "write":
        raise UserError("the answer was made in several parts")
    if turn.scenario == "summarize" and not turn.options.get("text"):
        raise UserError(OTHERS)  # a conversation, with whoever spoke in it
    sent = (prompts[-1] if turn.scenario in LAST else prompts[0]) if prompts else []
    if any(one["role"] == "user" and one["content"].startswith(QUOTES) for one in sent):
        raise UserError(OTHERS)
    return [one for one in sent if "of" not in one]  # corrections that were lent to the prompt are not part of it


def _route(scenario: str, question: str, options: dict[str, str], router: Router) -> Route:
    place, author = Place("import"), Author("import")
    if scenario == "chat" and not options:
        return Route(router.scenario(scenario), text=question)
    request = Request("import", place, author, question, command=scenario, options=options)
    try:
        return router.route(request)
    except UserError:
        return router.route(Request("import", place, author, f"/{scenario} {question}"))


def _turn(route: Route, options: dict[str, str], history: tuple[Message, ...], stores: Stores) -> Turn:
    request = Request("import", Place("import"), Author("import"), route.text, options=options)
    return Turn("import", request, stores, route.text, route.options, history)


def _step(scenario: str, steps: Sequence[Step]) -> Step | None:
    if len(steps) == 1 or (scenario in FIRST and steps):
        return steps[0]
    if scenario in LAST and steps:
        return steps[-1]
    shown = [step for step in steps if not step.silent]
    return shown[0] if len(shown) == 1 else None
