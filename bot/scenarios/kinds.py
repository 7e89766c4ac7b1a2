"""What /write can write: for each kind what is asked, and an example, without which a small model invents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.engine import Message

SYSTEM = "You are a careful writer. You use only the facts you are given and invent nothing. You write the text itself."


@dataclass(frozen=True, slots=True)
class Kind:
    """`label` is how people call it, `ask` what the model is told, `shots` facts and what became of them.

    `penalty` on repetition: 1 keeps to the words of the facts; an outline has more chapters than there are facts.
    """

    label: str
    ask: str
    shots: tuple[tuple[str, str], ...]
    stop: tuple[str, ...] = ()
    penalty: float = 1.0


KINDS = {
    "article": Kind(
        "a news article",
        "Write a short news article from these facts.",
        (
            (
                "The city library will stay open until ten in the evening from May on. The city pays 80,000 euros a "
                "year for it. Students had asked for it.",
                "The city library will stay open until ten in the evening from May on. Students had asked for the "
                "longer hours.\n\nThe city pays 80,000 euros a year for the change.",
            ),
        ),
    ),
    "report": Kind(
        "a report",
        "Write a short report from these facts with the parts Summary, Facts and Next steps.",
        (
            (
                "The heating in building B failed on Monday. A broken valve was the cause. It was replaced on "
                "Tuesday. All valves will be checked in May.",
                "**Summary**\nThe heating in building B failed on Monday because of a broken valve. It works again."
                "\n\n**Facts**\n- The heating failed on Monday.\n- The cause was a broken valve.\n- The valve was "
                "replaced on Tuesday.\n\n**Next steps**\n- Check all valves in May.",
            ),
        ),
    ),
    "doc": Kind(
        "a technical document",
        "Write a short technical document from these facts: what it is for, then numbered steps.",
        (
            (
                "Renew the certificate with certbot renew every 60 days. Reload nginx afterwards. Check the date in "
                "the browser.",
                "**Purpose**\nThis document describes how to renew the certificate. It is done every 60 days.\n\n"
                "**Steps**\n1. Run `certbot renew`.\n2. Reload nginx.\n3. Check the date in the browser.",
            ),
        ),
    ),
    "email": Kind(
        "an e-mail",
        "Write an e-mail that says this.",
        (
            (
                "The office stays closed on 2 May because of the repairs. Please work from home.",
                "Subject: Office closed on 2 May\n\nHello,\n\nthe office stays closed on 2 May because of the "
                "repairs. Please work from home that day.\n\nKind regards",
            ),
            (
                "Your laptop is repaired. You can pick it up at desk 4 until 6 pm.",
                "Subject: Your laptop is repaired\n\nHello,\n\nyour laptop is repaired. You can pick it up at desk "
                "4 until 6 pm.\n\nKind regards",
            ),
        ),
        ("[Your Name]",),
    ),
    "outline": Kind(
        "an outline, then chapter by chapter",
        "Write an outline of four to six chapters, numbered, one line each.",
        (
            (
                "A handbook for new volunteers at the animal shelter",
                "1. Welcome to the shelter\n2. A day at the shelter\n3. Feeding and cleaning\n4. Staying safe with "
                "animals\n5. Whom to ask",
            ),
            (
                "A course on baking bread: flour, dough, oven, mistakes",
                "1. Why bake your own bread\n2. Choosing the flour\n3. Making the dough\n4. In the oven\n"
                "5. Common mistakes",
            ),
        ),
        ("\n\n",),
        penalty=1.1,
    ),
}
"""All kinds but headlines, which have a file of their own."""


def prompt(kind: Kind, facts: str, options: Mapping[str, str]) -> list[Message]:
    """What is sent for a piece of writing."""
    wishes = " ".join(
        f"{words} {options[name]}."
        for name, words in (("tone", "Tone:"), ("audience", "For:"), ("language", "Write in"))
        if options.get(name)
    )
    messages = [Message("system", SYSTEM)]
    for given, written in kind.shots:
        messages += [Message("user", f"{kind.ask}\n\n{given}"), Message("assistant", written)]
    return [*messages, Message("user", f"{kind.ask} {wishes}".rstrip() + f"\n\n{facts}")]
