"""Feedback as a file again: what people said of answers, redacted, without names, where they allow it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

from bot.errors import UserError
from bot.learning.consent import Consent, consent_for
from bot.learning.examples import Example, pages_of
from bot.learning.golden import Golden
from bot.learning.lessons import Lesson
from bot.learning.prompts import Messages, clean, prompt_of, without_personal_data
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores


async def exported(
    stores: Stores, settings: Settings, scenario: str, router: Router, left_out: Counter[str]
) -> AsyncIterator[dict[str, Any]]:
    """The lines of a scenario as `feedback import` takes them; counts in `left_out` why others are not among them."""
    async for page in pages_of(stores.database, scenario):
        consent = await consent_for(stores.database, stores.places, settings, page)
        for example in page:
            try:
                prompt = await _prompt(example, consent, router, stores)
                lines = [_clean(line, prompt) for line in _lines(example)]
            except UserError as error:
                left_out[error.words] += 1
                continue
            if not lines:
                left_out["nobody has said whether it is good"] += 1
            for line in lines:
                yield line
    for item in await stores.golden.of(scenario):
        yield _golden(item)


async def _prompt(example: Example, consent: Consent, router: Router, stores: Stores) -> Messages:
    turn, review = example.turn, example.review
    refusal = consent.refusal(Lesson(example, "good", author=example.corrector))
    if refusal:
        raise UserError(refusal)
    if turn.state not in ("done", "stopped") or not turn.question:
        raise UserError("nothing is kept of it")
    question = review.question if review is not None else ""
    if turn.platform == "import" and not question:
        return clean(turn.prompt[0])
    return await prompt_of(turn, question, router, stores)


def _lines(example: Example) -> Iterator[dict[str, Any]]:
    """One for each person who said something: the same content by several is one row again when it is imported."""
    turn, review, state = example.turn, example.review, example.state
    correction = (review.correction or review.suggestion) if review is not None else ""
    base = {"scenario": turn.scenario, "answer": turn.answer, "correction": None, "options": _options(turn.options)}
    if state in ("approved", "edited", "open"):
        agreeing = [one.user for one in example.verdicts if one.decision != "rejected" and one.correction == correction]
        said = {"rating": "down", "reasons": sorted(example.reasons), "correction": correction or None}
        authors = [flag.user for flag in example.flags] or [example.corrector or turn.user]
        yield from (base | said | _people(author, agreeing) for author in authors)
        return
    agreeing = [one.user for one in example.verdicts if one.decision == "rejected"]
    for rating in ("up", "down"):
        wanted = rating == "up" if state == "rejected" else bool(turn.answer)
        for author in example.thumbs(rating) if wanted else ():
            yield base | {"rating": rating, "reasons": []} | _people(author, agreeing)
    if state == "rejected" and not example.thumbs("up"):
        yield base | {"rating": "up", "reasons": []} | _people(turn.user, agreeing)


def _clean(line: dict[str, Any], prompt: Messages) -> dict[str, Any]:
    texts = {name: without_personal_data(line[name] or "") for name in ("answer", "correction")}
    return line | {
        "prompt": prompt, "answer": texts["answer"], "correction": texts["correction"] or None, "platform": "import",
        "consent": True, "golden": False,
    }  # fmt: skip


def _golden(item: Golden) -> dict[str, Any]:
    prompt = item.prompt or [{"role": "user", "content": item.question}]
    return {
        "scenario": item.scenario, "prompt": prompt, "answer": item.reference, "rating": "up", "reasons": [],
        "correction": None, "platform": "import", "consent": True, "golden": True, "critical": item.critical,
        "options": item.options, **_people(item.user, []),
    }  # fmt: skip


def _options(options: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if not name.startswith("@")}


def _people(author: str, reviewers: list[str]) -> dict[str, Any]:
    return {"author": _pseudonym(author), "reviewers": [_pseudonym(one) for one in reviewers]}


def _pseudonym(user: str) -> str:
    """People of files keep the names that the files gave them; all others become numbers."""
    platform, _, name = user.partition(":")
    return name if platform == "import" else f"person-{hashlib.sha256(user.encode()).hexdigest()[:10]}"
