"""Drafting: retraining over what the store holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

from bot.hosts import Hosts
from bot.learning.augmentation import Augmenter, Opened
from bot.learning.curation import build, wordings_wanted
from bot.learning.dataset import Dataset, settle
from bot.learning.dataset_folder import folder_of, write
from bot.learning.drafts import Draft
from bot.learning.promotion import Promotion
from bot.learning.retraining import Retraining
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores
from models.worker import WorkerProcess

Told = Callable[[int, int], None]
"""Hears how many questions of how many have been put in other words."""


def retraining_over(
    settings: Settings, stores: Stores, hosts: Hosts, router: Router, opened: Opened,
    worker: WorkerProcess | None = None, told: Told = lambda done, of: None,
) -> Retraining:  # fmt: skip
    """Retraining on the datasets of `stores`, by the process that `hosts` names.

    `opened` gives the engine that puts questions in other words. `worker` is suspended while a trainer is at work,
    where the settings say so.
    """
    augmenter = Augmenter(stores.wordings, opened, (settings.model_for("chat"), settings.model_for("translate")))

    async def made(scenario: str) -> Dataset:
        dataset = await build(stores, settings, scenario, router)
        most = wordings_wanted(settings, scenario)
        if not most or not await augmenter.fill(dataset.questions, most, told):
            return dataset
        return await build(stores, settings, scenario, router)

    async def draft(scenario: str) -> Draft:
        dataset = await made(scenario)
        folder = await asyncio.to_thread(write, dataset, folder_of(settings.data_dir, dataset))
        return Draft(folder, partial(settle, stores, dataset))

    beside = worker.suspended if worker is not None and settings.train_suspends_worker else nullcontext
    return Retraining(settings, stores, hosts, draft, Promotion(settings, stores), beside)
