"""/review: a link for moderators, seen by nobody else."""

from __future__ import annotations

import re

import pytest

from bot.doctor import links
from bot.errors import UserError
from bot.request import Author, Place, Request
from bot.router import Router
from bot.scenarios.review import ReviewScenario
from bot.settings import Settings, load_settings
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


def test_doctor_says_where_links_lead() -> None:
    alone = links(Settings(_env_file=None))
    assert (alone.level, alone.words) == ("ok", "at http://127.0.0.1:8080/review; trained by the owner alone")
    nowhere = links(Settings(_env_file=None, discord_token="x"))
    assert (nowhere.level, nowhere.remedy) == (
        "warning", "Put a proxy in front of the page; set WEB_URL and WEB_TOKEN.",
    )  # fmt: skip
    public = Settings(
        _env_file=None, discord_token="x", web_url=ADDRESS, web_token="t", console_servers="slack:T1,discord:7"
    )
    assert links(public).words == f"at {ADDRESS}/review; trained by discord:7, slack:T1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"web_url": ADDRESS}, "WEB_TOKEN must be set along with WEB_URL"),
        ({"web_url": "parley.example.org"}, "WEB_URL: an address without a path"),
        ({"web_url": f"{ADDRESS}/chat"}, "WEB_URL: an address without a path"),
        ({"console_servers": "77"}, "CONSOLE_SERVERS: servers with commas between them"),
    ],
)
def test_settings_of_the_console(changes: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        load_settings(_env_file=None, **changes)
    assert caught.value.words.startswith(words)
