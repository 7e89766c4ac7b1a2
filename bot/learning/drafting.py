"""Drafting: retraining over what the store holds."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.hosts import Hosts
from bot.learning.curation import build
from bot.learning.dataset import settle
from bot.learning.dataset_folder import folder_of, write
from bot.learning.promotion import Promotion
from bot.learning.retraining import Draft, Retraining
from bot.router import Router
from bot.settings import Settings
from bot.stores import Stores


def retraining_over(settings: Settings, stores: Stores, hosts: Hosts, router: Router) -> Retraining:
    """Retraining on the datasets of `stores`, by the process that `hosts` names."""

    async def draft(scenario: str) -> Draft:
        dataset = await build(stores, settings, scenario, router)
        folder = await asyncio.to_thread(write, dataset, folder_of(settings.data_dir, dataset))
        return Draft(folder, partial(settle, stores, dataset))

    return Retraining(settings, stores, hosts, draft, Promotion(settings, stores))
