"""The scheduler alone: whatever comes and goes, slots and cache are kept, and everybody is served."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.serving.scheduler import Scheduler
from models.serving.slots import Slots
from models.serving.waiting import PATIENCE, Generation, QueueFull

SLOTS, BUDGET, CHUNK = 3, 64, 8


@st.composite
def generations(draw: st.DrawFn) -> Generation:
    """Few different tokens, so that prompts often begin alike."""
    prompt = draw(st.lists(st.integers(0, 1), min_size=1, max_size=40))
    most, priority, variant = (
        draw(st.integers(1, BUDGET - len(prompt))),
        draw(st.integers(0, 2)),
        draw(st.integers(0, 1)),
    )
    deadline = draw(st.sampled_from([math.inf, math.inf, 5.0, 20.0, 60.0]))
    return Generation(prompt, most, priority, variant, deadline)


happenings = st.lists(
    st.one_of(generations(), st.tuples(st.just("cancel"), st.integers(0, 50)), st.just("step")), max_size=60
)


class Model:
    """Plays the forward: remembers which tokens each slot holds, and which weights read them."""

    def __init__(self, scheduler: Scheduler[Generation]) -> None:
        self.scheduler = scheduler
        self.cache: dict[int, list[tuple[int, int]]] = {}
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        step = self.scheduler.plan(self.steps)
        assert all(each.over and each.slot == -1 and each.deadline <= self.steps for each in step.expired)
        for slot in step.released:
            self.cache[slot] = []
        slots = [part.generation.slot for part in step.parts]
        assert len(slots) == len(set(slots)), "two requests in one slot"
        assert sum(part.count for part in step.parts if part.count > 1) <= CHUNK
        for part in step.parts:
            generation = part.generation
            if part.source is not None:
                self.cache[generation.slot] = self.cache[part.source][: generation.cached]
            held = self.cache.get(generation.slot, [])[: generation.cached]
            tokens = [(token, generation.variant) for token in generation.tokens]
            assert held == tokens[: generation.cached], "a slot holds another conversation"
            self.cache[generation.slot] = tokens[: generation.cached + part.count]
        for part in step.parts:
            speaks = part.count == part.generation.pending
            self.scheduler.computed(part)
            if speaks:
                self.say(part.generation)

    def say(self, generation: Generation) -> None:
        generation.answer.append(1)
        if len(generation.answer) == generation.most:
            self.scheduler.end(generation)


def made() -> tuple[Slots, Scheduler[Generation]]:
    slots = Slots(SLOTS, BUDGET)
    return slots, Scheduler(slots, chunk=CHUNK, most_waiting=20)


@settings(max_examples=200)
@given(happenings)
def test_slots_and_cache_are_kept_and_everybody_is_served(events: list[object]) -> None:
    slots, scheduler = made()
    model, taken = Model(scheduler), []
    for event in events:
        match event:
            case Generation() as generation:
                try:
                    scheduler.submit(generation)
                    taken.append(generation)
                except QueueFull:
                    assert scheduler.waiting == 20
            case ("cancel", int(at)) if taken:
                scheduler.cancel(taken[at % len(taken)])
            case _:
                model.step()
        assert slots.tokens <= BUDGET
    # each has at most 64 tokens to read and to say, and one of them moves on in every step
    for _ in range(64 * len(taken) + 1):
        if not scheduler.busy:
            break
        model.step()
        assert slots.tokens <= BUDGET
    assert all(generation.over for generation in taken)
    assert not scheduler.busy
    assert slots.free_count == SLOTS


def test_order_is_by_arrival_even_when_the_first_needs_more_room() -> None:
    _, scheduler = made()
    running, large, small = Generation([1], 40), Generation([1], 60), Generation([1], 1)
    for generation in (running, large, small):
        scheduler.submit(generation)
    scheduler.plan()
    assert (running.slot >= 0, large.slot, small.slot) == (True, -1, -1)


def test_lower_priority_yields_but_only_so_far() -> None:
    slots = Slots(1, BUDGET)
    scheduler: Scheduler[Generation] = Scheduler(slots, chunk=CHUNK, most_waiting=500)
    job = Generation([0], 1, priority=1)
    scheduler.submit(job)
    talk = [Generation([1], 1) for _ in range(PATIENCE + 5)]
    for generation in talk:
        scheduler.submit(generation)
    model, order = Model(scheduler), []
    while scheduler.busy:
        model.step()
        order += [each for each in (job, *talk) if each.over and each not in order]
    assert order.index(job) == PATIENCE - 1


def test_full_queue_refuses_and_cancelled_requests_make_room() -> None:
    slots = Slots(1, BUDGET)
    scheduler: Scheduler[Generation] = Scheduler(slots, most_waiting=1)
    waiting = Generation([1], 1)
    scheduler.submit(waiting)
    with pytest.raises(QueueFull):
        scheduler.submit(Generation([1], 1))
    scheduler.cancel(waiting)
    scheduler.submit(Generation([1], 1))


def test_cancel_frees_the_slot_at_the_next_step() -> None:
    slots, scheduler = made()
    model, generation = Model(scheduler), Generation([1], 60)
    scheduler.submit(generation)
    model.step()
    assert slots.free_count == SLOTS - 1
    scheduler.cancel(generation)
    model.step()
    assert slots.free_count == SLOTS


def test_a_long_prompt_lets_short_ones_pass_and_goes_on_itself() -> None:
    slots = Slots(SLOTS, 4 * BUDGET)
    scheduler: Scheduler[Generation] = Scheduler(slots, chunk=CHUNK)
    model, long = Model(scheduler), Generation([0] * 100, 1)
    scheduler.submit(long)
    model.step()
    short = Generation([1] * 6, 1)
    scheduler.submit(short)
    model.step()
    model.step()
    assert short.over
    steps = 0
    while not long.over:
        scheduler.submit(Generation([1] * 8, 1))
        model.step()
        steps += 1
    assert steps <= 2 * 100 / CHUNK + 2


def test_a_conversations_next_turn_reads_only_what_is_new() -> None:
    slots, scheduler = made()
    model, first = Model(scheduler), Generation(list(range(20)), 4)
    scheduler.submit(first)
    while scheduler.busy:
        model.step()
    second = Generation([*first.tokens, 7, 7], 4)
    scheduler.submit(second)
    part = scheduler.plan().parts[0]
    # the last token said was never read
    assert (second.cached, part.count, slots.reused) == (23, 3, 23)


def test_what_a_failed_request_left_is_not_used() -> None:
    slots, scheduler = made()
    model, spoilt = Model(scheduler), Generation(list(range(20)), 4)
    scheduler.submit(spoilt)
    model.step()
    scheduler.end(spoilt, spoilt=True)
    again = Generation(list(range(20)), 4)
    scheduler.submit(again)
    scheduler.plan()
    assert (again.cached, slots.reused) == (0, 0)


def test_past_its_deadline_a_request_is_over_wherever_it_is() -> None:
    slots = Slots(1, BUDGET)
    scheduler: Scheduler[Generation] = Scheduler(slots, chunk=CHUNK)
    running, waiting, patient = Generation([1], 60, deadline=3), Generation([1], 1, deadline=2), Generation([1], 1)
    for generation in (running, waiting, patient):
        scheduler.submit(generation)
    assert scheduler.plan(1).expired == []
    assert scheduler.plan(2).expired == [waiting]
    assert scheduler.plan(3).expired == [running]
    assert (patient.slot, scheduler.waiting) == (0, 0)
    assert scheduler.plan(4).expired == []


def test_what_one_adapter_read_is_not_given_to_another() -> None:
    slots, scheduler = made()
    model, prompt = Model(scheduler), list(range(20))
    for variant, hits in ((0, 0), (1, 0), (0, 1), (1, 2), (2, 2)):
        scheduler.submit(Generation(prompt, 1, variant=variant))
        while scheduler.busy:
            model.step()
        assert slots.hits == hits
