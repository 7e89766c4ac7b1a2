"""Grounding: claims that the facts do not hold are found, what they do hold is left alone."""

import pytest

from bot.scenarios.grounding import claims, missing, support

FACTS = (
    "The school library in Brno opens on Saturdays from 4 May. Hours: 9 to 13. Head librarian: Jana Nováková. "
    "It cost 1,250 euros and took two weeks. See https://example.org/library."
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The library in Brno opens on 4 May.", []),
        ("Jana Nováková opens it at 9:00.", []),
        ("Brno’s library took 2 weeks and 1250 euros.", []),
        ("# Library news\n\n1. Opening\n2. Hours\n\nDear Jana, thank you. Kind regards", []),
        ("It opens on 5 May 2023.", ["5", "2023"]),
        ("Maria Korba of the Charles University praised it.", ["Korba", "Charles University"]),
        ("Ask jana@example.org or see https://example.org/library.", ["jana@example.org"]),
        ("See https://evil.example/x!", ["https://evil.example/x"]),
        ("It cost 1,250 euros, or 12,50 a head.", ["12,50"]),
        ("", []),
    ],
)
def test_claims(text: str, found: list[str]) -> None:
    assert claims(text, FACTS) == found


def test_capitals_mean_nothing_in_german() -> None:
    text = "Die Bücherei hat am Samstag für Kinder und Eltern geöffnet, und der Bürgermeister bringt Kuchen mit."
    assert claims(text, "Die Bücherei öffnet.") == []


def test_support() -> None:
    assert support("The library opens on Saturdays.", FACTS) == 1.0
    assert support("Bananas are yellow and curved.", FACTS) == 0.0
    assert support("图书馆星期六开放", "图书馆从五月起星期六开放") == pytest.approx(6 / 7)
    assert support("Ok.", FACTS) == 1.0


def test_missing_facts() -> None:
    facts = ["The library opens on 4 May.", "It has 800 books.", "Jana asked for it."]
    assert missing(facts, "From 4 May on the library is open, as Jana asked.") == ["It has 800 books."]
