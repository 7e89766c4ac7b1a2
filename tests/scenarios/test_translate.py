"""/translate: what it asks of the model, what it makes of the answer, and what it says without one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.controls import Control
from bot.database import Database
from bot.errors import UserError
from bot.scenarios.doubts import doubt
from bot.scenarios.glossary import Term
from bot.scenarios.languages import language
from bot.scenarios.translate import EXAMPLES, Translate
from bot.stores import Stores
from bot.turn import Plan, Pressed, Say
from models.engine import Message
from tests.scenarios import plans


@pytest.fixture
def stores(sqlite: Database) -> Stores:
    return plans.stores_over(sqlite)


async def plan(stores: Stores, text: str, *, locale: str = "en", **options: str) -> Plan | Say:
    return await Translate().plan(
        plans.turn(stores, text, locale=locale, **{"text": text, "tone": "neutral", **options})
    )


async def ran(stores: Stores, text: str, answer: str | Sequence[str], **options: str) -> plans.Ran:
    answers = [answer] if isinstance(answer, str) else list(answer)
    return await plans.run_plan(await plan(stores, text, **options), lambda prompt: answers.pop(0))


async def test_the_prompt_as_it_is_sent(stores: Stores) -> None:
    done = await ran(stores, "Please open the red door for him, <@1>?", "Ouvrez-lui la porte rouge, [1] !", to="French")
    examples = [
        message
        for english, french in zip(EXAMPLES["en"], EXAMPLES["fr"], strict=True)
        for message in (Message("user", english), Message("assistant", french))
    ]
    task = (
        "You are a translator. You translate every message from English into French. You keep names, numbers and marks "
        "such as [1], <1> and ** as they are. You answer with the translation only."
    )
    assert done.prompts == [
        [Message("system", task), *examples, Message("user", "Please open the red door for him, [1]?")],
    ]
    assert done.finished.text == "Ouvrez-lui la porte rouge, <@1> !"
    assert done.shown == done.finished.text
    assert done.finished.notes == ()


async def test_tone_and_unknown_source(stores: Stores) -> None:
    made = await plan(stores, "Hi Bob", to="ja", tone="formal")
    assert isinstance(made, Plan)
    task = made.steps[0].prompt[0].content  # type: ignore[index]
    assert "every message into Japanese" in task
    assert "politely and formally" in task
    assert made.question == "Translate into Japanese: Hi Bob"
    assert [(button.control, button.value) for button in made.buttons] == [(Control.REFINE, "friendly")]


async def test_structure_goes_around_the_model(stores: Stores) -> None:
    text = "# The plan for today\n- We start at **nine**\n```\ncode\n```\nThanks to all of you @here"
    done = await ran(stores, text, ["Le plan du jour", "On commence à **neuf heures**", "Merci à vous tous"], to="fr")
    assert (
        done.finished.text
        == "# Le plan du jour\n- On commence à **neuf heures**\n```\ncode\n```\nMerci à vous tous @here"
    )
    # The tail is no step's head: it comes with the finished text.
    assert done.shown + " @here" == done.finished.text
    assert [prompt[-1].content for prompt in done.prompts] == [
        "The plan for today", "We start at **nine**", "Thanks to all of you",
    ]  # fmt: skip


async def test_a_dropped_mention_is_put_back_and_said(stores: Stores) -> None:
    done = await ran(stores, "Please ask <@7> about it today", "Demandez aujourd’hui", to="fr")
    assert "<@7>" in done.finished.text
    assert done.finished.notes == (
        "The model dropped one mark of yours; I put back what was lost, perhaps not in the best place.",
    )


async def test_an_empty_answer_leaves_the_original(stores: Stores) -> None:
    done = await ran(stores, "Please ask <@7> about the house today", "", to="fr")
    assert done.finished.text == "Please ask <@7> about the house today"
    assert done.finished.notes[0] == "A part came back unusable, so it stays as you wrote it."
    assert done.finished.notes[1].startswith("Low confidence: it came back as it was.")


async def test_labels_and_quotation_marks_around_the_answer_go(stores: Stores) -> None:
    done = await ran(stores, "The house is red", 'French: "La maison est rouge"', to="fr")
    assert done.finished.text == "La maison est rouge"


async def test_the_glossary_counts(stores: Stores) -> None:
    await stores.glossary.put("test:s", Term("ticket", "fr", "billet"))
    await stores.glossary.put("test:s", Term("Parley"))
    done = await ran(stores, "Parley closed your ticket this morning", "Parley a fermé votre [2] ce matin", to="fr")
    assert done.prompts[0][-1].content == "Parley closed your [2] this morning"
    assert done.finished.text == "Parley a fermé votre billet ce matin"
    whole = await plan(stores, "ticket", to="fr")
    assert isinstance(whole, Say)
    assert whole.finished.text == "billet"


@pytest.mark.parametrize(
    ("text", "options", "locale", "target", "asked"),
    [
        ("into Spanish: See you tomorrow at noon", {}, "en", "Spanish", "See you tomorrow at noon"),
        ("See you tomorrow at noon to Spanish", {}, "en", "Spanish", "See you tomorrow at noon"),
        ("Bonjour tout le monde", {}, "en-US", "English", "Bonjour tout le monde"),
        ("Good morning everyone", {}, "de", "German", "Good morning everyone"),
        ("We are on our way to Boston", {"to": "de"}, "en", "German", "We are on our way to Boston"),
        ("O carro é vermelho e muito bonito", {"to": "pt-BR", "from": "pt-PT"}, "en", "Brazilian Portuguese",
         "O carro é vermelho e muito bonito"),
    ],
)  # fmt: skip
async def test_where_the_target_comes_from(
    stores: Stores, text: str, options: dict[str, str], locale: str, target: str, asked: str
) -> None:
    made = await plan(stores, text, locale=locale, **options)
    assert isinstance(made, Plan)
    assert f"into {target}." in made.steps[0].prompt[0].content  # type: ignore[index]
    assert made.steps[0].prompt[-1].content == asked  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("Where is the station, please?", {"to": "English"}, "That is in English already"),
        ("Guten Morgen zusammen", {"to": "German"}, "If it is another language, name it with from:."),
        ("Hallo", {"to": "German", "from": "de"}, "so there is nothing to translate."),
        ("<@1> :tada: https://x.org", {"to": "French"}, "There are no words to translate"),
        ("```\nprint(1)\n```", {"to": "French"}, "There are no words to translate"),
    ],
)
async def test_nothing_to_do_is_said(stores: Stores, text: str, options: dict[str, str], words: str) -> None:
    made = await plan(stores, text, **options)
    assert isinstance(made, Say)
    assert words in made.finished.text


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("Good morning", {"to": "Klingon-ish"}, "I know no language “Klingon-ish”"),
        ("Good morning", {"to": "fr", "from": "Elvish"}, "I know no language “Elvish”"),
        ("Good morning everyone", {}, "Into which language"),
        ("x", {}, "Into which language"),
        ("a b " * 4000, {"to": "fr"}, "at most 12,000 characters"),
        ("one line\n" * 90, {"to": "fr"}, "That has 90 lines"),
        ("", {"to": "fr"}, "Send it again"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    stores: Stores, text: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        await plan(stores, text, **options)


async def test_refine_translates_the_same_text_in_another_tone(stores: Stores) -> None:
    scenario = Translate()
    asked = plans.turn(stores, "See you soon", text="See you soon", to="fr", tone="neutral")
    row = await plans.stored(scenario, asked, lambda prompt: "À bientôt")
    again = plans.turn(
        stores,
        row.question,
        pressed=Pressed(Control.REFINE, "formal", row),
        text="See you soon",
        to="fr",
        tone="neutral",
    )
    made = await scenario.plan(again)
    assert isinstance(made, Plan)
    assert "politely" in made.steps[0].prompt[0].content  # type: ignore[index]
    assert made.steps[0].prompt[-1].content == "See you soon"  # type: ignore[index]


async def test_a_translation_model_is_told_the_languages_and_spared_the_note(stores: Stores) -> None:
    made = await plan(stores, "See you soon, my dear friends", to="zh-TW", note="yes")
    assert isinstance(made, Plan)
    text, note = made.steps
    assert (text.sampling.source_language, text.sampling.target_language, text.chats) == ("en", "zh-Hant", False)
    assert (note.sampling.target_language, note.chats) == ("", True)


async def test_a_note_is_asked_for_silently_and_stands_apart(stores: Stores) -> None:
    done = await ran(stores, "See you soon, my dear friends", ["À bientôt", " It is warm. "], to="fr", note="yes")
    assert done.finished.text == done.shown == "À bientôt"
    assert done.finished.notes[-1] == "It is warm."
    assert done.prompts[1][-1].content.startswith("Somebody sends this to a reader of French: “See you soon")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("The station is at the end of the road.", "came back as it was"),
        ("Der Bahnhof ist am Ende der langen Straße dort.", "reads like German and not like French"),
        ("Je m’aime, je m’aime", "repeats itself"),
        ("la gare de la gare de la gare de la gare", "repeats itself"),
        ("Bien", "far from the original"),
        ("La gare est au bout de la rue.", ""),
    ],
)
async def test_doubts(said: str, words: str) -> None:
    found = await doubt("The station is at the end of the road.", said, language("en"), language("fr"))
    assert (words in found) if words else found == ""


async def test_no_doubt_about_short_words_that_are_the_same() -> None:
    assert await doubt("Taxi", "Taxi", None, language("fr")) == ""
    assert await doubt("早上好，今天天气很好", "Good morning, the weather is fine today", None, language("en")) == ""
