"""/review: a link for moderators, seen by nobody else."""

from __future__ import annotations

import re

import pytest

from bot.request import Author, Place, Request
from bot.router import Router
from bot.scenarios.review import ReviewScenario
from bot.turns import new_id
from tests.core.conftest import Core
from tests.core.people import Kept
from tests.learning.people import ADMIN, ANN, HERE, MO, set_up

ADDRESS = "https://parley.example.org"


async def asked(core: Core, author: Author, place: Place = HERE, *, address: str = ADDRESS, text: str = "") -> Kept:
    await set_up(core.stores.places)
    core.chatbot._router = Router((core.talk, ReviewScenario(address)))
    command = None if text else "review"
    reply = Kept()
    await core.chatbot.handle(Request(new_id(), place, author, text, command=command), reply)
    return reply


def secret_in(text: str) -> str:
    found = re.search(r"/review/enter/([\w-]+)\)", text)
    assert found is not None, text
    return found[1]


@pytest.mark.parametrize("author", [MO, ADMIN])
async def test_a_moderator_gets_a_private_link(core: Core, author: Author) -> None:
    answer = (await asked(core, author)).answer
    assert answer.private
    assert f"({ADDRESS}/review/enter/" in answer.text
    assert "WEB_URL" not in answer.text
    visitor = await core.stores.visitors.invited(secret_in(answer.text))
    assert visitor is not None
    assert (visitor.user, visitor.server, visitor.granted) == (f"test:{author.id}", "guild", "")


async def test_others_get_none(core: Core) -> None:
    assert (await asked(core, ANN)).answer.notes == (
        "Only this server's moderators can do that; its admins say who they are.",
    )
    nowhere = await asked(core, ADMIN, Place("test", "", "direct"))
    assert nowhere.answer.notes[0].startswith("Type /review on the server")


async def test_a_link_is_not_shown_where_others_read(core: Core) -> None:
    typed = await asked(core, MO, text="/review")
    assert typed.answer.notes[0].startswith("Others read along here.")


async def test_an_address_of_this_machine_alone_is_said_so(core: Core) -> None:
    answer = (await asked(core, MO, address="http://127.0.0.1:8080")).answer
    assert "WEB_URL and WEB_TOKEN" in answer.text


async def test_the_terminal_is_the_owners(core: Core) -> None:
    answer = (await asked(core, Author("ann", "ann"), Place("console", "", "chat"), text="/review")).answer
    visitor = await core.stores.visitors.invited(secret_in(answer.text))
    assert visitor is not None
    assert visitor.granted == "admin"


async def test_the_page_says_where_it_is(core: Core) -> None:
    answer = (await asked(core, Author("b"), Place("web", "", "web"), text="/review")).answer
    assert "at the foot of the menu" in answer.text
