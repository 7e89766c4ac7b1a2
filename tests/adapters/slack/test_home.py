"""The Home tab, the suggested prompts, and what happens when the app is removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from bot.learning.consent import PREFERENCE
from bot.learning.flags import Reason, Report
from bot.request import Author, Place
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import TEAM
from tests.adapters.slack.test_reply import ask

Opener = Callable[..., AbstractAsyncContextManager[House]]


async def opened(house: House, user: str) -> str:
    """Open the Home tab; gives all of it as one text."""
    house.slack.homes.pop(user, None)
    house.slack.event({"type": "app_home_opened", "user": user, "channel": f"D0{user[2:]}", "tab": "home"})
    return json.dumps(await house.slack.until(lambda: house.slack.homes.get(user)), ensure_ascii=False)


async def form(house: House) -> dict[str, Any]:
    view: dict[str, Any] = (await house.slack.until(lambda: list(house.slack.views.values())))[-1]
    return view


async def test_everybody_sees_their_memory_and_quota_and_nobody_the_rest(open_app: Opener) -> None:
    async with open_app(quota="5/day") as house:
        await ask(house, "say: One.")
        ann = await opened(house, "U0ANN")
        assert "4 left until" in ann
        assert "I remember our conversations" in ann
        assert "Workspace settings" not in ann
        assert "Moderation" not in ann
        ben = await opened(house, "U0BEN")
        assert "5 left until" in ben
        assert "Workspace settings" in ben
        assert "Nothing waits for review" in ben


async def test_memory_is_shown_switched_off_exported_and_forgotten(house: House) -> None:
    await ask(house, "say: One.", "D0ANN")
    await opened(house, "U0ANN")
    house.slack.press_home("U0ANN", "Keep nothing")
    assert "From now on I keep none of your words" in str(await form(house))
    await house.slack.until(lambda: "Remember again" in str(house.slack.homes["U0ANN"]))
    house.slack.press_home("U0ANN", "Export")
    shared = (await house.slack.until(lambda: house.slack.shared))[0]
    assert (shared["name"], shared["channel"]) == ("parley-memory.json", "D0ANN")
    await house.slack.until(lambda: "under Messages" in str(list(house.slack.views.values())[-1]))
    house.slack.views.clear()
    house.slack.press_home("U0ANN", "Forget everything")
    assert "Everything I kept of you is deleted" in str(await form(house))
    assert await house.stores.turns.of_user("slack:U0ANN") == []


async def test_admins_change_the_workspaces_settings_and_others_cannot(house: House) -> None:
    await opened(house, "U0BEN")
    house.slack.press_home("U0BEN", "Workspace settings")
    view = await form(house)
    values: dict[str, Any] = {
        "persona": {"persona": {"value": "You are Ferris, a crab."}},
        "language": {"language": {"value": "Klingonese"}},
        "quota": {"quota": {"value": "20/day"}},
        "moderators_channel": {"moderators_channel": {"selected_conversation": "C0HELP"}},
        "moderators": {"moderators": {"selected_users": ["U0ANN"]}},
        "trainers": {"trainers": {"selected_users": []}},
        "viewers": {"viewers": {"selected_users": ["U0CAT"]}},
        "scenarios_off": {"scenarios_off": {"selected_options": [{"value": "story"}]}},
        "training": {"training": {"selected_options": []}},
    }
    wrong = house.slack.submit("U0BEN", view, values)
    await wrong.acknowledged.wait()
    assert wrong.answer["response_action"] == "errors"
    assert list(wrong.answer["errors"]) == ["language"]
    values["language"]["language"]["value"] = "French"
    # Somebody who manages nothing sends the same form: the server checks, not the page.
    refused = house.slack.submit("U0ANN", view, values)
    await refused.acknowledged.wait()
    assert "Only people who manage" in str(refused.answer["errors"])
    assert (await house.stores.places.server("slack", TEAM)).persona == ""
    right = house.slack.submit("U0BEN", view, values)
    await right.acknowledged.wait()
    assert right.answer == {}
    await house.app.settled()
    kept = await house.stores.places.server("slack", TEAM)
    assert (kept.persona, kept.language, kept.moderators) == ("You are Ferris, a crab.", "fr", frozenset({"U0ANN"}))
    assert (kept.trainers, kept.viewers) == (frozenset(), frozenset({"U0CAT"}))
    assert "Moderation" in await opened(house, "U0ANN")
    house.slack.command("U0ANN", "C0TALK", "story rain")
    assert "switched off" in (await house.slack.whispered("U0ANN")).shown
    assert {change.user for change in await house.stores.places.audit("slack", TEAM)} == {"slack:U0BEN"}


async def test_a_channel_is_set_from_the_page_beginning_from_what_it_has(house: House) -> None:
    admin = Author("U0BEN", admin=True)
    await house.stores.places.change(Place("slack", TEAM, "C0HELP"), admin, "scenario", "support")
    await opened(house, "U0BEN")
    house.slack.press_home("U0BEN", "Channel settings")
    view = await form(house)
    await house.slack.pick("U0BEN", view, "home:picked", selected_conversation="C0HELP").acknowledged.wait()
    await house.slack.until(lambda: view["blocks"][2]["element"]["initial_option"]["value"] == "support")
    # Whoever manages nothing gets no page with settings.
    house.slack.pick("U0ANN", view, "home:picked", selected_conversation="C0HELP")
    await house.slack.until(lambda: "Only people who manage" in str(list(house.slack.views.values())))
    mode, scenario, persona, language = (block["block_id"] for block in view["blocks"][1:])
    values = {
        "channel": {"home:picked": {"selected_conversation": "C0HELP"}},
        mode: {"chosen": {"selected_option": {"value": "every"}}},
        scenario: {"chosen": {"selected_option": {"value": "support"}}},
        persona: {"written": {"value": "You are a librarian."}},
        language: {"written": {"value": "Klingonese"}},
    }
    refused = house.slack.submit("U0ANN", view, values)
    await refused.acknowledged.wait()
    assert "Only people who manage" in str(refused.answer["errors"][mode])
    unknown = house.slack.submit("U0BEN", view, values)
    await unknown.acknowledged.wait()
    assert "I know no language" in unknown.answer["errors"][language]
    values[language]["written"]["value"] = "German"
    await house.slack.submit("U0BEN", view, values).acknowledged.wait()
    await house.app.settled()
    asked = house.slack.say("U0ANN", "C0HELP", "How do I install it?")
    assert "make run" in (await house.slack.answer("C0HELP", asked.ts)).shown
    shown = await opened(house, "U0BEN")
    assert "<#C0HELP>: answer every new message, support, from the documents; persona You are a librarian." in shown
    kept = await house.stores.places.channel(Place("slack", TEAM, "C0HELP"))
    assert (kept.channel_persona, kept.channel_language) == ("You are a librarian.", "de")
    house.slack.press_home("U0BEN", "Channel settings")
    again = await form(house)
    await house.slack.pick("U0BEN", again, "home:picked", selected_conversation="C0HELP").acknowledged.wait()
    await house.slack.until(lambda: len(again["blocks"]) > 3)  # the page has only the channel's field at first
    assert again["blocks"][3]["element"]["initial_value"] == "You are a librarian."


async def test_a_person_gets_a_quota_of_their_own(open_app: Opener) -> None:
    async with open_app(quota="1/day") as house:
        await ask(house, "say: One.")
        await opened(house, "U0BEN")
        house.slack.press_home("U0BEN", "A person's quota")
        view = await form(house)
        values: dict[str, Any] = {
            "person": {"person": {"selected_user": "U0ANN"}},
            "quota": {"quota": {"value": "many"}},
            "again": {"again": {"selected_options": [{"value": "yes"}]}},
        }
        wrong = house.slack.submit("U0BEN", view, values)
        await wrong.acknowledged.wait()
        assert list(wrong.answer["errors"]) == ["quota"]
        values["quota"]["quota"]["value"] = "3/day"
        refused = house.slack.submit("U0ANN", view, values)
        await refused.acknowledged.wait()
        assert "Only people who manage" in str(refused.answer)
        assert "0 left until" in await opened(house, "U0ANN")
        await house.slack.submit("U0BEN", view, values).acknowledged.wait()
        await house.app.settled()
        assert "3 left until" in await opened(house, "U0ANN")
        assert "`U0ANN`: 3/day" in await opened(house, "U0BEN")


async def test_consent_to_training_is_given_and_taken_back(house: House) -> None:
    members = house.stores.members
    assert "Your questions do not train" in await opened(house, "U0ANN")
    house.slack.press_home("U0ANN", "Allow my questions")
    await house.slack.until(lambda: "may train the model, where" in str(house.slack.homes["U0ANN"]))
    assert await members.preference("slack:U0ANN", PREFERENCE) == "on"
    assert await members.preference("slack:U0BEN", PREFERENCE) == ""
    house.slack.press_home("U0ANN", "Use nothing of mine")
    await house.slack.until(lambda: "Nothing of yours trains" in str(house.slack.homes["U0ANN"]))
    assert await members.preference("slack:U0ANN", PREFERENCE) == "off"


async def test_what_is_kept_is_shown_wherever_it_was_said(house: House) -> None:
    await ask(house, "say: One.")
    await house.stores.memory.learn("slack:U0ANN", Place("slack", TEAM, "C0HELP"), "I am allergic to nuts")
    await opened(house, "U0ANN")
    house.slack.press_home("U0ANN", "Show")
    shown = str(await form(house))
    assert "I am allergic to nuts" in shown
    assert "*Kept of you* 1 question, 1 fact" in shown


async def test_moderators_get_links_to_what_waits(house: House) -> None:
    answer = await ask(house, "say: It closes at five.")
    await house.stores.places.change(Place("slack", TEAM), Author("U0BEN", admin=True), "moderators_channel", "C0HELP")
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    await house.stores.reviews.flag(row, "slack:U0ANN", Report((Reason.WRONG_FACT,)))
    card = (await house.slack.until(lambda: house.slack.by_bot("C0HELP")))[0]
    link = f"{house.slack.url}/archives/C0HELP/p{card.ts.replace('.', '')}"
    page = await opened(house, "U0BEN")
    while link not in page:  # the card's place is written down after it stands there
        page = await opened(house, "U0BEN")
    assert "1 flagged answer waits" in page
    assert "say: It closes at five." in page
    house.slack.press_home("U0BEN", "Review on the web")
    assert "<https://parley.example/review/enter/" in str(await form(house))
    assert answer.shown not in await opened(house, "U0ANN")


async def test_due_cards_are_offered_as_a_quiz(house: House) -> None:
    await house.stores.cards.add("slack:U0ANN", "I goed", "I went", subject="English")
    page = await opened(house, "U0ANN")
    assert "1 review card is due" in page
    house.slack.press_home("U0ANN", "Quiz me")
    root = (await house.slack.until(lambda: house.slack.by_bot("D0ANN")))[0]
    assert root.shown == "`/parley tutor mode:quiz`"


async def test_prompts_fit_what_the_person_looks_at(house: House) -> None:
    house.slack.event({"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "messages"})
    first = await house.slack.until(lambda: house.slack.prompts.get("D0ANN"))
    assert len(first) == 4
    house.slack.say("U0BEN", "C0TALK", "The pump is broken")
    entities = [{"type": "slack#/types/channel_id", "value": "C0TALK", "team_id": TEAM}]
    looked = {"type": "app_context_changed", "user": "U0ANN", "channel": "D0ANN", "context": {"entities": entities}}
    house.slack.event(looked)
    offered = await house.slack.until(lambda: house.slack.prompts["D0ANN"] != first and house.slack.prompts["D0ANN"])
    assert [one["title"] for one in offered[:2]] == ["Summarise this channel", "Translate this channel"]
    asked = house.slack.say("U0ANN", "D0ANN", offered[0]["message"])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "Ben: The pump is broken"
    # What is switched off is not offered, and due cards are.
    await house.stores.cards.add("slack:U0ANN", "I goed", "I went", subject="English")
    await house.stores.places.change(Place("slack", TEAM), Author("U0BEN", admin=True), "scenarios_off", "summarize")
    house.slack.prompts.clear()
    house.slack.event({"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "messages"})
    now = await house.slack.until(lambda: house.slack.prompts.get("D0ANN"))
    assert [one["title"] for one in now] == [
        "Translate this channel", "Quiz me: one card is due", "Translate", "Explain",
    ]  # fmt: skip
    # Somebody else looks at nothing that Slack told us of, and gets nothing of it.
    asked = house.slack.say("U0BEN", "D0BEN", offered[0]["message"])
    assert "pump" not in (await house.slack.answer("D0BEN", asked.ts)).shown


async def test_a_workspace_that_removes_the_app_leaves_nothing_behind(house: House, slack: Workspace) -> None:
    await ask(house, "say: One.")
    await house.stores.places.change(Place("slack", TEAM), Author("U0BEN", admin=True), "quota", "5/day")
    await house.stores.cards.add("slack:U0ANN", "I goed", "I went")
    delivery = slack.event({"type": "app_uninstalled"})
    await delivery.acknowledged.wait()
    await house.app.settled()
    assert await house.stores.turns.of_user("slack:U0ANN") == []
    assert await house.stores.cards.list("slack:U0ANN") == []
    assert (await house.stores.places.server("slack", TEAM)).quota == ""
