"""Presses: every control does what it says, in its place, for those who may, after a restart too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tests.adapters.slack.conftest import House
from tests.adapters.slack.delivery import Workspace
from tests.adapters.slack.peer import BOT, Message
from tests.adapters.slack.test_reply import ask

Opener = Callable[..., AbstractAsyncContextManager[House]]


async def test_a_thumb_up_is_kept_and_thanked_for_in_private(house: House) -> None:
    answer = await ask(house, "say: Good.")
    house.slack.press("U0BEN", answer, "Good answer")
    assert (await house.slack.whispered("U0BEN")).shown == "Noted, thank you. Nobody else sees it."
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    assert [(one.user, one.rating) for one in await house.stores.feedback.of_turn(row.id)] == [("slack:U0BEN", "up")]
    assert len(house.slack.by_bot("C0TALK")) == 1


async def test_a_thumb_down_counts_at_once_and_asks_for_reasons_and_the_better_answer(house: House) -> None:
    answer = await ask(house, "say: Wrong.")
    house.slack.press("U0ANN", answer, "Bad answer")
    view = (await house.slack.until(lambda: list(house.slack.views.values())))[0]
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    assert [one.rating for one in await house.stores.feedback.of_turn(row.id)] == ["down"]
    ticked = {"reasons": {"selected_options": view["blocks"][0]["element"]["options"][:1]}}
    words = {"words": {"value": "The right one"}}
    delivery = house.slack.submit("U0ANN", view, {"reasons": ticked, "words": words})
    assert "better answer waits for review" in (await house.slack.whispered("U0ANN")).shown
    kept = (await house.stores.feedback.of_turn(row.id))[0]
    assert kept.detail["correction"] == "The right one"
    assert kept.detail["reasons"] == ["wrong_fact"]
    await delivery.acknowledged.wait()


async def test_a_form_that_came_too_late_is_told(house: House) -> None:
    asked = house.slack.say("U0ANN", "D0ANN", "!story rain")
    answer = await house.slack.answer("D0ANN", asked.ts)
    house.slack.trigger_seconds = -1.0
    house.slack.press("U0ANN", answer, "Edit")
    told = await house.slack.answer("D0ANN", asked.ts, 2)
    assert "did not let me open the form" in told.shown


async def test_retry_takes_the_answers_place_and_versions_can_be_turned(house: House) -> None:
    answer = await ask(house, "seed again")
    first = answer.shown
    house.slack.press("U0BEN", answer, "Retry")
    assert "Only the person who asked" in (await house.slack.whispered("U0BEN")).shown
    house.slack.press("U0ANN", answer, "Retry")
    await house.slack.until(lambda: "Version 2 of 2" in str(answer.blocks))
    second = answer.shown
    assert first != second
    assert answer.labels() == ["Retry", "Flag", "Why", "◀"]
    house.slack.press("U0ANN", answer, "◀")
    await house.slack.until(lambda: "Version 1 of 2" in str(answer.blocks))
    assert answer.shown == first
    assert answer.labels()[-1] == "▶"
    assert len(house.slack.by_bot("C0TALK")) == 1
    rows = await house.stores.turns.of_user("slack:U0ANN")
    assert [row.remembered for row in rows] == [True, False]


async def test_a_retry_can_be_stopped_and_shows_that_it_runs(house: House) -> None:
    answer = await ask(house, "say: Short.")
    house.script.asked.clear()
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    await house.stores.turns.finish(row.id, question="say: It goes on hold")
    house.slack.press("U0ANN", answer, "Retry")
    await house.slack.until(lambda: answer.labels() == ["Stop"])
    house.slack.press("U0ANN", answer, "Stop")
    await house.slack.until(lambda: "Stopped." in str(answer.blocks))
    assert house.script.open == 0


async def test_continue_goes_on_in_the_thread_and_edit_shows_what_stands_there(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> story rain")
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert answer.labels() == ["Continue", "Undo", "Edit", "Retry", "Flag", "Why"]
    house.slack.press("U0ANN", answer, "Continue")
    assert (await house.slack.answer("C0TALK", asked.ts, 2)).shown == "Once upon a time more continue."
    house.slack.press("U0ANN", answer, "Edit")
    view = (await house.slack.until(lambda: list(house.slack.views.values())))[0]
    assert view["blocks"][0]["element"]["initial_value"] == "Once upon a time."
    house.slack.submit("U0ANN", view, {"words": {"words": {"value": "Twice upon a time."}}})
    assert "I go on from your text" in (await house.slack.whispered("U0ANN")).shown
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    assert row.answer == "Twice upon a time."


async def test_the_bin_takes_the_answer_out_of_channel_and_memory_for_its_asker_alone(house: House) -> None:
    answer = await ask(house, "say: Oops.")
    house.slack.press("U0BEN", answer, "Delete")
    assert "Only the person who asked" in (await house.slack.whispered("U0BEN")).shown
    house.slack.press("U0ANN", answer, "Delete")
    await house.slack.until(lambda: not house.slack.by_bot("C0TALK"))
    row = (await house.stores.turns.of_user("slack:U0ANN"))[0]
    assert (row.state, row.remembered) == ("undone", False)


async def test_picks_and_refinements_come_from_the_scenarios_own_buttons(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> write rain")
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert answer.labels() == ["Pick 1", "Shorter", "Write 2. The flood", "Retry", "Flag", "Why"]
    assert answer.elements()[0]["style"] == "primary"
    house.slack.press("U0ANN", answer, "Pick 1")
    assert (await house.slack.whispered("U0ANN")).shown == "Noted: the first one."
    house.slack.press("U0ANN", answer, "Shorter")
    assert (await house.slack.answer("C0TALK", asked.ts, 2)).shown == "Rain"


async def test_sources_are_folded_away_below_the_answer(house: House) -> None:
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> support how do I install it?")
    answer = await house.slack.answer("C0TALK", asked.ts)
    box = next(block for block in answer.blocks if block["type"] == "container")
    assert (box["title"]["text"], box["default_collapsed"]) == ("2 sources", True)
    assert "<https://example.org/settings|Settings>" in box["child_blocks"][1]["text"]["text"]


async def test_share_posts_a_private_answer_once_and_only_for_its_asker(house: House) -> None:
    house.slack.command("U0ANN", "C0TALK", "translate to:French Good morning")
    told = await house.slack.whispered("U0ANN")
    house.slack.press("U0ANN", told, "Share")
    shared = (await house.slack.until(lambda: house.slack.by_bot("C0TALK")))[0]
    assert shared.shown == "[French] Good morning"
    assert shared.thread == ""
    await house.slack.until(lambda: told.shown == "Shared.")
    assert shared.labels() == ["Retry", "Flag", "Why"]
    # What is shared can be pressed by those who see it.
    house.slack.press("U0BEN", shared, "Why")
    assert "/parley translate" in (await house.slack.whispered("U0BEN")).shown


async def test_a_private_answer_is_replaced_by_its_next_version(house: House) -> None:
    house.slack.command("U0ANN", "C0TALK", "translate to:French Good morning")
    told = await house.slack.whispered("U0ANN")
    house.slack.press("U0ANN", told, "Retry")
    await house.slack.until(lambda: "Version 2 of 2" in str(told.blocks))
    assert told.shown == "[French] Good morning"
    house.slack.press("U0ANN", told, "◀")
    await house.slack.until(lambda: "Version 1 of 2" in str(told.blocks))
    assert len(house.slack.by_bot("C0TALK", reader="U0ANN")) == 1
    assert house.slack.by_bot("C0TALK") == []


async def test_an_answer_for_one_person_alone_can_be_stopped_while_it_is_made(house: House) -> None:
    house.slack.command("U0ANN", "C0TALK", "say: On hold")
    (told,) = await house.slack.until(lambda: house.slack.by_bot(reader="U0ANN"))
    assert told.shown == "Working on it."
    house.slack.press("U0ANN", told, "Stop")
    await house.slack.until(lambda: "Stopped." in str(told.blocks))
    assert told.shown == "On"
    assert house.script.open == 0


async def test_buttons_work_after_a_restart(open_app: Opener, slack: Workspace) -> None:
    async with open_app() as house:
        answer: Message = await ask(house, "say: Before.")
    async with open_app():
        slack.press("U0ANN", answer, "Retry")
        await slack.until(lambda: "Version 2 of 2" in str(answer.blocks))
        assert answer.shown == "Before."


async def test_a_press_delivered_twice_is_answered_once(house: House) -> None:
    answer = await ask(house, "say: Again.")
    first = house.slack.press("U0ANN", answer, "Retry")
    house.slack.deliver("interactive", first.payload)
    await house.slack.until(lambda: "Version 2 of 2" in str(answer.blocks))
    await house.app.settled()
    assert len(await house.stores.turns.of_user("slack:U0ANN")) == 2


async def test_the_stop_button_of_an_unstreamed_answer_stops_it(house: House) -> None:
    house.slack.faults["chat.startStream"].append("unknown_method")
    asked = house.slack.say("U0ANN", "C0TALK", f"<@{BOT}> say: Going on and on hold")
    posted = (await house.slack.until(lambda: house.slack.by_bot("C0TALK", thread=asked.ts)))[0]
    house.slack.press("U0ANN", posted, "Stop")
    answer = await house.slack.answer("C0TALK", asked.ts)
    assert "Stopped." in str(answer.blocks)
    assert house.script.open == 0
    house.slack.press("U0ANN", answer, "Why")
    await house.slack.whispered("U0ANN")


async def test_a_press_of_another_app_is_acknowledged_and_left_alone(house: House) -> None:
    answer = await ask(house, "say: Mine.")
    action = {"action_id": "somebody_elses", "type": "button", "value": "x", "block_id": "b"}
    delivery = house.slack.deliver("interactive", house.slack._pressed("U0ANN", answer, action))
    broken = {"action_id": "press:retry:0", "type": "button", "value": "not ours", "block_id": "b"}
    other = house.slack.deliver("interactive", house.slack._pressed("U0ANN", answer, broken))
    await delivery.acknowledged.wait()
    await other.acknowledged.wait()
    assert len(house.slack.by_bot("C0TALK")) == 1
