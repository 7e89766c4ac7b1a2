"""The files in deploy/: whole, and only with settings and options that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = ["compose.yaml", "compose.vllm.yaml"]


def compose(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / name).read_text()))


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()))


def containers() -> dict[str, dict[str, Any]]:
    made = [each["spec"]["template"]["spec"] for each in manifests("parley.yaml") if each["kind"] == "Deployment"]
    return {each["name"]: each for pod in made for each in pod["containers"]}


@pytest.fixture(scope="module")
def worker_options() -> set[str]:
    told = subprocess.run(
        [sys.executable, "-m", "models.serving", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z-]+", told.stdout))


@pytest.mark.parametrize("name", COMPOSE)
def test_the_bots_environment_is_settings(name: str) -> None:
    keys = {key.lower() for key in compose(name)["services"]["parley"]["environment"]}
    assert keys <= Settings.model_fields.keys()


def test_the_pods_environment_is_settings() -> None:
    keys = {each["name"].lower() for each in containers()["parley"]["env"]}
    assert keys <= Settings.model_fields.keys()


@pytest.mark.parametrize("name", COMPOSE)
def test_volumes_and_dependencies_are_declared(name: str) -> None:
    whole = compose(name)
    for service in whole["services"].values():
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert named <= whole["volumes"].keys()
        assert service.get("depends_on", {}).keys() <= whole["services"].keys()


def test_adapters_lie_at_one_path_for_the_bot_and_for_vllm() -> None:
    services = compose("compose.vllm.yaml")["services"]
    mounted = [
        [volume.split(":")[1] for volume in services[name]["volumes"] if volume.startswith("data:")]
        for name in ("parley", "vllm")
    ]
    assert mounted == [["/data"], ["/data"]]
    assert services["parley"]["environment"]["DATA_DIR"] == "/data"
    assert services["vllm"]["environment"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


def test_the_base_is_served_under_the_name_that_the_bot_asks_for() -> None:
    services = compose("compose.vllm.yaml")["services"]
    pod = containers()
    asked = services["parley"]["environment"]["MODEL"]
    assert f"--served-model-name={asked}" in services["vllm"]["command"]
    assert {"name": "MODEL", "value": asked} in pod["parley"]["env"]
    assert f"--served-model-name={asked}" in pod["vllm"]["args"]


def test_the_encoders_worker_is_started_with_options_it_has(worker_options: set[str]) -> None:
    for command in (compose("compose.vllm.yaml")["services"]["embedder"]["command"], containers()["embedder"]["args"]):
        assert {each for each in command if each.startswith("--")} <= worker_options


def test_replicas_are_scaled_by_the_queue() -> None:
    (scaled,) = manifests("scaling.yaml")
    deployments = {each["metadata"]["name"] for each in manifests("parley.yaml") if each["kind"] == "Deployment"}
    assert scaled["spec"]["scaleTargetRef"]["name"] in deployments
    assert "num_requests_waiting" in scaled["spec"]["triggers"][0]["metadata"]["query"]


def test_the_image_copies_what_there_is() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    assert all((ROOT / path).exists() for line in copied for path in line.split())


def test_metrics_that_are_written_of_exist() -> None:
    told = set(re.findall(r"`parley_worker_(\w+)`", (ROOT / "docs" / "operations.md").read_text()))
    worker = (ROOT / "models" / "serving" / "metrics.py").read_text()
    bot = (ROOT / "bot" / "parley.py").read_text()  # which tells of the worker too
    assert told
    for name in told:
        assert name.removesuffix("_total") in worker or f'"worker_{name}"' in bot
