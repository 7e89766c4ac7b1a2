"""The adapters in service: their names, which of them are in memory, and who is still being answered by one."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.serving import adapters
from models.serving.adapters import Adapter, AdapterError
from models.serving.lane import Lane
from models.serving.lora import AdapterWeights
from models.serving.resident import Resident

NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,127}", re.ASCII)
SERIALS = itertools.count(1)
"""Never given twice, so that no prefix is ever taken for another adapter's; 0 is the bare base."""


class UnknownAdapter(Exception):
    """No adapter of this name is in service."""


class NoRoom(Exception):
    """As many adapters as fit in memory are answering at this moment."""


@dataclass(eq=False, slots=True)
class Registered:
    """One adapter in service. `weights` are None while others are wanted more."""

    name: str
    parent: str
    lane: Lane
    folder: Path
    digest: str
    serial: int
    weights: AdapterWeights | None
    created: int = field(default_factory=lambda: int(time.time()))
    uses: int = 0
    used: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Registry:
    """Adapters by name, over the lanes of the bare models. Used within the event loop only.

    A name means the same weights for as long as the process lives. `most` of them are kept in memory; of the others
    the file is read again when they are asked for.
    """

    def __init__(self, models: Mapping[str, Resident], root: Path, most: int) -> None:
        self._taken = frozenset(models)
        self._lanes = {name: model for name, model in models.items() if isinstance(model, Lane)}
        self._root = root
        self._most = most
        self._adapters: dict[str, Registered] = {}
        self._digests: dict[str, str] = {}
        self._clock = itertools.count(1)

    def __iter__(self) -> Iterator[Registered]:
        return iter(self._adapters.values())

    def __contains__(self, name: str) -> bool:
        return name in self._adapters

    async def load(self, name: str, path: str) -> None:
        """Put the adapter in the folder `path` into service. Raises AdapterError."""
        self._check_name(name)
        folder = adapters.confined(path, self._root)
        adapter = await asyncio.to_thread(adapters.read, folder, self._root)
        parent = self._parent(adapter)
        if self._digests.get(name, adapter.digest) != adapter.digest:
            raise AdapterError(f"The name {name!r} has meant other weights before; give the new ones a new name.")
        lane, serial = self._lanes[parent], next(SERIALS)
        weights = await asyncio.to_thread(lane.forward.lora.prepare, serial, adapter.pairs)
        self._check_name(name)  # somebody may have been quicker
        registered = Registered(name, parent, lane, folder, adapter.digest, serial, weights, used=next(self._clock))
        try:
            self._make_room(lane)
        except NoRoom:
            registered.weights = None
        self._adapters[name] = registered
        self._digests[name] = adapter.digest

    async def unload(self, name: str) -> None:
        """Take it out of service: for new requests at once, and return when nobody is answered by it any more."""
        registered = self._adapters.pop(name, None)
        if registered is None:
            raise UnknownAdapter(name)
        while registered.uses:
            registered.idle.clear()
            await registered.idle.wait()

    @asynccontextmanager
    async def using(self, name: str) -> AsyncIterator[tuple[Lane, AdapterWeights]]:
        """The adapter's lane and weights, kept in memory meanwhile. Raises UnknownAdapter, NoRoom, AdapterError."""
        registered = self._adapters.get(name)
        if registered is None:
            raise UnknownAdapter(name)
        registered.uses += 1
        registered.used = next(self._clock)
        try:
            yield registered.lane, await self._weights(registered)
        finally:
            registered.uses -= 1
            if not registered.uses:
                registered.idle.set()

    async def _weights(self, registered: Registered) -> AdapterWeights:
        async with registered.reading:
            if registered.weights is None:
                adapter = await asyncio.to_thread(adapters.read, registered.folder, self._root)
                if adapter.digest != registered.digest:
                    raise AdapterError(f"The files of {registered.name!r} have changed since it was loaded.")
                prepare = registered.lane.forward.lora.prepare
                weights = await asyncio.to_thread(prepare, registered.serial, adapter.pairs)
                self._make_room(registered.lane)
                registered.weights = weights
            return registered.weights

    def _make_room(self, lane: Lane) -> None:
        """Forget the weights of whoever was asked for longest ago and is not at work. Raises NoRoom."""
        resident = [each for each in self._adapters.values() if each.lane is lane and each.weights is not None]
        if len(resident) < self._most:
            return
        idle = [each for each in resident if not each.uses]
        if not idle:
            raise NoRoom
        min(idle, key=lambda each: each.used).weights = None

    def _check_name(self, name: str) -> None:
        if name in self._adapters:
            raise AdapterError(f"The lora adapter {name!r} has already been loaded.")
        if not NAME.fullmatch(name) or name in self._taken:
            raise AdapterError(
                f"{name!r} cannot name an adapter: letters, digits and . _ @ - only, and no model's own name."
            )

    def _parent(self, adapter: Adapter) -> str:
        """The name of the model that the adapter belongs to: the one it was trained on, if that is told."""
        base = Path(adapter.base).name
        named = [name for name, lane in self._lanes.items() if not base or base in lane.names]
        if not named:
            raise AdapterError(f"The adapter was trained on {base or 'a model'} that is not served here.")
        for name in named:
            try:
                adapters.check(adapter, self._lanes[name].forward.lora.targets)
            except AdapterError as error:
                refusal = error
            else:
                return name
        raise refusal
