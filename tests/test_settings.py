"""Settings: `.env.example` lists every key, and what is wrong is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent


def test_the_example_lists_every_key() -> None:
    listed = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_can_be_used_as_it_is() -> None:
    settings = Settings(_env_file=ROOT / ".env.example")
    assert settings == Settings(_env_file=None)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("web_port", "many", "WEB_PORT: "),
        ("web_host", "0.0.0.0", "WEB_TOKEN must be set when WEB_HOST is not 127.0.0.1"),
        ("device", "toaster", "DEVICE: "),
        ("quota", "lots", "QUOTA: a quota reads like"),
        ("quota_roles", {"patron": "many"}, "QUOTA_ROLES: a quota reads like"),
        ("engine_url", "localhost:8000", "ENGINE_URL: an address begins with http:// or https://"),
        ("embedding_url", "ftp://there", "EMBEDDING_URL: an address begins with"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, words: str) -> None:
    with pytest.raises(UserError) as caught:
        load_settings(_env_file=None, **{key: value})
    assert caught.value.words.startswith(words)


def test_what_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTA_ROLES", "patron=off")
    with pytest.raises(UserError, match="QUOTA_ROLES: that is not JSON"):
        load_settings(_env_file=None)


@pytest.mark.parametrize(
    "written", ["http://host:8000", "http://host:8000/", "http://host:8000/v1", "http://host:8000/v1/"]
)
def test_the_engines_address_may_be_written_with_its_v1(written: str) -> None:
    assert Settings(_env_file=None, engine_url=written).engine_url == "http://host:8000"


def test_a_scenario_may_have_a_model_of_its_own() -> None:
    settings = Settings(_env_file=None, model_translate="nllb")
    assert settings.models() == {"parley": "embedded", "translate": "nllb"}
    assert (settings.model_for("translate"), settings.model_for("chat")) == ("translate", "parley")
