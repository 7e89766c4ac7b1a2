"""Mentions, direct messages, threads and commands: what is for the bot is answered once, in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bot.request import Author, Place
from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import BOT, TEAM, event_of
from tests.waiting import until

Opener = Callable[..., AbstractAsyncContextManager[House]]


async def test_a_mention_is_answered_once_in_its_thread_as_a_stream(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Good morning to all of you.")
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert answer.shown == "Good morning to all of you."
    assert answer.stream == "closed"
    start = house.slack.called("chat.startStream")[0].arguments
    assert (start["recipient_team_id"], start["recipient_user_id"]) == (TEAM, "U0ANN")
    assert answer.labels() == ["Retry", "Flag", "Why"]
    # The mention came as app_mention and as message: one turn, one answer.
    await asyncio.gather(*(delivery.acknowledged.wait() for delivery in house.slack.envelopes.values()))
    assert len(house.slack.envelopes) == 2
    assert len(house.slack.by_bot("C0TALK")) == 1
    assert len(await house.stores.turns.of_user("slack:U0ANN")) == 1


async def test_a_direct_message_is_a_thread_of_its_own_and_goes_on_there(house: House) -> None:
    first = house.slack.say("U0ANN", "D0ANN", "say: One.")
    assert (await house.slack.answer("D0ANN", first.ts)).shown == "One."
    again = house.slack.say("U0ANN", "D0ANN", "say: Two.", thread=first.ts)
    assert (await house.slack.answer("D0ANN", first.ts, 2)).shown == "Two."
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert [row.thread for row in rows] == [first.ts, first.ts]
    assert again.thread == first.ts


async def test_a_thread_goes_on_without_a_mention_for_the_one_who_began_it(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Hello.")
    await house.slack.answer("C0TALK", asked.ts)
    house.slack.say("U0BEN", "C0TALK", "say: Not for you.", thread=asked.ts)
    house.slack.say("U0ANN", "C0TALK", "<@U0BEN> say: not for you either", thread=asked.ts)
    house.slack.say("U0ANN", "C0TALK", "say: For you.", thread=asked.ts)
    assert (await house.slack.answer("C0TALK", asked.ts, 2)).shown == "For you."
    assert len(house.slack.by_bot("C0TALK")) == 2


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B0OTHER"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "channel_join"},
        {"hidden": True},
        {"user": BOT},
        {"user": "USLACKBOT"},
        {"user": None},
    ],
)
async def test_bots_edits_and_joins_are_not_answered(house: House, event: dict[str, object]) -> None:
    house.slack.say("U0ANN", "D0ANN", "say: no", **event)
    real = house.slack.say("U0ANN", "D0ANN", "say: yes")
    assert (await house.slack.answer("D0ANN", real.ts)).shown == "yes"
    assert house.script.asked == ["say: yes"]


async def test_a_mention_in_a_quote_or_behind_another_name_is_not_for_the_bot(house: House) -> None:
    quote = {"type": "rich_text_quote", "elements": [{"type": "user", "user_id": BOT}]}
    house.slack.say("U0ANN", "C0TALK", f"&gt; <@{BOT}> said so", blocks=[{"type": "rich_text", "elements": [quote]}])
    house.slack.say("U0ANN", "C0TALK", f"<@U0BEN> ask <@{BOT}> about it")
    section = {"type": "rich_text_section", "elements": [{"type": "user", "user_id": BOT}]}
    real = house.slack.say(
        "U0ANN", "C0TALK", f"<@{BOT}> say: yes", blocks=[{"type": "rich_text", "elements": [section]}]
    )
    assert (await house.slack.answer("C0TALK", real.ts)).shown == "yes"
    assert len(house.script.asked) == 1


async def test_a_command_is_acknowledged_while_its_answer_is_still_being_made(house: House) -> None:
    delivery = house.slack.command("U0BEN", "C0TALK", "hold on")
    await house.slack.until(lambda: house.script.open == 1)
    await delivery.acknowledged.wait()
    assert house.script.open == 1


async def test_the_umbrella_command_is_private_in_a_channel_and_a_thread_with_the_bot_alone(house: House) -> None:
    house.slack.command("U0BEN", "C0TALK", "translate to:French Good morning <@U0ANN|ann>")
    told = await house.slack.whispered("U0BEN")
    assert told.shown == "[French] Good morning @\u2060Ann Lee"
    assert told.labels()[-1] == "Share"
    house.slack.command("U0ANN", "D0ANN", "story rain")
    root = (await house.slack.until(lambda: house.slack.by_bot("D0ANN")))[0]
    assert root.shown == "`/parley story rain`"
    assert (await house.slack.answer("D0ANN", root.ts)).shown == "Once upon a time."
    # Between two other people the bot is no member: the address that came with the command still works.
    house.slack.command("U0ANN", "D0OTHERS", "story snow")
    assert (await house.slack.whispered("U0ANN")).shown == "Once upon a time."


async def test_an_empty_command_is_help_and_an_unknown_one_is_explained(house: House) -> None:
    house.slack.command("U0ANN", "C0TALK", "")
    assert "see every command" in (await house.slack.whispered("U0ANN")).shown
    house.slack.command("U0ANN", "C0TALK", "translate tone:loud good morning")
    assert (await house.slack.whispered("U0ANN", 2)).shown.startswith("/parley translate does not know tone")


async def test_a_command_of_its_own_name_when_switched_on(open_app: Opener) -> None:
    async with open_app(slack_short_commands=True) as house:
        house.slack.command("U0ANN", "C0TALK", "to:French Good morning", name="/translate")
        assert (await house.slack.whispered("U0ANN")).shown == "[French] Good morning"


async def test_typed_commands_work_behind_a_mention_and_in_threads(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> translate to:French Good morning")
    assert (await house.slack.answer("C0TALK", asked.ts)).shown == "[French] Good morning"
    root = house.slack.say("U0BEN", "C0TALK", "Guten Morgen")
    house.slack.say("U0BEN", "C0TALK", "!nice work", thread=root.ts)
    house.slack.say("U0BEN", "C0TALK", "!translate to:French Good evening", thread=root.ts)
    assert (await house.slack.answer("C0TALK", root.ts)).shown == "[French] Good evening"
    chat = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> help me with this")
    assert (await house.slack.answer("C0TALK", chat.ts)).shown == "You said: help me with this"


async def test_a_file_is_read_with_the_token_and_a_file_share_is_not_dropped(house: House) -> None:
    house.slack.stored["F1"] = ("notes.txt", b"the roof leaks")
    asked = house.slack.say("U0ANN", "D0ANN", "say: Read.", subtype="file_share", files=[house.slack.file_of("F1")])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "Read. [notes.txt: the roof leaks]"
    # Large workspaces send a stub instead of the file.
    stub = {"id": "F1", "name": "notes.txt", "file_access": "check_file_info"}
    asked = house.slack.say("U0ANN", "D0ANN", "say: Again.", subtype="file_share", files=[stub])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "Again. [notes.txt: the roof leaks]"


async def test_a_file_elsewhere_never_gets_the_token(house: House, slack: Workspace) -> None:
    other = Workspace()
    await other.start()
    try:
        other.stored["F1"] = ("notes.txt", b"secret")
        asked = slack.say("U0ANN", "D0ANN", "say: Read.", subtype="file_share", files=[other.file_of("F1")])
        answer = await slack.until(lambda: slack.by_bot("D0ANN", thread=asked.ts))
        await slack.until(lambda: "does not lie on Slack" in str(answer[0].blocks))
        assert other.calls == []
    finally:
        await other.close()


async def test_what_others_wrote_in_a_thread_comes_along_as_background(house: House) -> None:
    root = house.slack.say("U0BEN", "C0TALK", "The pump <https://example.org|here> is broken &amp; loud")
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> quotes", thread=root.ts)
    answer = await house.slack.answer("C0TALK", root.ts)
    assert "Ben: The pump [here](https://example.org) is broken & loud" in answer.shown
    assert asked.text not in answer.shown


async def test_a_question_taken_back_stops_its_answer_and_takes_it_along(house: House) -> None:
    asked = house.slack.say("U0ANN", "D0ANN", "say: Holding on hold")
    await house.slack.until(lambda: [m for m in house.slack.by_bot("D0ANN") if m.stream == "open"])
    house.slack.delete(asked)
    await house.slack.until(lambda: not house.slack.by_bot("D0ANN"))
    assert house.script.open == 0
    asked = house.slack.say("U0ANN", "D0ANN", "say: Done.")
    await house.slack.answer("D0ANN", asked.ts)
    await house.app.settled()
    house.slack.delete(asked)
    await house.slack.until(lambda: not house.slack.by_bot("D0ANN"))
    await house.app.settled()
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert [(row.state, row.remembered) for row in rows] == [("undone", False)] * 2


async def test_a_question_taken_back_before_its_answer_begins_gets_none(house: House) -> None:
    root = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: First.")
    await house.slack.answer("C0TALK", root.ts)
    # In a thread a question waits for what may still belong to it.
    asked = house.slack.say("U0ANN", "C0TALK", "say: Second.", thread=root.ts)
    workspace = await house.app._workspaces.of("")
    assert workspace is not None
    running = workspace.talk._running
    await until(lambda: f"{TEAM}:C0TALK:{asked.ts}" in running)
    house.slack.delete(asked)
    await until(lambda: not running)
    await house.app.settled()
    assert [message.shown for message in house.slack.by_bot("C0TALK")] == ["First."]
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert [row.question for row in rows if row.remembered] == ["say: First."]


async def test_an_edited_question_can_be_answered_anew_in_the_same_place(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Wnoderful.")
    answer = await house.slack.answer("C0TALK", asked.ts)
    await house.app.settled()
    house.slack.unfurl(asked)
    house.slack.edit(asked, f"<@{BOT}> say: Wonderful.")
    offer = await house.slack.whispered("U0ANN")
    assert offer.labels() == ["Answer the edited question"]
    house.slack.press("U0ANN", offer, "Answer the edited question")
    house.slack.press("U0ANN", offer, "Answer the edited question")
    await house.slack.until(lambda: answer.shown == "Wonderful.")
    await house.app.settled()
    assert len(house.slack.by_bot("C0TALK")) == 1
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert [(row.question, row.remembered) for row in rows] == [("say: Wnoderful.", False), ("say: Wonderful.", True)]


async def test_an_edited_question_that_was_refused_can_be_asked_again(house: House) -> None:
    place, admin = Place("slack", TEAM, "C0TALK"), Author("U0BEN", admin=True)
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Wnoderful.")
    answer = await house.slack.answer("C0TALK", asked.ts)
    await house.app.settled()
    house.slack.edit(asked, f"<@{BOT}> say: Wonderful.")
    offer = await house.slack.whispered("U0ANN")
    await house.stores.places.change(place, admin, "mode", "off")
    house.slack.press("U0ANN", offer, "Answer the edited question")
    await house.slack.until(lambda: "switched off" in house.slack.by_bot(reader="U0ANN")[-1].shown)
    await house.app.settled()
    await house.stores.places.change(place, admin, "mode", "mention")
    house.slack.press("U0ANN", offer, "Answer the edited question")
    await house.slack.until(lambda: answer.shown == "Wonderful.")
    await house.app.settled()
    house.slack.press("U0ANN", offer, "Answer the edited question")
    await house.slack.until(lambda: "answered already" in house.slack.by_bot(reader="U0ANN")[-1].shown)


async def test_a_question_edited_while_it_is_answered_is_offered_at_the_end(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Holding on hold")
    await house.slack.until(lambda: house.slack.sessions.get(("C0TALK", asked.ts)) == "processing")
    await house.slack.edit(asked, f"<@{BOT}> say: Let go.").acknowledged.wait()
    assert house.slack.by_bot(reader="U0ANN") == []
    house.slack.stop("U0ANN", "C0TALK", asked.ts)
    answer = await house.slack.answer("C0TALK", asked.ts)
    house.slack.press("U0ANN", await house.slack.whispered("U0ANN"), "Answer the edited question")
    await house.slack.until(lambda: answer.shown == "Let go.")


async def test_questions_reach_their_answers_after_a_restart(open_app: Opener, slack: Workspace) -> None:
    async with open_app() as first:
        root = slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: First.")
        await slack.answer("C0TALK", root.ts)
        asked = slack.say("U0ANN", "C0TALK", "say: Helo.", thread=root.ts)
        answer = await slack.answer("C0TALK", root.ts, 2)
        other = slack.say("U0BEN", "D0BEN", "say: Secret.")
        slack.press("U0BEN", secret := await slack.answer("D0BEN", other.ts), "Retry")
        await slack.until(lambda: "Version 2 of 2" in str(secret.blocks))
        await first.app.settled()
    async with open_app() as second:
        slack.unfurl(asked)
        slack.edit(asked, "say: Hello.")
        offer = await slack.whispered("U0ANN")
        assert offer.thread == root.ts
        slack.press("U0BEN", offer, "Answer the edited question")
        await slack.until(lambda: "Only the person who asked" in offer.shown)
    async with open_app() as second:
        slack.edit(asked, "say: Hello there.")
        slack.press("U0ANN", await slack.whispered("U0ANN", 2), "Answer the edited question")
        await slack.until(lambda: answer.shown == "Hello there.")
        await second.app.settled()
        # Edited once more, it is the newer turn that is answered anew.
        slack.edit(asked, "say: Good day.")
        slack.press("U0ANN", await slack.whispered("U0ANN", 2), "Answer the edited question")
        await slack.until(lambda: answer.shown == "Good day.")
        slack.delete(other)
        await slack.until(lambda: not slack.by_bot("D0BEN"))
        await second.app.settled()
        rows = await second.stores.turns.of_user("slack:U0ANN")
        assert [row.state for row in rows] == ["done", "undone", "undone", "done"]
        secrets = await second.stores.turns.of_user("slack:U0BEN")
        assert [(row.state, row.remembered) for row in secrets] == [("undone", False)] * 2


async def test_where_a_person_was_called_in_the_bot_is_silent_until_it_is_named(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> human please")
    await house.slack.answer("C0TALK", asked.ts)
    house.slack.say("U0ANN", "C0TALK", "say: To the person who helps me.", thread=asked.ts)
    house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Back.", thread=asked.ts)
    assert (await house.slack.answer("C0TALK", asked.ts, 2)).shown == "Back."
    assert len(house.slack.by_bot("C0TALK")) == 2


async def test_slacks_stop_button_ends_the_engines_work_and_only_the_asker_may_press_it(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Holding on hold")
    stream = (await house.slack.until(lambda: house.slack.by_bot("C0TALK", thread=asked.ts)))[0]
    await house.slack.until(lambda: house.slack.sessions.get(("C0TALK", asked.ts)) == "processing")
    house.slack.stop("U0EVE", "C0TALK", asked.ts)
    assert "Only the person who asked" in (await house.slack.whispered("U0EVE")).shown
    assert house.script.open == 1
    house.slack.stop("U0ANN", "C0TALK", asked.ts)
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert answer.ts == stream.ts
    assert answer.shown == "Holding on"
    assert "Stopped." in str(answer.blocks)
    assert house.script.open == 0
    await house.slack.until(lambda: house.slack.sessions["C0TALK", asked.ts] == "active")


async def test_a_restart_answers_nothing_twice(open_app: Opener, slack: Workspace) -> None:
    async with open_app():
        asked = slack.say("U0ANN", "D0ANN", "say: Once.")
        await slack.answer("D0ANN", asked.ts)
        event = event_of(asked)
    async with open_app():
        slack.event(event)
        other = slack.say("U0ANN", "D0ANN", "say: Other.")
        await slack.answer("D0ANN", other.ts)
    assert [message.shown for message in slack.by_bot("D0ANN")] == ["Once.", "Other."]


async def test_the_files_of_a_threads_first_message_come_along(house: House) -> None:
    house.slack.stored["F1"] = ("notes.txt", b"the roof leaks")
    root = house.slack.say("U0BEN", "C0TALK", "Our notes", subtype="file_share", files=[house.slack.file_of("F1")])
    house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Read.", thread=root.ts)
    assert (await house.slack.answer("C0TALK", root.ts)).shown == "Read. [notes.txt: the roof leaks]"
    # Once the bot has spoken, what came before is known.
    house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Next.", thread=root.ts)
    assert (await house.slack.answer("C0TALK", root.ts, 2)).shown == "Next."


async def test_forwarded_messages_are_read_and_previews_of_pages_are_not(house: House) -> None:
    house.slack.stored["F1"] = ("notes.txt", b"the roof leaks")
    shared = {"is_share": True, "author_name": "Ben", "text": "The pump <@U0BEN> fixed is broken"}
    preview = {"from_url": "https://example.org", "text": "A page"}
    asked = house.slack.say("U0ANN", "D0ANN", "quotes", attachments=[shared, preview])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "Ben: The pump @Ben fixed is broken"
    # Forwarded without a word, it is what is said; its files come along.
    alone = {**shared, "text": "say: Forwarded.", "files": [house.slack.file_of("F1")]}
    asked = house.slack.say("U0ANN", "D0ANN", "", attachments=[alone])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "Forwarded. [notes.txt: the roof leaks]"


async def test_a_group_message_is_a_shared_place(house: House) -> None:
    house.slack.members["G0GROUP"] = {BOT, "U0ANN", "U0BEN"}
    house.slack.say("U0ANN", "G0GROUP", "say: among us", channel_type="mpim")
    asked = house.slack.say("U0ANN", "G0GROUP", f"<@{BOT}> say: to you", channel_type="mpim")
    assert (await house.slack.answer("G0GROUP", asked.ts)).shown == "to you"
    assert len(house.slack.by_bot("G0GROUP")) == 1
    start = house.slack.called("chat.startStream")[0].arguments
    assert start["recipient_user_id"] == "U0ANN"
    house.slack.command("U0BEN", "G0GROUP", "translate to:French Good morning")
    assert (await house.slack.whispered("U0BEN")).channel == "G0GROUP"


async def test_what_the_bot_posted_itself_is_known_to_who_asks_below_it(house: House) -> None:
    house.slack.command("U0ANN", "C0TALK", "translate to:French Good morning")
    house.slack.press("U0ANN", await house.slack.whispered("U0ANN"), "Share")
    shared = (await house.slack.until(lambda: house.slack.by_bot("C0TALK")))[0]
    house.slack.say("U0BEN", "C0TALK", f"<@{BOT}> quotes", thread=shared.ts)
    assert (await house.slack.answer("C0TALK", shared.ts)).shown == "Parley: [French] Good morning"


async def test_a_channel_that_is_looked_at_can_be_translated(house: House) -> None:
    house.slack.say("U0BEN", "C0TALK", "Die Pumpe ist kaputt")
    entities = [{"type": "slack#/types/channel_id", "value": "C0TALK", "team_id": TEAM}]
    house.slack.event(
        {"type": "app_context_changed", "user": "U0ANN", "channel": "D0ANN", "context": {"entities": entities}}
    )
    offered = await house.slack.until(lambda: house.slack.prompts.get("D0ANN"))
    assert [one["title"] for one in offered[:2]] == ["Summarise this channel", "Translate this channel"]
    asked = house.slack.say("U0ANN", "D0ANN", offered[1]["message"])
    assert (await house.slack.answer("D0ANN", asked.ts)).shown == "[en-US] Ben: Die Pumpe ist kaputt"
    # Where nothing can be read, that is said, and no model is asked.
    asked = house.slack.say("U0BEN", "D0BEN", offered[1]["message"])
    assert "I can read nothing" in (await house.slack.answer("D0BEN", asked.ts)).shown
