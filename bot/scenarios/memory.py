"""/memory, /remember, /reset: what I know of a person, in their own hands."""

from __future__ import annotations

import json
from datetime import datetime

from bot.commands import Choice, Command, Option
from bot.errors import UserError
from bot.privacy import export_of, forget_conversation, forget_everything
from bot.scenarios.wordings import worded
from bot.turn import File, Finished, Say, Turn, say
from bot.turns import TurnRow

ACTIONS = (
    Choice("show", "show what I remember here"),
    Choice("forget", "forget something"),
    Choice("export", "export everything I keep of you"),
    Choice("off", "keep nothing from now on"),
    Choice("on", "remember again"),
)


class RememberScenario:
    """/remember: keep a fact."""

    instant = True
    command = Command(
        name="remember",
        description="Keep a fact about you for later answers here",
        private=True,
        options=(Option("fact", "What to remember", required=True, rest=True, **worded("remember.fact")),),
        examples=("/remember I am allergic to nuts",),
        names={"zh-CN": "记住", "es-ES": "recordar", "fr": "retenir", "de": "merken", "ja": "覚える"},
        descriptions={
            "zh-CN": "记住关于你的一件事",
            "es-ES": "Guardar un dato sobre ti",
            "fr": "Garder un fait sur vous",
            "de": "Etwas über dich behalten",
            "ja": "あなたについて覚えておく",
        },
    )

    async def plan(self, turn: Turn) -> Say:
        await turn.stores.memory.learn(turn.request.user, turn.request.place, turn.options["fact"])
        return say("I will remember that here. `/memory show` lists what I know, `/memory forget` takes it back.")


class ResetScenario:
    """/reset: start afresh."""

    instant = True
    command = Command(
        name="reset",
        description="Start this conversation afresh",
        private=True,
        examples=("/reset",),
        names={"zh-CN": "重置", "es-ES": "reiniciar", "fr": "recommencer", "de": "neustart", "ja": "リセット"},
        descriptions={
            "zh-CN": "重新开始对话",
            "es-ES": "Empezar de nuevo esta conversación",
            "fr": "Recommencer cette conversation",
            "de": "Dieses Gespräch neu beginnen",
            "ja": "会話を最初からやり直す",
        },
    )

    async def plan(self, turn: Turn) -> Say:
        conversation = await turn.stores.memory.find(turn.request.user, turn.request.place)
        if conversation is None:
            return say("There was nothing to leave behind: this conversation has not begun yet.")
        await turn.stores.memory.reset(conversation)
        return say("We start afresh. What you asked me to remember stays; `/memory forget` takes that back too.")


class MemoryScenario:
    """/memory: show, forget, export, off, on."""

    instant = True
    command = Command(
        name="memory",
        description="See, forget or export what I remember of you",
        private=True,
        options=(
            Option("action", "What to do", kind="choice", choices=ACTIONS, default="show", **worded("memory.action")),
            Option("what", "For forget: words of a fact, `here` or `everything`", rest=True, **worded("memory.what")),
        ),
        help="`forget here` deletes this conversation, `forget everything` all I keep of you, anywhere; "
        "`forget nuts` the facts with that word. `off` keeps nothing of what you say from then on.",
        examples=("/memory show", "/memory forget nuts", "/memory forget everything", "/memory export", "/memory off"),
        names={"zh-CN": "记忆", "es-ES": "memoria", "fr": "memoire", "de": "gedaechtnis", "ja": "メモリー"},
        descriptions={
            "zh-CN": "查看、忘记或导出我记得的内容",
            "es-ES": "Ver, olvidar o exportar lo que recuerdo de ti",
            "fr": "Voir, oublier ou exporter ce que je sais de vous",
            "de": "Ansehen, vergessen oder mitnehmen, was ich von dir weiß",
            "ja": "覚えていることの確認・削除・書き出し",
        },
    )

    async def plan(self, turn: Turn) -> Say:
        what = turn.options.get("what", "").strip()
        if what and turn.options["action"] != "forget":
            known = ", ".join(choice.value for choice in ACTIONS)
            raise UserError(f"/memory does not know “{_short(what)}”; it can be: {known}. Words go behind forget.")
        match turn.options["action"]:
            case "forget":
                return await self._forget(turn, what)
            case "export":
                return await self._export(turn)
            case "off":
                await turn.stores.members.prefer(turn.request.user, "memory", "off")
                return say(
                    "From now on I keep none of your words once an answer is delivered, so I also cannot refer back "
                    "to them. What I kept before stays until `/memory forget everything`."
                )
            case "on":
                await turn.stores.members.prefer(turn.request.user, "memory", "")
                return say("I remember again, from your next message on.")
            case _:
                return await self._show(turn)

    async def _show(self, turn: Turn) -> Say:
        stores, user, place = turn.stores, turn.request.user, turn.request.place
        facts = await stores.memory.facts(user, place)
        conversation = await stores.memory.find(user, place)
        recent = await stores.turns.recent(conversation.id, conversation.since) if conversation else []
        parts = []
        if await stores.members.preference(user, "memory") == "off":
            parts.append("Memory is **off**: I keep none of your words. `/memory on` turns it on.")
        if facts:
            parts.append("**You asked me to remember**\n" + "\n".join(f"- {fact.text}" for fact in facts))
        if conversation is not None and conversation.summary:
            parts.append(f"**Earlier in this conversation**\n{conversation.summary}")
        if recent:
            lines = [f"- {_when(row.created)}: {_short(_said(row))}" for row in recent[:10][::-1]]
            more = f" (the last 10 of {len(recent)})" if len(recent) > 10 else ""
            parts.append(f"**Questions I still know**{more}\n" + "\n".join(lines))
        if not parts:
            parts.append("I remember nothing of you here yet.")
        return say("\n\n".join(parts))

    async def _forget(self, turn: Turn, what: str) -> Say:
        stores, user, place = turn.stores, turn.request.user, turn.request.place
        if not what:
            raise UserError(
                "Say what to forget: `/memory forget here`, `/memory forget everything`, or words of a fact."
            )
        if what.lower() in ("everything", "all"):
            return say((await forget_everything(stores, user)).words)
        if what.lower() in ("here", "this", "conversation"):
            conversation = await stores.memory.find(user, place)
            if conversation is not None:
                await forget_conversation(stores, conversation.id)
            facts = await stores.memory.forget_facts(user, place)
            return say(f"This conversation is deleted, and {_count(facts, 'fact')} with it.")
        count = await stores.memory.forget_facts(user, place, what)
        if not count:
            raise UserError(f"I remember no fact with “{_short(what)}” here; `/memory show` lists what I know.")
        return say(f"Forgotten: {_count(count, 'fact')} with “{_short(what)}”.")

    async def _export(self, turn: Turn) -> Say:
        everything = await export_of(turn.stores, turn.request.user)
        content = json.dumps(everything, ensure_ascii=False, indent=2, default=str).encode()
        file = File("parley-memory.json", "application/json", content)
        return Say(Finished("Here is all I keep of you.", files=(file,)), private=True)


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%d %b %H:%M")


def _said(row: TurnRow) -> str:
    """What a person said in a turn; a command without words is named."""
    mode = row.options.get("mode") or row.options.get("action") or ""
    return row.question or f"/{row.scenario} {mode}".strip()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:79] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
