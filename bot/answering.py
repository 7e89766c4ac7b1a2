"""Answering: one turn from its place in the line to an answer in the store."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from typing import Any, Protocol, cast

import sqlalchemy as sa
import structlog

from bot.controls import CONTINUE, USUAL, Button
from bot.errors import StoreError, UserError
from bot.folding import Folding
from bot.generation import Generator
from bot.job import Job, answer_of
from bot.line import Line
from bot.members import preference_of
from bot.memory import Conversation, Recall, open_conversation, recall_from
from bot.quotas import LOW, Left, Quotas, give_back
from bot.request import Request
from bot.router import Route, Router
from bot.safety import mask_secrets, readable, says_something
from bot.settings import Settings
from bot.stores import Stores
from bot.turn import Answer, Finished, Lent, Plan, Say, Scenario, Turn
from bot.turns import begin_turn
from models.engine import PromptTooLong

log = structlog.get_logger(__name__)

NOTHING = "The model had nothing to say to that. Press Retry, or put it another way."
LONGEST_NAME = 120
"""Characters of a model's name that a turn keeps."""
HISTORY_SHARE = 0.5
"""The part of the model's context that history may fill; the rest is for instructions and the answer."""


class Continuing(Protocol):
    """A scenario that goes on when its person talks on without a command."""

    def continues(self, previous: Any, words: str) -> bool: ...


class Answering:
    """Produces turns. `line` stands in front of the engine."""

    def __init__(
        self, settings: Settings, stores: Stores, router: Router, generator: Generator, line: Line, quotas: Quotas,
        host: str,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._stores = stores
        self._router = router
        self._generator = generator
        self._line = line
        self._quotas = quotas
        self._host = host
        self.folding = Folding(stores, generator, line, settings)

    async def produce(self, job: Job, words: Callable[[BaseException], str]) -> None:
        """Bring a turn to its end, good or bad, and say so on its stream. `words` gives an error's words."""
        try:
            if getattr(job.route.scenario, "instant", False):
                await self._answer_at_once(job)
                return
            conversation = await self._begin(job)
            async with self._line.place(job.request.user, job.stream.wait):
                job.outcome.begin()
                await self._answer(job, conversation)
        except asyncio.CancelledError:
            await _whole(self._break_off(job, "stopped", job.reason))
            if not job.stopping:
                raise
        except Exception as error:  # noqa: BLE001 - the one place where a turn's errors become words
            await _whole(self._break_off(job, "failed", words(error), error))

    async def aside(self, request: Request, route: Route) -> Finished:
        """What a route comes to, kept nowhere; it waits in the line like every other turn."""
        job = Job(request, route)
        plan = await route.scenario.plan(self._turn(job, route, Recall()))
        if isinstance(plan, Say):
            return plan.finished
        async with self._line.place(request.user, job.stream.wait):
            job.outcome.begin()
            await self._generator.wait(job.stream)
            await self._generator.run(plan, self._settings.model_for(route.name), job.stream, job.outcome)
            return await self._finish(plan, job)

    async def settle(self, job: Job) -> None:
        """After the delivery: who has memory off leaves no words behind."""
        if job.begun and not job.remembering:
            await self._stores.turns.finish(
                job.id,
                question="",
                options={},
                prompt=[],
                answer="",
                sources=[],
                buttons=[],
                notes=[],
                remembered=False,
            )

    async def _answer_at_once(self, job: Job) -> None:
        turn = self._turn(job, job.route, Recall())
        said = await job.route.scenario.plan(turn)
        assert isinstance(said, Say), "an instant scenario needs no model"
        for record in said.finished.records:
            await record.write(self._stores, turn)
        job.stream.end(answer_of(job.id, job.route.name, said.finished, private=said.private))

    async def _begin(self, job: Job) -> Conversation:
        """In one transaction: take from the quota, find the conversation, write down that the turn runs."""
        # Before it is known: who stops the turn in the middle of this may leave its row.
        job.begun = True
        try:
            job.left, conversation = await self._stores.database.transact(self._write_down, job)
        except Exception:
            job.begun = False
            raise
        return conversation

    def _write_down(self, connection: sa.Connection, job: Job) -> tuple[Left | None, Conversation]:
        left = self._quotas.use(connection, job.request.user, job.request.author, job.server)
        conversation = open_conversation(connection, job.request)
        begin_turn(
            connection, job.id, job.request, conversation=conversation.id, host=self._host,
            scenario=job.route.name, options=job.options, question=job.route.text,
            version_of=(job.first.version_of or job.first.id) if job.first else "",
        )  # fmt: skip
        return left, conversation

    async def _answer(self, job: Job, conversation: Conversation) -> None:
        tokens = int(self._settings.context_tokens * HISTORY_SHARE)
        before = job.first.number if job.first else None
        job.remembering, recall = await self._stores.database.query(
            _recalled, job.request.user, conversation.id, tokens, before
        )
        try:
            await self._answer_from(job, recall)
        except PromptTooLong:
            if not recall.history or job.outcome.shown:
                raise
            # The estimate was too low for this script: the last quarter of the history has to do.
            short = await self._stores.memory.recall(conversation.id, tokens // 4, before)
            await self._answer_from(job, short)
        if recall.older:
            self.folding.fold(conversation.id, recall.summary, recall.older)

    async def _answer_from(self, job: Job, recall: Recall) -> None:
        route = job.route
        talk = route.name == "chat"
        # Plain talk after plain talk has no use for the row, so it is not read.
        wanted = recall.last is not None and not (talk and recall.last.scenario == "chat")
        previous = await self._stores.turns.get(recall.last.turn_id) if wanted and recall.last else None
        if previous is not None and job.pressed is None and talk:
            scenario = self._router.known(previous.scenario)
            allowed = previous.scenario not in job.server.scenarios_off
            if scenario is not None and allowed and _continues(scenario, previous, route.text):
                route = Route(scenario, {}, route.text)
        if getattr(route.scenario, "searches", False):
            await self._generator.wait(job.stream)
        turn = self._turn(job, route, recall, previous)
        if self._settings.instant_corrections and job.pressed is None and not route.text.startswith("/"):
            turn = replace(turn, corrections=await self._stores.instant.near(route.name, job.request, route.text))
        plan = await route.scenario.plan(turn)
        if isinstance(plan, Say):
            remember = plan.remember and job.remembering
            await _whole(self._store(job, turn, route, plan.finished, remember, private=plan.private))
            return
        # Only now: what is refused, or needs no model, does not wait for one that loads.
        await self._generator.wait(job.stream)
        if not getattr(route.scenario, "searches", False):  # what its sources do not say would be left out again
            plan = lend(plan, turn)
        model = self._settings.model_for(route.name)
        await self._generator.choose(route.name, job.request.user, job.outcome)
        await self._generator.run(plan, model, job.stream, job.outcome)
        finished = await self._finish(plan, job)
        # Whole, so that who stops it now is not shown an end that the store does not know.
        remember = plan.remember and job.remembering
        await _whole(self._store(job, turn, route, finished, remember, question=plan.question))

    def _turn(self, job: Job, route: Route, recall: Recall, previous: Any = None) -> Turn:
        # 31 bits: what every engine takes as a seed.
        seed = int(hashlib.sha256(job.id.encode()).hexdigest()[:8], 16) & 0x7FFFFFFF
        return Turn(
            id=job.id, request=job.request, stores=self._stores, text=route.text, options=route.options,
            history=recall.history, summary=recall.summary, facts=recall.facts, previous=previous,
            pressed=job.pressed, seed=seed, again=job.first is not None,
            first_id=job.first.id if job.first else "", server=job.server,
        )  # fmt: skip

    async def _finish(self, plan: Plan, job: Job) -> Finished:
        if plan.finish is not None:
            made = plan.finish(tuple(job.outcome.texts))
            finished = await made if inspect.isawaitable(made) else made
        else:
            finished = Finished(job.outcome.shown.strip())
        more = (CONTINUE,) if job.outcome.cut else ()
        return replace(
            finished,
            text=readable(mask_secrets(finished.text)) if says_something(finished.text) else NOTHING,
            sources=finished.sources or plan.sources,
            buttons=_unique(finished.buttons + plan.buttons + more + USUAL),
            notes=finished.notes + plan.notes,
        )

    async def _store(
        self, job: Job, turn: Turn, route: Route, finished: Finished, remember: bool, *, question: str = "",
        private: bool = False,
    ) -> None:  # fmt: skip
        """Keep the answer, then give it out: in this order, so that a crash between loses nothing."""
        outcome = job.outcome
        await self._stores.turns.finish(
            job.id, state="done", scenario=route.name, question=question or route.text, answer=finished.text,
            action=finished.action, sources=[asdict(source) for source in finished.sources],
            buttons=[asdict(button) for button in finished.buttons], notes=list(finished.notes),
            # What a person may see alone, and can ask for again, is never sent anew where others read.
            remembered=remember, delivery="" if private else "sending", **self._measures(job, route),
        )  # fmt: skip
        job.stored = True
        if job.first is not None and remember:
            for version in await self._stores.turns.versions(job.first.id):
                if version.id != job.id and version.remembered:
                    await self._stores.turns.remember(version.id, False)
        for record in finished.records:
            await record.write(self._stores, turn)
        notes = finished.notes
        if job.left is not None and job.left.turns <= LOW:
            notes += (job.left.words + ".",)
        answer = answer_of(job.id, route.name, replace(finished, notes=notes), private=private)
        job.stream.end(self._measured(job, answer, route if outcome.prompts else None))

    async def _break_off(self, job: Job, state: str, words: str = "", error: Exception | None = None) -> None:
        """End a turn that was stopped or failed: what it had said is kept and shown."""
        shown = mask_secrets(job.outcome.shown.strip())
        # What the person has to mend is no answer that others could rate or try again.
        refused = isinstance(error, UserError)
        if job.left is not None and not shown and not job.stored:
            await self._give_back(job)
        if job.begun and not job.stored:
            detail = f"{type(error).__name__}: {error}" if error is not None else ""
            remember = state == "stopped" and bool(shown) and job.remembering
            try:
                await self._stores.turns.finish(
                    job.id, state=state, answer=shown, error=detail[:2000], remembered=remember,
                    **self._measures(job, job.route),
                )  # fmt: skip
            except Exception as failure:  # noqa: BLE001 - the store may be what failed; the next start marks the turn broken
                log.warning("turn_end_not_kept", turn=job.id, kind=type(failure).__name__)
                job.begun = False
        answer = Answer(
            turn_id=job.id, scenario=job.route.name, text=shown, notes=(words,) if words else (),
            buttons=USUAL if job.begun and not refused else (), private=refused and not shown,
            stopped=state == "stopped", broken=state == "failed",
        )  # fmt: skip
        job.stream.end(self._measured(job, answer, job.route))

    async def _give_back(self, job: Job) -> None:
        """What came to nothing costs nothing of a quota."""
        assert job.left is not None
        try:
            await self._stores.database.transact(give_back, job.request.user, job.left)
        except StoreError as error:
            log.warning("quota_not_given_back", turn=job.id, detail=error.detail)

    def _measures(self, job: Job, route: Route) -> dict[str, Any]:
        outcome = job.outcome
        return {
            "prompt": outcome.prompts, "model": self._model_name(route) if outcome.prompts else "",
            "adapter": outcome.adapter,
            "prompt_tokens": outcome.prompt_tokens, "tokens": outcome.tokens, "ttft": outcome.ttft,
            "seconds": outcome.seconds, "logprob": outcome.logprob,
        }  # fmt: skip

    def _measured(self, job: Job, answer: Answer, route: Route | None) -> Answer:
        outcome = job.outcome
        return replace(
            answer, model=self._model_name(route) if route is not None else "", adapter=outcome.adapter,
            prompt_tokens=outcome.prompt_tokens, tokens=outcome.tokens, ttft=outcome.ttft, seconds=outcome.seconds,
        )  # fmt: skip

    def _model_name(self, route: Route) -> str:
        name = str(getattr(self._settings, f"model_{route.name}", "")) or self._settings.model
        return name[-LONGEST_NAME:]  # of a long path, its end tells more


async def _whole(ending: Coroutine[Any, Any, None]) -> None:
    """Bring it to its end however often this task is cancelled meanwhile: half of it would leave a reader waiting."""
    task = asyncio.ensure_future(ending)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    await task


def _recalled(
    connection: sa.Connection, user: str, conversation_id: str, tokens: int, before: int | None
) -> tuple[bool, Recall]:
    """Whether the person wants to be remembered, and what is remembered then."""
    if preference_of(connection, user, "memory", "on") == "off":
        return False, Recall()
    return True, recall_from(connection, conversation_id, tokens, before)


def _continues(scenario: Scenario, previous: Any, words: str) -> bool:
    continues = getattr(scenario, "continues", None)
    return continues is not None and bool(cast("Continuing", scenario).continues(previous, words))


def _unique(buttons: tuple[Button, ...]) -> tuple[Button, ...]:
    return tuple(dict.fromkeys(buttons))


def lend(plan: Plan, turn: Turn) -> Plan:
    """The plan with reviewed answers to questions like this one shown to the model right before its own."""
    step = plan.steps[0] if plan.steps else None
    if not turn.corrections or step is None or callable(step.prompt) or not step.prompt:
        return plan
    *before, last = step.prompt
    if last.role != "user" or any(isinstance(message, Lent) for message in before):
        return plan
    shown = [
        message for one in turn.corrections
        for message in (Lent("user", one.question, of=one.turn_id), Lent("assistant", one.text, of=one.turn_id))
    ]  # fmt: skip
    return replace(plan, steps=(replace(step, prompt=(*before, *shown, last)), *plan.steps[1:]))
