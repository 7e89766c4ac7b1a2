"""The router: typed and native commands, and one sentence for what is wrong."""

from __future__ import annotations

import pytest

from bot.commands import Command, Option, choices
from bot.errors import UserError
from bot.request import Author, Place, Request
from bot.router import Router
from bot.turn import Say, Turn, say
from tests.core.people import Now, Talk, Twice


class Teach:
    command = Command(
        "teach",
        "Teach",
        (
            Option("subject", "The subject", lead=True),
            Option("mode", "How", kind="choice", choices=choices("explain", "quiz"), default="explain"),
            Option("question", "The question", rest=True),
        ),
    )

    async def plan(self, turn: Turn) -> Say:
        return say("")


class Into:
    command = Command(
        "into", "Into", (Option("text", "The text", required=True, rest=True), Option("to", "The language"))
    )

    async def plan(self, turn: Turn) -> Say:
        return say("")


ROUTER = Router((Talk(), Twice(), Now(), Teach(), Into()))


def route(text: str):
    return ROUTER.route(Request("1", Place("test"), Author("ann"), text))


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ('/into text:"Good morning" to:French', "into", {"text": "Good morning", "to": "French"}),
        ("/into Good morning to:French", "into", {"text": "Good morning", "to": "French"}),
        (
            '/into to:"Brazilian Portuguese" Good morning',
            "into",
            {"text": "Good morning", "to": "Brazilian Portuguese"},
        ),
        ("/into to: French Good morning", "into", {"text": "Good morning", "to": "French"}),
        ("!into to:fr Hi", "into", {"text": "Hi", "to": "fr"}),
        ('/into "say \\"hi\\"" to:fr', "into", {"text": 'say "hi"', "to": "fr"}),
        ("/into line one\nline two to:fr", "into", {"text": "line one\nline two", "to": "fr"}),
        ("/into see https://example.org/to:x to:fr", "into", {"text": "see https://example.org/to:x", "to": "fr"}),
        (
            "/teach math: solve 2x + 3 = 11",
            "teach",
            {"subject": "math", "mode": "explain", "question": "solve 2x + 3 = 11"},
        ),
        ("/teach quiz", "teach", {"mode": "quiz"}),
        ("/teach QUIZ history: when", "teach", {"mode": "quiz", "subject": "history", "question": "when"}),
        ("/twice hello tone:loud times:3", "twice", {"what": "hello", "tone": "loud", "times": "3"}),
        ("/NOW", "now", {}),
        ("!nice work", "chat", {}),
        ("/etc/hosts is what?", "chat", {}),
        ("hello there", "chat", {}),
    ],
)
def test_typed(text: str, name: str, options: dict[str, str]) -> None:
    found = route(text)
    assert found.name == name
    assert dict(found.options) == options


def test_free_words_are_the_rest_option_or_the_text() -> None:
    assert route("/into Good day to:fr").text == "Good day"
    assert route("  what is up ").text == "what is up"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/twize x", "There is no command /twize. Did you mean /twice? /help lists what there is."),
        ("/xyzzy", "There is no command /xyzzy. /help lists what there is."),
        ("/twice", "/twice needs what: what to say. For example: /twice hello tone:loud"),
        ("/twice a tone:huge", "/twice does not know tone “huge”; it can be: loud, low."),
        ("/twice a times:9", "times has to be between 1 and 5, not 9."),
        ("/twice a times:two", "times has to be a whole number, not “two”."),
    ],
)
def test_wrong(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        route(text)
    assert caught.value.words == words


def test_a_native_command_is_checked_alike() -> None:
    with pytest.raises(UserError, match="has no option tune; its options are: what, tone, times"):
        ROUTER.route(Request("1", Place("test"), Author("ann"), command="twice", options={"what": "x", "tune": "y"}))
