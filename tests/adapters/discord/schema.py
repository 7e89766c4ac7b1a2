"""Discord's own description of its API, held against what the bot sends."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.adapters.discord.peer import Call

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "discord_openapi.json"
ID = re.compile(r"\{[^}]+\}")

# discord.py sends these ids as integers where Discord's description wants texts; Discord takes both.
INTEGERS = (
    ("message_reference", "guild_id"), ("message_reference", "channel_id"), ("message_reference", "message_id"),
    ("attachments", "*", "id"), ("data", "attachments", "*", "id"), ("recipient_id",),
)  # fmt: skip


def check_bodies(calls: Iterable[Call]) -> None:
    """Fail for a body that was accepted here and that Discord's description does not allow."""
    if not SPEC.exists():
        return
    wrong = [f"{call.method} {call.path}: {fault}" for call in calls if call.status < 300 for fault in faults(call)]
    assert not wrong, "\n".join(wrong[:5])


def faults(call: Call) -> list[str]:
    """What is wrong with a body, in words."""
    if call.body is None:
        return []
    validator = _validator(call.method.lower(), call.path)
    if validator is None:
        return [f"{call.path} is not in Discord's description"]
    body = json.loads(json.dumps(call.body))
    for path in INTEGERS:
        _textual(body, path)
    return [error.message[:300] for error in validator.iter_errors(body)]


@functools.cache
def _spec() -> dict[str, Any]:
    return json.loads(SPEC.read_text())  # type: ignore[no-any-return]


@functools.cache
def _templates() -> list[tuple[re.Pattern[str], str, int]]:
    """Each path as a pattern, the most literal ones first."""
    found = []
    for template in _spec()["paths"]:
        pieces = ID.split(template)
        pattern = "[^/]+".join(re.escape(piece) for piece in pieces)
        found.append((re.compile(pattern), template, len(pieces)))
    return sorted(found, key=lambda one: one[2])


@functools.cache
def _registry() -> Registry[Any]:
    return Registry().with_resource("urn:discord", Resource(contents=_spec(), specification=DRAFT202012))


def _validator(method: str, path: str) -> Draft202012Validator | None:
    for pattern, template, _ in _templates():
        if pattern.fullmatch(path) and method in _spec()["paths"][template]:
            return _body_validator(template, method)
    return None


@functools.cache
def _body_validator(template: str, method: str) -> Draft202012Validator | None:
    content = _spec()["paths"][template][method].get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    pointer = "/".join(
        part.replace("~", "~0").replace("/", "~1")
        for part in ("paths", template, method, "requestBody", "content", "application/json", "schema")
    )
    return Draft202012Validator({"$ref": f"urn:discord#/{pointer}"}, registry=_registry())


def _textual(value: Any, path: tuple[str, ...]) -> None:
    """Write an integer at `path` as a text."""
    name, rest = path[0], path[1:]
    if name == "*" and isinstance(value, list):
        for item in value:
            _textual(item, rest)
    elif isinstance(value, Mapping) and name in value:
        if rest:
            _textual(value[name], rest)
        elif isinstance(value[name], int):
            value[name] = str(value[name])  # type: ignore[index]
