"""Training figures: what /metrics says of runs, the gate, service and the queue."""

from __future__ import annotations

import json
from pathlib import Path

from prometheus_client import CollectorRegistry

from bot.database import Database
from bot.learning.registry import Adapter
from bot.learning.training_metrics import TrainingMetrics
from bot.settings import Settings
from tests.adapters.web.desk import flagged
from tests.learning.stores import over


async def test_the_figures_follow_the_store(sqlite: Database, tmp_path: Path) -> None:
    stores, registry = over(sqlite), CollectorRegistry()
    settings = Settings(_env_file=None, data_dir=tmp_path)
    figures = TrainingMetrics(settings, stores, registry)
    await figures.refresh()
    assert registry.get_sample_value("parley_training_runs", {"scenario": "chat", "state": "rejected"}) is None
    rejected = await stores.runs.begin("chat", parent="", by="test", host="h")
    await stores.runs.end(rejected.id, "rejected", "worse")
    (settings.runs / rejected.id).mkdir(parents=True)
    (settings.runs / rejected.id / "report.json").write_text(json.dumps({"verdict": "fail"}))
    good = await stores.runs.begin("chat", parent="", by="test", host="h")
    adapter = Adapter(good.adapter, "chat", good.number, good.id, "", "tiny", "", good.created)
    await stores.registry.promote(adapter, {}, words="", by="gate", share=20)
    await flagged(stores, "Where?", "Here.", "There.")
    await figures.refresh()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"parley_{name}", labels)

    assert value("training_runs", scenario="chat", state="rejected") == 1
    assert value("gate_verdicts", scenario="chat", verdict="fail") == 1
    assert value("adapter_share_percent", scenario="chat", adapter="base") == 80
    assert value("adapter_share_percent", scenario="chat", adapter=good.adapter) == 20
    assert value("review_open_items", scenario="support") == 1
    assert value("corrections_approved", scenario="support") is None
    seconds = value("training_last_run_seconds", scenario="chat")
    assert seconds is not None
    assert seconds >= 0
    await stores.registry.rollback("chat", words="", by="test")
    await figures.refresh()
    assert value("adapter_share_percent", scenario="chat", adapter=good.adapter) is None
