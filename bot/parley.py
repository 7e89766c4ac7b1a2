"""Parley, composed: store, engine, core and schedule, opened and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from bot.chatbot import ChatBot
from bot.daily import DailyCards
from bot.database import Database
from bot.delivery import Courier
from bot.errors import StoreError
from bot.generation import Generator, Keeper
from bot.hosts import BEAT_SECONDS, Hosts
from bot.keeper import RemoteKeeper, WorkerKeeper
from bot.knowledge.library import Library
from bot.learning.drafting import retraining_over
from bot.learning.nightly import Nightly
from bot.learning.retraining import Retraining
from bot.learning.review_cards import Announcer
from bot.learning.rollout import Rollout
from bot.learning.training_metrics import EVERY_SECONDS, TrainingMetrics
from bot.messengers import Messenger
from bot.scenarios.catalogue import catalogue
from bot.schedule import Schedule
from bot.senses import Senses
from bot.settings import Settings
from bot.stores import Stores, stores_over
from models.engine import Engine, EngineClient, EngineError, EngineUnavailable
from models.speech import SpeechClient
from models.worker import WorkerProcess

log = structlog.get_logger(__name__)

REDELIVER_SECONDS = 30
SPEAK_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Parley:
    """The running whole, as adapters see it. `worker` is None where ENGINE_URL names another server.

    Adapters hand the `announcer` a courier for the cards of the review queue. Who runs for long has `nightly` entered
    into the `schedule`.
    """

    settings: Settings
    stores: Stores
    chatbot: ChatBot
    announcer: Announcer
    engine: EngineClient
    keeper: Keeper
    worker: WorkerProcess | None
    rollout: Rollout
    retraining: Retraining
    nightly: Nightly
    schedule: Schedule
    couriers: dict[str, Courier]
    """Who sends, on which platform, the answers that a crash kept from their readers; adapters enter themselves."""
    messengers: dict[str, Messenger]
    """Who speaks of the bot's own accord; adapters enter themselves."""
    parts: dict[str, Callable[[], Awaitable[tuple[bool, str]]]] = field(default_factory=dict)
    """Further parts of /readyz; adapters enter themselves."""

    async def readiness(self) -> dict[str, tuple[bool, str]]:
        """Each part: whether it works, and in words."""
        own = {"database": await self._database_ready(), "model": await self._model_ready()}
        own["adapters"] = await self.rollout.readiness()
        return own | {name: await ready() for name, ready in self.parts.items()}

    async def _database_ready(self) -> tuple[bool, str]:
        try:
            async with self.stores.database.read() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except StoreError as error:
            log.error("database_not_ready", detail=error.detail)
            return False, "the database cannot be reached"
        return True, "ready"

    async def _model_ready(self) -> tuple[bool, str]:
        if self.worker is not None:
            return self.worker.state == "ready", self.worker.words or self.worker.state
        try:
            await self.engine.models()
        except EngineError as error:
            log.error("engine_not_ready", detail=error.detail)
            return False, "the model server does not answer"
        return True, "ready"


@contextlib.asynccontextmanager
async def open_stores(settings: Settings, engine: EngineClient) -> AsyncIterator[Stores]:
    """The store, brought up to date."""
    async with Database(settings.database) as database:
        copy = await database.migrate()
        if copy is not None:
            log.info("database_copied_before_migration", path=copy)
        yield stores_over(database, Library(database, engine, settings.embedding_model), settings.data_dir)


@contextlib.asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[tuple[EngineClient, Keeper, WorkerProcess | None]]:
    """The engine: the server at ENGINE_URL, or a worker of our own that is started and kept alive."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.engine_url:
            key = settings.engine_api_key.get_secret_value() or "none"
            embedding = settings.embedding_model if settings.embedding_model != "embedded" else "embedding"
            remote = EngineClient(settings.engine_url, key, embedding, embedding_url=settings.embedding_url)
            client = await stack.enter_async_context(remote)
            yield client, RemoteKeeper(client), None
            return
        worker = await stack.enter_async_context(
            WorkerProcess(
                models=settings.models(),
                embedding=settings.embedding_model,
                data_dir=settings.data_dir,
                slots=settings.engine_slots,
                context=settings.context_tokens,
                device=settings.device,
                quantize=settings.quantize,
            )
        )
        client = await stack.enter_async_context(EngineClient(worker.url, worker.token))
        yield client, WorkerKeeper(worker), worker


@contextlib.asynccontextmanager
async def awake(engine: Engine, keeper: Keeper) -> AsyncIterator[Engine]:
    """The engine, once it answers. Raises EngineUnavailable when it will not."""
    if keeper.away and not await keeper.wait_ready():
        raise EngineUnavailable(keeper.words)
    yield engine


@contextlib.asynccontextmanager
async def open_awake(settings: Settings) -> AsyncIterator[Engine]:
    """An engine for a moment, where no bot runs in this process. Raises EngineUnavailable."""
    async with open_engine(settings) as (engine, keeper, _worker), awake(engine, keeper) as ready:
        yield ready


@contextlib.asynccontextmanager
async def open_senses(settings: Settings) -> AsyncIterator[Senses]:
    """What voice and pictures go to, where the host has set something for them."""
    if not settings.speech_url:
        yield Senses(None, sees=settings.vision)
        return
    key = settings.engine_api_key.get_secret_value() or "none"
    async with contextlib.aclosing(SpeechClient(settings.speech_url, settings.speech_model, key)) as listener:
        yield Senses(listener, sees=settings.vision)


@contextlib.asynccontextmanager
async def open_parley(settings: Settings) -> AsyncIterator[Parley]:
    """Everything but the adapters, ready to answer. The worker may still be loading: turns wait for it."""
    async with contextlib.AsyncExitStack() as stack:
        engine, keeper, worker = await stack.enter_async_context(open_engine(settings))
        stores = await stack.enter_async_context(open_stores(settings, engine))
        hosts = Hosts(stores.database)
        await hosts.enter()
        stack.push_async_callback(hosts.leave)
        router = catalogue(settings.web_address)
        rollout = await stack.enter_async_context(Rollout(stores.registry, engine, keeper, settings.adapters))
        generator = Generator(engine, keeper, settings.model_for("chat"), rollout)
        senses = await stack.enter_async_context(open_senses(settings))
        chatbot = ChatBot(settings, stores, router, generator, keeper, hosts.id, senses)
        if worker is not None:
            chatbot.metrics.watch("worker_up", "Whether the worker answers", lambda: worker.state == "ready")
            chatbot.metrics.watch("worker_restarts", "Times the worker died and was started", lambda: worker.restarts)

        async def hand_over(dead: list[str]) -> int:
            """What these processes had begun is anybody's to send. Returns how many turns they left running."""
            broken = await stores.turns.break_off(dead)
            await chatbot.ledger.recover(dead)
            return broken

        # As if it had been killed: no start would look for what a host left that is not there any more.
        stack.push_async_callback(hand_over, [hosts.id])

        async def bury() -> None:
            """Take over what dead processes left."""
            if dead := await hosts.bury():
                log.warning("found_dead_hosts", hosts=len(dead), broken_turns=await hand_over(dead))

        await bury()
        couriers: dict[str, Courier] = {}

        async def redeliver() -> None:
            await bury()
            for platform, courier in list(couriers.items()):
                await chatbot.ledger.redeliver(platform, courier)

        messengers: dict[str, Messenger] = {}
        daily = DailyCards(stores, chatbot)

        async def speak() -> None:
            await chatbot.handoffs.tell(messengers)
            await daily.send(messengers)

        retraining = retraining_over(settings, stores, hosts, router, partial(awake, engine, keeper), worker)
        nightly = Nightly(settings, stores, hosts, retraining, couriers, lambda: chatbot.load[1])
        figures = TrainingMetrics(settings, stores, chatbot.metrics.registry)
        schedule = Schedule()
        schedule.soon(1, "first figures", figures.refresh)
        schedule.every(EVERY_SECONDS, "figures", figures.refresh)
        schedule.every(SPEAK_SECONDS, "speak", speak)
        schedule.every(REDELIVER_SECONDS, "redeliver", redeliver)
        schedule.every(BEAT_SECONDS, "beat", hosts.beat)
        schedule.daily(4, "sweep", chatbot.sweep)
        await stack.enter_async_context(schedule)
        stack.push_async_callback(retraining.close)
        announcer = Announcer(stores.reviews, stores.turns, stores.places)
        stack.push_async_callback(announcer.close)
        stack.push_async_callback(chatbot.close)
        yield Parley(
            settings, stores, chatbot, announcer, engine, keeper, worker, rollout, retraining, nightly, schedule,
            couriers, messengers,
        )  # fmt: skip
