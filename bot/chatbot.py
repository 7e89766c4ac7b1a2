"""ChatBot: the only way in. Each request is answered once, in its place, whatever goes wrong."""

from __future__ import annotations

import asyncio

import structlog

from bot.answering import Answering
from bot.commands import Command
from bot.controls import Control
from bot.delivery import Ledger, SendError
from bot.errors import StoreError, UserError, words_for
from bot.generation import Generator, Keeper
from bot.handoffs import Handoffs
from bot.intake import Intake
from bot.job import Job, answer_of
from bot.line import Line
from bot.metrics import Metrics
from bot.place_settings import Mode
from bot.presses import Presses, rerun
from bot.privacy import keep_within_days, purge_left
from bot.quotas import Quotas
from bot.reply import Reply, Stream
from bot.request import Request, readable_request
from bot.router import Route, Router
from bot.safety import says_something
from bot.scenarios.together import PARTY
from bot.senses import Senses
from bot.settings import Settings
from bot.stores import Stores
from bot.turn import Answer, Finished, Pressed
from bot.turns import TurnRow
from models.engine import EngineError

log = structlog.get_logger(__name__)

STOPPING = "Stopping."
CUT_SHORT = "I am being restarted, so this answer is cut short: Retry brings a whole one in a minute."
RESTARTING = "I am being restarted just now. Please send that again in a minute."


class ChatBot:
    """The core. `host` is this process's name in the store, `keeper` knows how the engine is."""

    def __init__(
        self, settings: Settings, stores: Stores, router: Router, generator: Generator, keeper: Keeper, host: str,
        senses: Senses | None = None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._stores = stores
        self._router = router
        self._keeper = keeper
        self._intake = Intake(stores.database)
        self._quotas = Quotas(stores.database, settings.quota, settings.quota_roles)
        self._line = Line(settings.engine_slots, settings.queue_seconds, settings.queue_most)
        self._answering = Answering(settings, stores, router, generator, self._line, self._quotas, host)
        self._presses = Presses(stores, self._quotas, settings.context_tokens)
        self._senses = senses or Senses(None, sees=settings.vision)
        self._jobs: dict[str, Job] = {}
        self._handling: set[asyncio.Future[None]] = set()
        """One for each request that came and is not dealt with: done with it."""
        self.metrics = Metrics()
        self.metrics.watch("running", "Turns being answered", lambda: self._line.running)
        self.metrics.watch("waiting", "Turns waiting in the line", lambda: self._line.waiting)
        self.ledger = Ledger(stores.turns, host)
        self.handoffs = Handoffs(stores, self._intake.claim, self._intake.release)

    @property
    def commands(self) -> tuple[Command, ...]:
        return self._router.commands

    @property
    def load(self) -> tuple[int, int]:
        """Turns running and turns waiting."""
        return self._line.running, self._line.waiting

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer `request` in `reply`, once. Raises nothing but CancelledError, which stops the turn."""
        request = readable_request(self._intake.received(request))
        ended = asyncio.get_running_loop().create_future()
        self._handling.add(ended)
        try:
            if self._intake.closed and not _stops(request):
                raise UserError(RESTARTING)
            if not await self._intake.claim(request):
                log.info("duplicate", message=request.id, platform=request.place.platform)
                return
            whole = await self._intake.settle(request)
            if whole is not None:
                await self._respond(whole, reply)
        except Exception as error:  # noqa: BLE001 - the one place where a request's errors become words
            await self._fail(request, reply, self._words(request, error))
        finally:
            self._handling.discard(ended)
            ended.set_result(None)

    async def aside(self, request: Request) -> Finished:
        """What a command comes to, kept nowhere. Raises UserError, EngineError, QueueFull, QueueTimeout."""
        return await self._answering.aside(request, self._router.route(request))

    def stop(self, turn_id: str) -> None:
        """Whoever deletes a question waits for no answer: if it is still being given, it ends."""
        job = self._jobs.get(turn_id)
        if job is not None:
            job.stop()

    async def take_back(self, turn_id: str) -> list[TurnRow]:
        """Whoever deletes a question wants nothing of it kept, whichever answer is shown. Gives the turn's versions."""
        ids = {turn_id, *(version.id for version in await self._stores.turns.versions(turn_id))}
        # One that is still being given would be remembered once it is there.
        given = [job for job in self._jobs.values() if job.id in ids or (job.first is not None and job.first.id in ids)]
        for job in given:
            job.stop()
        await asyncio.gather(*(asyncio.wait([job.task]) for job in given if job.task is not None))
        return await self._presses.take_back(turn_id)

    async def close(self, grace: float = 5.0) -> None:
        """Let what is being answered end for `grace` seconds, then stop it; what was said is kept, and shown."""
        self._intake.close()
        for _ in range(2):
            if under_way := self._handling | {job.task for job in self._jobs.values() if job.task is not None}:
                await asyncio.wait(under_way, timeout=grace)
            for job in list(self._jobs.values()):
                job.stop(CUT_SHORT)
        await self._answering.folding.close()

    async def sweep(self) -> None:
        """The scheduler's daily round: what need not be kept any longer goes."""
        for days, imported in ((self._settings.memory_days, False), (self._settings.import_days, True)):
            if not days:
                continue
            # What was written down to learn from them goes first: later nobody knows which rows these were.
            await self._stores.files.forget(await self._stores.turns.expired(days, imported=imported))
            gone = await self._stores.turns.sweep(days, imported=imported)
            await self._stores.memory.sweep()
            log.info("memory_swept", turns=gone, days=days, imported=imported)
        if self._settings.memory_days:
            await self._stores.copies.sweep(self._settings.memory_days)
        await keep_within_days(self._stores)
        await purge_left(self._stores, self._settings.leave_days)
        await self._intake.sweep()
        await self._quotas.sweep()
        await self._stores.reviews.sweep()
        await self._stores.wordings.sweep()

    async def _fail(self, request: Request, reply: Reply, words: str) -> None:
        try:
            await reply.fail(words)
        except SendError as error:
            # Nobody heard of it: the platform's next delivery of the message is answered.
            log.error("fail_not_told", message=request.id, kind=type(error).__name__, detail=error.detail)
            await self._intake.release(request)

    def _words(self, request: Request, error: BaseException) -> str:
        words = words_for(error, self._keeper.words)
        where = {"message": request.id, "platform": request.place.platform}
        if isinstance(error, EngineError | StoreError) and words.severe:
            # Where it comes from is known, so its detail says more than a traceback.
            log.warning("turn_failed", **where, kind=type(error).__name__, detail=error.detail)
        elif words.severe:
            log.error("turn_failed", **where, exc_info=error)
        return words.text

    async def _respond(self, request: Request, reply: Reply) -> None:
        request = await self._senses.take_in(request) if request.attachments else request
        most = self._settings.message_characters
        if len(request.text) > most:
            raise UserError(
                f"Your message has {len(request.text):,} characters and I read at most {most:,}. "
                "Send it in parts, or as a file."
            )
        if request.press is not None:
            await self._press(request, reply)
            return
        nothing = request.command is None and not (request.attachments or request.images)
        if nothing and not says_something(request.text):
            raise UserError("There are no words in that message. Ask me something, or type /help.")
        route = await self._of_party(request)
        if route is None:
            channel = await self._stores.places.channel(request.place)
            route = self._router.route(request, channel.scenario)
        await self._run(Job(request, route), reply)

    async def _of_party(self, request: Request) -> Route | None:
        """Plain words in the thread of a story that several tell are a player's, whoever writes them."""
        story, words = self._router.known("story"), request.text.strip()
        if (
            story is None
            or request.command
            or request.private
            or not request.place.thread
            or words[:1] in ("", "/", "!")
        ):
            return None
        party_id = await self._stores.parties.at(request.place)
        return Route(story, {PARTY: party_id}, words) if party_id else None

    async def _press(self, request: Request, reply: Reply) -> None:
        assert request.press is not None
        self.metrics.pressed(request.press.control)
        if request.press.control == Control.STOP:
            await self._press_stop(request, reply)
            return
        row = await self._presses.turn(request)
        said = await self._presses.answer(request, row)
        if said is not None:
            await reply.send(row.id, _ended(answer_of(row.id, row.scenario, said.finished, private=said.private)))
        elif request.press.control == Control.RETRY:
            await self._run(await self._again(request, row), reply)
        else:
            own = {name: value for name, value in row.options.items() if not name.startswith("@")}
            route = Route(self._router.scenario(row.scenario), own, row.question)
            pressed = Pressed(request.press.control, request.press.value, row)
            await self._run(Job(request, route, pressed=pressed), reply)

    async def _again(self, request: Request, row: TurnRow) -> Job:
        """The job that makes another version of a turn."""
        first = (await self._stores.turns.versions(row.id))[0]
        if not first.question and not first.options:
            raise UserError("I keep nothing of that question, so I cannot try it again. Please ask anew.")
        again = rerun(first, request)
        if PARTY in first.options:
            return Job(
                again, Route(self._router.scenario("story"), {PARTY: first.options[PARTY]}, first.question), first
            )
        if "@control" not in first.options:
            return Job(again, self._router.route(again), first)
        earlier = await self._stores.turns.get(first.options["@turn"])
        if earlier is None:
            raise UserError("What that answer was made from is no longer kept, so it cannot be tried again.")
        route = Route(self._router.scenario(first.scenario), again.options, first.question)
        return Job(again, route, first, Pressed(first.options["@control"], first.options["@value"], earlier))

    async def _press_stop(self, request: Request, reply: Reply) -> None:
        assert request.press is not None
        job = self._jobs.get(request.press.turn_id)
        if job is None:
            raise UserError("That answer is finished already.")
        if job.request.user != request.user:
            try:
                await self._stores.places.moderator(job.request.place, request.author)
            except UserError:
                raise UserError("Only the person who asked can press this one.") from None
        # Said before it is done, as the engine may take a moment.
        await reply.send(job.id, _ended(answer_of(job.id, job.route.name, Finished(STOPPING), private=True)))
        job.stop()

    async def _permit(self, job: Job) -> None:
        """Hold a turn against what the server's admins have set. Raises UserError."""
        place, name = job.request.place, job.route.name
        channel = await self._stores.places.channel(place)
        job.server = (await self._stores.places.server(place.platform, place.server)).within(channel)
        if getattr(job.route.scenario, "instant", False):
            return  # /help, /memory and their like are everybody's, everywhere
        if not job.server.welcomes(job.request.author):
            raise UserError("I am not open to everybody on this server; its admins say to whom.")
        if channel.mode == Mode.OFF:
            raise UserError("I am switched off in this channel; the server's admins can switch me on again.")
        if name in job.server.scenarios_off:
            raise UserError(f"/{name} is switched off on this server; its admins can switch it on again.")

    async def _run(self, job: Job, reply: Reply) -> None:
        """Produce the turn and send it, side by side."""
        await self._permit(job)
        self._jobs[job.id] = job
        job.task = asyncio.create_task(
            self._answering.produce(job, lambda error: self._words(job.request, error)), name=f"turn {job.id}"
        )
        # However often this one is cancelled: what runs is known, and can be waited for.
        job.task.add_done_callback(lambda _: self._jobs.pop(job.id))
        try:
            message = await reply.send(job.id, job.stream)
            await asyncio.wait([job.task])
            if job.begun:  # what was stopped or failed half-way stands somewhere too
                await self.ledger.sent(job.id, message)
            await self._answering.settle(job)
        except SendError as error:
            log.warning("answer_not_taken", turn=job.id, kind=type(error).__name__, detail=error.detail)
            await _cancelled(job.task)
            if job.stored:
                await self.ledger.failed(job.id)
        finally:
            try:
                # A reader who has gone leaves nobody to go on for.
                await _cancelled(job.task)
            finally:
                self.metrics.ended(job)


def _stops(request: Request) -> bool:
    return request.press is not None and request.press.control == Control.STOP


async def _cancelled(task: asyncio.Task[None]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])


def _ended(answer: Answer) -> Stream:
    stream = Stream()
    stream.end(answer)
    return stream
