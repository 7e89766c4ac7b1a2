"""Forms of commands: drawn from the declaration, in the reader's language, checked, and answered in their place."""

from __future__ import annotations

from typing import Any

from tests.adapters.slack.conftest import House
from tests.adapters.slack.test_home import form, opened


def filled(**chosen: str) -> dict[str, Any]:
    """What a form sends in."""
    return {name: {name: {"value": value, "selected_option": {"value": value}}} for name, value in chosen.items()}


async def test_a_command_typed_alone_opens_its_form(house: House) -> None:
    house.slack.command("U0BEN", "C0TALK", "translate")
    view = await form(house)
    assert view["title"]["text"] == "/translate"
    assert [block["block_id"] for block in view["blocks"]] == ["text", "to", "tone", "note"]
    assert [block["optional"] for block in view["blocks"]] == [False, True, True, True]
    kinds = [block["element"]["type"] for block in view["blocks"]]
    assert kinds == ["plain_text_input", "external_select", "static_select", "static_select"]
    sent = house.slack.submit("U0BEN", view, filled(text="Good morning", to="French", tone="formal"))
    told = await house.slack.whispered("U0BEN")
    assert (told.shown, told.channel) == ("[French] Good morning", "C0TALK")
    assert "Share" in told.labels()
    await sent.acknowledged.wait()
    assert sent.answer == {}


async def test_what_is_wrong_in_a_form_is_told_beside_its_box(house: House) -> None:
    house.slack.command("U0BEN", "C0TALK", "translate")
    view = await form(house)
    sent = house.slack.submit("U0BEN", view, filled(text="Good morning", tone="loud"))
    await sent.acknowledged.wait()
    assert sent.answer["response_action"] == "errors"
    assert "it can be: plain, formal, friendly" in sent.answer["errors"]["tone"]
    assert house.script.asked == []


async def test_languages_are_completed_while_they_are_typed(house: House) -> None:
    for typed, first in (("ger", "ger"), ("German", "German"), ("", "Danish")):
        asked = house.slack.suggest("U0BEN", "suggest:translate:to", typed)
        await asked.acknowledged.wait()
        assert asked.answer["options"][0]["value"] == first
    strange = house.slack.suggest("U0BEN", "suggest:nothing:at", "x")
    await strange.acknowledged.wait()
    assert strange.answer["options"] == []


async def test_a_form_from_the_home_tab_is_answered_where_both_are_alone(house: House) -> None:
    await opened(house, "U0ANN")
    house.slack.press_home("U0ANN", "Translate")
    house.slack.submit("U0ANN", await form(house), filled(text="Good morning", to="French"))
    root = (await house.slack.until(lambda: house.slack.by_bot("D0ANN")))[0]
    assert root.shown == "`/parley translate to:French Good morning`"
    assert (await house.slack.answer("D0ANN", root.ts)).shown == "[French] Good morning"
    # A command that needs no words has a form there too.
    house.slack.views.clear()
    house.slack.press_home("U0ANN", "Tell a story")
    assert (await form(house))["title"]["text"] == "/story"


async def test_a_form_sent_twice_is_answered_once(house: House) -> None:
    house.slack.command("U0BEN", "C0TALK", "support")
    view = await form(house)
    first = house.slack.submit("U0BEN", view, filled(question="How do I install it?"))
    house.slack.deliver("interactive", first.payload)
    await house.slack.whispered("U0BEN")
    await house.app.settled()
    assert len(house.slack.by_bot("C0TALK", reader="U0BEN")) == 1


async def test_without_a_form_the_command_says_what_it_needs(house: House) -> None:
    house.slack.faults["views.open"].append("expired_trigger_id")
    house.slack.command("U0BEN", "C0TALK", "support")
    assert "/parley support needs question" in (await house.slack.whispered("U0BEN")).shown
