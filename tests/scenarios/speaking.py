"""The real core over a real store, with an engine that is a function of the prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from bot.chatbot import ChatBot
from bot.database import Database
from bot.generation import Generator
from bot.hosts import Hosts
from bot.knowledge.library import Library
from bot.router import Router
from bot.scenarios.chat import Chat
from bot.scenarios.memory import RememberScenario
from bot.scenarios.story import Story
from bot.scenarios.support import Support
from bot.scenarios.tutor import Tutor
from bot.settings import Settings
from bot.stores import Stores, stores_over
from bot.turn import Answer
from models.engine import EngineClient, Message, Piece, Sampling, Usage
from tests.core.people import Kept, ask, press
from tests.knowledge.engines import WordEncoder


@dataclass
class Speaker:
    """An engine that says what `speak` makes of a prompt, in pieces of three characters; it keeps the prompts."""

    speak: Callable[[Sequence[Message]], str]
    prompts: list[list[Message]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    encoder: WordEncoder = field(default_factory=WordEncoder)
    finish_reason: str = "stop"

    async def stream(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Piece]:
        self.prompts.append(list(messages))
        self.samplings.append(sampling)
        said = self.speak(messages)
        for mark in sampling.stop:
            said = said.partition(mark)[0]
        for start in range(0, len(said), 3):
            yield Piece(said[start : start + 3])
        yield Piece(finish_reason=self.finish_reason, usage=Usage(1, 1))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self.encoder.embed(texts)

    async def models(self) -> list[str]:
        return ["base"]


class Ready:
    """The keeper of an engine that is always there."""

    words = "The engine is there."
    away = False

    async def wait_ready(self) -> bool:
        return True


@dataclass
class Talk:
    """A person's conversation with the bot."""

    chatbot: ChatBot
    stores: Stores
    engine: Speaker
    last: Answer | None = None

    async def say(self, text: str, **more: object) -> Answer:
        """Type `text`; a refusal fails the test."""
        return await self._handle(ask(text, **more))

    async def press(self, control: str, value: str = "", *, user: str = "ann", on: Answer | None = None) -> Answer:
        """Press a button under the last answer, or under `on`."""
        answer = on or self.last
        assert answer is not None
        return await self._handle(press(answer.turn_id, control, value, user=user))

    async def refused(self, text: str) -> str:
        """The sentence with which `text` is refused."""
        reply = Kept()
        await self.chatbot.handle(ask(text), reply)
        if reply.failures:
            return reply.failures[0]
        return " ".join(reply.answer.notes)

    async def _handle(self, request: object) -> Answer:
        reply = Kept()
        await self.chatbot.handle(request, reply)  # type: ignore[arg-type]
        answer = reply.answer
        assert not answer.broken, answer.notes
        if not answer.private:
            self.last = answer
        return answer


@asynccontextmanager
async def talking(database: Database, speak: Callable[[Sequence[Message]], str]) -> AsyncIterator[Talk]:
    """A bot with /chat, /tutor, /story, /support and /remember whose model is `speak`."""
    engine = Speaker(speak)
    stores = stores_over(database, Library(database, cast(EngineClient, engine)))
    router = Router((Chat(), Tutor(), Story(), Support(), RememberScenario()))
    hosts, keeper = Hosts(database), Ready()
    await hosts.enter()
    settings = Settings(_env_file=None, engine_url="http://127.0.0.1:9", model="base")
    chatbot = ChatBot(settings, stores, router, Generator(engine, keeper), keeper, hosts.id)
    try:
        yield Talk(chatbot, stores, engine)
    finally:
        await chatbot.close(0.1)
