"""A short soak of the worker: users leave in the middle, nobody fails, every slot and the memory come back."""

from __future__ import annotations

from bot.bench.servers import Server
from bot.bench.soak import Soak, soak
from tests.models.conftest import Served


async def test_nothing_leaks_when_users_leave(tiny_worker: Served) -> None:
    server = Server("tiny", tiny_worker.url, "parley", tiny_worker.token, tiny_worker.process.pid)
    await soak(server, 8, 3)  # until every slot has been used
    found = await soak(server, 8, 6)
    assert found.ends["failed"] == 0
    assert found.ends["whole"] > 0
    assert found.ends["left"] > 0
    assert found.free_slots == 8
    assert found.growth < 0.05


def test_growth_is_that_of_the_settled_time() -> None:
    found = Soak(10, memory=[50.0] * 20 + [100.0] * 40 + [110.0] * 40)
    assert 0.09 < found.growth < 0.11
