"""The glossary: kept by server, added, listed and removed by /glossary."""

import pytest

from bot.database import Database
from bot.errors import UserError
from bot.scenarios.glossary import Glossary, GlossaryScenario, Term
from tests.scenarios import plans


async def say(database: Database, server: str = "s", **options: str) -> str:
    outcome = await GlossaryScenario().plan(plans.turn(plans.stores_over(database), server=server, **options))
    return outcome.finished.text


async def test_terms_belong_to_a_scope_and_the_nearest_language_wins(database: Database) -> None:
    glossary = Glossary(database)
    await glossary.put("a", Term("Ticket"))
    await glossary.put("a", Term("ticket", "fr", "billet"))
    await glossary.put("b", Term("Parley"))
    assert await glossary.terms("a", "fr") == [Term("ticket", "fr", "billet")]
    assert await glossary.terms("a", "de") == [Term("Ticket")]
    assert await glossary.terms("b", "fr") == [Term("Parley")]
    await glossary.put("a", Term("portátil", "pt", "notebook"))
    assert [term.becomes for term in await glossary.terms("a", "pt-BR")] == ["notebook", "Ticket"]


async def test_a_term_added_twice_is_changed(database: Database) -> None:
    glossary = Glossary(database)
    await glossary.put("a", Term("ticket", "fr", "billet"))
    await glossary.put("a", Term("TICKET", "fr", "ticket"))
    assert [term.becomes for term in await glossary.terms("a")] == ["ticket"]
    assert await glossary.remove("a", "Ticket") == 1
    assert await glossary.terms("a") == []


async def test_forget_takes_one_scope_only(database: Database) -> None:
    glossary = Glossary(database)
    await glossary.put("a", Term("x"))
    await glossary.put("b", Term("y"))
    assert await glossary.forget("a") == 1
    assert await glossary.terms("b") == [Term("y")]


async def test_the_command_adds_lists_and_removes(sqlite: Database) -> None:
    assert await say(sqlite, action="add", term="Parley") == "“Parley” stays as it is in every language."
    added = await say(sqlite, action="add", term="ticket", translation="billet", to="français")
    assert added == "“ticket” becomes “billet” in French."
    listed = await say(sqlite, action="list")
    assert listed == "- **Parley** stays (every language)\n- **ticket** → billet (French)"
    assert await say(sqlite, action="add", term="ticket = billet", to="français") == added
    assert await say(sqlite, action="add", term="Parley = Parley") == "“Parley” stays as it is in every language."
    assert "empty" in await say(sqlite, server="other", action="list")
    assert await say(sqlite, action="remove", term="TICKET") == "“TICKET” is translated freely again."
    assert await say(sqlite, action="list") == "- **Parley** stays (every language)"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"action": "add"}, "Name the term to add"),
        ({"action": "remove"}, "Name the term to remove"),
        ({"action": "remove", "term": "nothing"}, "is not in the glossary"),
        ({"action": "add", "term": "ticket", "translation": "billet"}, "Say which language"),
        ({"action": "add", "term": "ticket", "to": "Klingon-ish"}, "I know no language"),
        ({"action": "add", "term": "x" * 81}, "at most 80 characters"),
    ],
)
async def test_what_cannot_be_done_is_said(sqlite: Database, options: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        await say(sqlite, **options)


async def test_a_term_is_one_line(sqlite: Database) -> None:
    await say(sqlite, action="add", term="two\nlines")
    assert (await Glossary(sqlite).terms("test:s"))[0].term == "two lines"
