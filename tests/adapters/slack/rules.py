"""What Slack refuses: lengths, counts and shapes of blocks and views, and its published method schemas."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SCHEMAS = Path(__file__).parents[4] / "shared" / "specs" / "slack_method_schemas.json"
MODAL = {"title": 24, "submit": 24, "close": 24}
BLOCKS = frozenset(
    "actions alert card carousel container context context_actions divider file header image input markdown plan "
    "rich_text section table task_card video".split()
)


@cache
def _validators() -> dict[str, Draft7Validator]:
    if not SCHEMAS.exists():
        return {}
    return {name: Draft7Validator(schema) for name, schema in json.loads(SCHEMAS.read_text()).items()}


def breaks_schema(method: str, arguments: dict[str, Any]) -> str:
    """How a call breaks Slack's published schema, "" when it does not or there is none."""
    checked: list[tuple[str, object]] = [(method, arguments)]
    if method in ("views.publish", "views.update"):
        checked = [("view", arguments.get("view"))]
    elif method == "response_url":
        checked = [("block", block) for block in arguments.get("blocks") or ()]
    for name, value in checked:
        validator = _validators().get(name)
        error = next(iter(validator.iter_errors(value)), None) if validator is not None else None
        if error is not None:
            return f"{method}: {error.message[:300]}"
    return ""


def wrong_blocks(blocks: object, *, most: int = 50) -> str:
    """What is wrong with some blocks, "" when nothing is."""
    if not isinstance(blocks, list):
        return "blocks have to be a list"
    if len(blocks) > most:
        return f"no more than {most} items allowed"
    if sum(len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown") > 12_000:
        return "markdown blocks: more than 12000 characters"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        return "block_id already exists"
    return next((wrong for block in blocks if (wrong := _wrong(block))), "")


def _wrong(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind not in BLOCKS:
        return f"unsupported type: {kind}"
    match kind:
        case "markdown":
            return "" if block.get("text") else "markdown: must be more than 0 characters"
        case "section":
            return _text(block.get("text"), 3000)
        case "context":
            elements = block.get("elements") or []
            if not 1 <= len(elements) <= 10:
                return "context: 1 to 10 elements"
            return next((wrong for element in elements if (wrong := _text(element, 3000))), "")
        case "actions":
            return _elements(block, 25)
        case "context_actions":
            return _elements(block, 5, ("feedback_buttons", "icon_button"))
        case "container":
            children = block.get("child_blocks") or []
            if not 1 <= len(children) <= 10 or not (block.get("title") or block.get("rich_text_title")):
                return "container: a title and 1 to 10 child blocks"
            if any(child.get("type") in ("container", "markdown", "context_actions") for child in children):
                return "container: a child of a wrong type"
            return wrong_blocks(children)
        case "input":
            return _text(block.get("label"), 2000) or _element(block.get("element") or {})
    return ""


def _elements(block: dict[str, Any], most: int, kinds: tuple[str, ...] = ()) -> str:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= most:
        return f"{block['type']}: 1 to {most} elements"
    ids = [element.get("action_id") for element in elements]
    if len(ids) != len(set(ids)):
        return "action_id already exists"
    for element in elements:
        if kinds and element.get("type") not in kinds:
            return f"{block['type']}: unsupported element {element.get('type')}"
        if wrong := _element(element):
            return wrong
    return ""


def _element(element: dict[str, Any]) -> str:
    if len(str(element.get("action_id", ""))) > 255:
        return "action_id: more than 255 characters"
    if len(str(element.get("value", ""))) > 2000:
        return "value: more than 2000 characters"
    match element.get("type"):
        case "button":
            return _text(element.get("text"), 75)
        case "icon_button":
            return "" if element.get("icon") == "trash" else "icon_button: unknown icon"
        case "feedback_buttons":
            for side in ("positive_button", "negative_button"):
                if wrong := _text(element.get(side, {}).get("text"), 75):
                    return wrong
        case "plain_text_input":
            return "max_length: at most 3000" if element.get("max_length", 0) > 3000 else ""
        case "static_select" | "checkboxes" | "radio_buttons" | "multi_static_select":
            options = element.get("options") or []
            most = 10 if element["type"] in ("checkboxes", "radio_buttons") else 100
            if not 1 <= len(options) <= most:
                return f"options: 1 to {most}"
            return next((wrong for option in options if (wrong := _text(option.get("text"), 75))), "")
    return ""


def _text(text: object, most: int) -> str:
    if not isinstance(text, dict) or not text.get("text"):
        return "text: must be more than 0 characters"
    return f"text: must be less than {most + 1} characters" if len(text["text"]) > most else ""


def wrong_view(view: dict[str, Any]) -> str:
    """What is wrong with a view, "" when nothing is."""
    if view.get("type") == "modal":
        for part, most in MODAL.items():
            if part in view and _text(view[part], most):
                return f"{part}: {_text(view[part], most)}"
        if "title" not in view:
            return "title: required"
    if len(view.get("private_metadata", "")) > 3000:
        return "private_metadata: more than 3000 characters"
    return wrong_blocks(view.get("blocks"), most=100)
