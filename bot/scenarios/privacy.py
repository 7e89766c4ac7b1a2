"""/privacy: what of a person is kept and has trained, whether it may, and how it goes."""

from __future__ import annotations

import json

from bot.commands import Choice, Command, Option
from bot.errors import UserError
from bot.learning.consent import PREFERENCE
from bot.privacy import Trace, export_of, forget_everything, trace_of
from bot.scenarios.wordings import worded
from bot.turn import File, Finished, Say, Turn, say

ACTIONS = (
    Choice("show", "show what is kept of me and what has learned from it"),
    Choice("training", "say whether my words may train: on or off"),
    Choice("export", "export everything you keep of me"),
    Choice("forget", "delete everything you keep of me"),
)
MOST_NAMED = 5


class PrivacyScenario:
    """/privacy: show, training, export, forget."""

    instant = True
    command = Command(
        name="privacy",
        description="See what is kept of you, and say whether it may train me",
        private=True,
        options=(
            Option("action", "What to do", kind="choice", choices=ACTIONS, default="show", **worded("privacy.action")),
            Option("what", "For training: on or off; for forget: everything", rest=True, **worded("privacy.what")),
        ),
        help="Your words train nothing until you say `/privacy training on`, and then only where the owner and the "
        "server's admins have allowed it too. `/privacy forget everything` also takes them out of what I was going to "
        "learn from.",
        examples=("/privacy show", "/privacy training on", "/privacy forget everything", "/privacy export"),
        names={
            "zh-CN": "隐私",
            "es-ES": "privacidad",
            "fr": "confidentialite",
            "de": "datenschutz",
            "ja": "プライバシー",
        },
        descriptions={
            "zh-CN": "查看保存了你的哪些内容，并决定是否可用于训练",
            "es-ES": "Ver qué se guarda de ti y decidir si puede entrenarme",
            "fr": "Voir ce qui est gardé de vous et décider si cela peut m’entraîner",
            "de": "Ansehen, was von dir aufbewahrt wird, und ob ich daraus lernen darf",
            "ja": "保存されている内容を確認し、学習に使ってよいか決める",
        },
    )

    async def plan(self, turn: Turn) -> Say:
        what = turn.options.get("what", "").strip().lower()
        match turn.options["action"]:
            case "training":
                return await self._training(turn, what)
            case "export":
                everything = await export_of(turn.stores, turn.request.user)
                content = json.dumps(everything, ensure_ascii=False, indent=2, default=str).encode()
                file = File("parley-privacy.json", "application/json", content)
                return Say(Finished("Here is all I keep of you.", files=(file,)), private=True)
            case "forget":
                return await self._forget(turn, what)
            case _:
                return await self._show(turn)

    async def _training(self, turn: Turn, what: str) -> Say:
        if what not in ("on", "off"):
            raise UserError("Say whether your words may train me: `/privacy training on` or `/privacy training off`.")
        await turn.stores.members.prefer(turn.request.user, PREFERENCE, what)
        if what == "off":
            return say("Your words train nothing from now on; what I was going to learn from them is left out.")
        return say(
            "Thank you. Answers to your questions that moderators approve may train me, where the owner and this "
            "server's admins allow it. Names, addresses and secrets are taken out first. `/privacy training off` takes "
            "it back."
        )

    async def _forget(self, turn: Turn, what: str) -> Say:
        if what not in ("everything", "all"):
            raise UserError(
                "`/privacy forget everything` deletes all I keep of you, for good. For parts of it there is "
                "`/memory forget`."
            )
        gone = await forget_everything(turn.stores, turn.request.user)
        return say(gone.words)

    async def _show(self, turn: Turn) -> Say:
        stores, user = turn.stores, turn.request.user
        trace = await trace_of(stores, user)
        allowed = await stores.members.preference(user, PREFERENCE)
        memory = await stores.members.preference(user, "memory", "on")
        lines = [
            f"**Kept of you** {_kept(trace)}." + (" Memory is off: new words are not kept." if memory == "off" else ""),
            f"**Training** {_training_words(allowed, turn)}",
            f"**Datasets** {_datasets(trace)}",
            f"**Adapters** {_adapters(trace)}",
            "`/privacy export` hands you all of it, `/privacy forget everything` deletes it.",
        ]
        return say("\n\n".join(lines))


def _training_words(allowed: str, turn: Turn) -> str:
    if allowed != "on":
        return "Your words train nothing. `/privacy training on` would allow it."
    if turn.request.place.server and not turn.server.training:
        return "You allow it, but this server's admins have not, so nothing from here trains."
    return "You allow it, where the owner does too. `/privacy training off` takes it back."


def _kept(trace: Trace) -> str:
    parts = {"question": trace.turns, "fact": trace.facts, "rating": trace.ratings, "flag": trace.flags,
             "review card": trace.cards}  # fmt: skip
    told = [f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in parts.items() if number]
    return ", ".join(told) if told else "nothing yet"


def _datasets(trace: Trace) -> str:
    if not trace.datasets:
        return "None was made from your words."
    named = [f"{count} of your answers in {name}" for name, count in sorted(trace.datasets.items())]
    return f"{_some(named)}."


def _adapters(trace: Trace) -> str:
    if not trace.adapters:
        return "None has learned from your words."
    return f"{_some([f'{name} learned from {count}' for name, count in sorted(trace.adapters.items())])}."


def _some(named: list[str]) -> str:
    more = len(named) - MOST_NAMED
    return ", ".join(named[-MOST_NAMED:]) + (f" and {more} older ones" if more > 0 else "")
