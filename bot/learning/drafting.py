"""Drafting: retraining over what the store holds."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial

from bot.hosts import Hosts
from bot.learning.curation import build
from bot.learning.dataset import settle
from bot.learning.dataset_folder import folder_of, write
from bot.learning.drafts import Draft
from bot.learning.promotion import Promotion
from bot.learning.retraining import Retraining
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores
from models.worker import WorkerProcess


def retraining_over(
    settings: Settings, stores: Stores, hosts: Hosts, router: Router, worker: WorkerProcess | None = None
) -> Retraining:
    """Retraining on the datasets of `stores`, by the process that `hosts` names.

    `worker` is suspended while a trainer is at work, where the settings say so.
    """

    async def draft(scenario: str) -> Draft:
        dataset = await build(stores, settings, scenario, router)
        folder = await asyncio.to_thread(write, dataset, folder_of(settings.data_dir, dataset))
        return Draft(folder, partial(settle, stores, dataset))

    beside = worker.suspended if worker is not None and settings.train_suspends_worker else nullcontext
    return Retraining(settings, stores, hosts, draft, Promotion(settings, stores), beside)
