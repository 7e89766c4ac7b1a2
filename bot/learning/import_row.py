"""One line of a feedback file: read, checked, and rid of personal data before anything else sees it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import UserError
from bot.learning.feedback import Rating
from bot.learning.flags import Reason
from bot.learning.redaction import redact
from bot.settings import SCENARIOS

MOST_CHARACTERS = 50_000
"""More than any model here reads at once."""
NAME_CHARACTERS = 64


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class _Line(BaseModel):
    """The keys of a line; what it says beside them is left aside."""

    model_config = ConfigDict(strict=True, frozen=True)

    scenario: str
    prompt: list[_Message] = Field(min_length=1, max_length=200)
    answer: str | None = None
    rating: Literal["up", "down"] | None = None
    reasons: list[Reason] | None = None
    correction: str | None = None
    reviewers: list[str] | None = Field(None, max_length=50)
    author: str | None = None
    consent: bool = False
    golden: bool = False
    critical: bool = False
    options: dict[str, str] | None = None


Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A line that can be kept. `id` is that of its content, whoever wrote or reviewed it.

    `author` and `reviewers` are keys of people in the store; nobody reviews their own. `found` are the kinds of
    personal data that were taken out of it.
    """

    id: str
    scenario: str
    prompt: tuple[Message, ...]
    answer: str
    rating: Rating | None
    reasons: tuple[Reason, ...]
    correction: str
    author: str
    reviewers: tuple[str, ...]
    golden: bool
    critical: bool
    options: dict[str, str]
    found: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        return self.prompt[-1]["content"]

    @property
    def good(self) -> bool:
        """Whether the answer was good as it was."""
        return self.rating == "up" and not self.correction


def read_line(line: bytes) -> ImportRow:
    """The row of a line. Raises UserError; its words repeat nothing of what the line says."""
    try:
        row = _Line.model_validate_json(line)
    except ValidationError as error:
        raise UserError(_words(error)) from None
    _check(row)
    found: dict[str, None] = {}

    def clean(text: str) -> str:
        redacted = redact(text.replace("\x00", "").strip())
        found.update(dict.fromkeys(redacted.kinds))
        return redacted.text

    prompt = tuple({"role": message.role, "content": clean(message.content)} for message in row.prompt)
    answer, correction = clean(row.answer or ""), clean(row.correction or "")
    options = {clean(name): clean(value) for name, value in (row.options or {}).items()}
    correction = "" if correction == answer and not row.golden else correction
    author = _person(row.author or "somebody")
    reviewers = dict.fromkeys(_person(name) for name in row.reviewers or () if name.strip())
    content = {
        "scenario": row.scenario, "prompt": prompt, "answer": answer, "rating": row.rating, "correction": correction,
        "golden": row.golden, "options": options,
    }  # fmt: skip
    return ImportRow(
        id=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32], scenario=row.scenario,
        prompt=prompt, answer=answer, rating=row.rating, reasons=tuple(dict.fromkeys(row.reasons or ())),
        correction=correction, author=author, reviewers=tuple(name for name in reviewers if name != author),
        golden=row.golden, critical=row.critical, options=options, found=tuple(found),
    )  # fmt: skip


def _check(row: _Line) -> None:
    if row.scenario not in SCENARIOS:
        raise UserError(f"scenario has to be one of {', '.join(SCENARIOS)}")
    if not row.consent:
        raise UserError("consent is not true, so nobody has allowed it to be used")
    if row.prompt[-1].role != "user" or not row.prompt[-1].content.strip():
        raise UserError("prompt has to end with what a user said")
    answer, correction = (row.answer or "").strip(), (row.correction or "").strip()
    if row.golden and not (correction or answer):
        raise UserError("golden needs the right answer, as correction or answer")
    if not row.golden and not (correction or (row.rating and answer)):
        raise UserError("there is nothing to learn from it: it needs a correction, or a rating of an answer")
    texts = (*(message.content for message in row.prompt), answer, correction, *(row.options or {}).values())
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise UserError(f"it is longer than {MOST_CHARACTERS:,} characters")


def _person(name: str) -> str:
    """A person's key in the store. A name that tells who it is in the world becomes a number."""
    name = " ".join(name.replace("\x00", "").split())
    if len(name) > NAME_CHARACTERS or redact(name).text != name:
        name = f"person-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return f"import:{name}"


def _words(error: ValidationError) -> str:
    """What is wrong first, without the words that were found there."""
    problem: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "json_invalid":
        return "it is no JSON object on one line"
    if problem["type"] == "model_type":
        return "it is JSON, but no object"
    message = str(problem["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}"[:200]
