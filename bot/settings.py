"""Settings: read once from the environment and `.env`, frozen, each wrong key named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from apscheduler.triggers.cron import CronTrigger
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from bot.errors import UserError
from bot.quota import Quota

SCENARIOS = ("chat", "translate", "tutor", "story", "write", "support", "summarize")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


class Settings(BaseSettings):
    """Every setting. The comment of each key in `.env.example` says what it does."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore")

    data_dir: Path = Path("data")
    database_url: str = ""

    model: str = "embedded"
    model_chat: str = ""
    model_translate: str = ""
    model_tutor: str = ""
    model_story: str = ""
    model_write: str = ""
    model_support: str = ""
    model_summarize: str = ""
    embedding_model: str = "embedded"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    quantize: Literal["auto", "none", "int8", "int4"] = "auto"
    context_tokens: int = Field(2048, ge=512)

    engine_url: str = ""
    engine_api_key: SecretStr = SecretStr("")
    embedding_url: str = ""
    speech_url: str = ""
    speech_model: str = "whisper-1"
    vision: bool = False
    engine_slots: int = Field(8, ge=1, le=512)

    queue_seconds: float = Field(180, gt=0)
    queue_most: int = Field(200, ge=1)
    message_characters: int = Field(8000, ge=100)
    quota: str = "off"
    quota_roles: dict[str, str] = {}

    instant_corrections: bool = True
    training_discord: bool = False
    training_slack: bool = False
    training_web: bool = False
    training_import: bool = True
    retrain_cron: str = "15 3 * * *"
    retrain_cron_scenarios: dict[str, str] = {}
    retrain_minimum: int = Field(20, ge=1)
    retrain_minutes: float = Field(60, ge=0)
    retrain_promote: bool = True
    canary_percent: int = Field(0, ge=0, le=99)
    canary_hours: float = Field(24, gt=0)
    digest_cron: str = "0 9 * * mon"
    train_launcher: str = ""
    train_model: str = ""
    train_method: Literal["lora", "dora", "adalora", "prefix", "full"] = "lora"
    train_options: dict[str, Any] = {}
    train_threads: int = Field(0, ge=0)
    train_nice: int = Field(10, ge=0, le=19)
    train_memory_gb: float = Field(0, ge=0)
    train_suspends_worker: bool = False
    train_fgm: float = Field(0, ge=0)
    train_augment: int = Field(0, ge=0, le=4)
    train_report_to: str = "tensorboard"

    memory_days: int = Field(0, ge=0)
    import_days: int = Field(0, ge=0)
    leave_days: int = Field(0, ge=0)
    log_chat_text: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    discord_token: SecretStr = SecretStr("")
    discord_api_url: str = ""
    discord_gateway_url: str = ""
    discord_message_content: bool = True
    discord_guilds: str = ""
    discord_shards: str = ""
    discord_direct: bool = True

    slack_bot_token: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_client_id: str = ""
    slack_client_secret: SecretStr = SecretStr("")
    slack_address: str = ""
    slack_token_rotation: bool = False
    slack_config_token: SecretStr = SecretStr("")
    slack_api_url: str = "https://slack.com/api/"
    slack_command: str = Field("/parley", pattern=r"^/[a-z0-9_-]{1,31}$")
    slack_short_commands: bool = False
    slack_host: str = "127.0.0.1"
    slack_port: int = Field(3000, ge=0, le=65535)

    web_host: str = "127.0.0.1"
    web_port: int = Field(8080, ge=0, le=65535)
    web_token: SecretStr = SecretStr("")
    web_url: str = ""
    console_servers: Annotated[frozenset[str], NoDecode] = frozenset()
    console_discord_client_id: str = ""
    console_discord_client_secret: SecretStr = SecretStr("")
    console_slack_client_id: str = ""
    console_slack_client_secret: SecretStr = SecretStr("")

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, value: str) -> str:
        """The URL with the driver that Parley uses, which one need not know."""
        if not value:
            return value
        for written, driven in DRIVERS.items():
            if value.startswith(f"{written}://"):
                return f"{driven}{value.removeprefix(written)}"
        if not value.startswith(tuple(f"{driven}://" for driven in DRIVERS.values())):
            raise ValueError("a database is named like sqlite:////folder/parley.db or postgresql://user@host/name")
        return value

    @field_validator("engine_url", "embedding_url", "slack_api_url", "discord_api_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]\S*", value):
            raise ValueError(f"an address begins with http:// or https://, unlike “{value}”")
        return value

    @field_validator("engine_url", "embedding_url")
    @classmethod
    def _before_v1(cls, value: str) -> str:
        return value.rstrip("/").removesuffix("/v1")

    @field_validator("quota")
    @classmethod
    def _quota(cls, value: str) -> str:
        Quota.parse(value)
        return value

    @field_validator("quota_roles")
    @classmethod
    def _quotas(cls, value: dict[str, str]) -> dict[str, str]:
        for quota in value.values():
            Quota.parse(quota)
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("retrain_cron", "digest_cron")
    @classmethod
    def _crontab(cls, value: str) -> str:
        return crontab(value)

    @field_validator("retrain_cron_scenarios")
    @classmethod
    def _crontabs(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := set(value) - set(SCENARIOS):
            raise ValueError(f"there is no scenario {', '.join(sorted(unknown))}; there are: {', '.join(SCENARIOS)}")
        return {scenario: crontab(when) for scenario, when in value.items()}

    @field_validator("web_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if value.strip() and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/")
        ):
            raise ValueError("an address without a path, such as https://parley.example.org")
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    @field_validator("console_servers", mode="before")
    @classmethod
    def _servers(cls, value: object) -> object:
        """The servers as a set; written with commas between them."""
        if not isinstance(value, str):
            return value
        named = frozenset(part.strip() for part in value.split(",") if part.strip())
        if not all(re.fullmatch(r"(discord|slack):[A-Za-z0-9]+", part) for part in named):
            raise ValueError("servers with commas between them, such as discord:123456789012345678 or slack:T0123ABCD")
        return named

    @field_validator("discord_guilds")
    @classmethod
    def _guild_ids(cls, value: str) -> str:
        if not re.fullmatch(r"\s*(\d{15,20}\s*(,\s*\d{15,20}\s*)*)?", value):
            raise ValueError("server ids with commas between them, such as 123456789012345678")
        return value

    @field_validator("discord_shards")
    @classmethod
    def _shard_plan(cls, value: str) -> str:
        if not re.fullmatch(r"|auto|\d+|\d+(,\d+)*/\d+", value):
            raise ValueError("auto, a number of shards such as 4, or the ids of these that run here such as 0,1/4")
        return value

    @model_validator(mode="after")
    def _guarded(self) -> Settings:
        if self.web_host not in LOOPBACK and not self.web_token.get_secret_value():
            raise ValueError("WEB_TOKEN must be set when WEB_HOST is not 127.0.0.1: the page would be open to others")
        if urlsplit(self.web_address).hostname not in LOOPBACK and not self.web_token.get_secret_value():
            raise ValueError("WEB_TOKEN must be set along with WEB_URL: the page would be open to others")
        return self

    @model_validator(mode="after")
    def _signs_in(self) -> Settings:
        for key in ("console_discord_client_id", "console_slack_client_id"):
            secret: SecretStr = getattr(self, key.replace("_id", "_secret"))
            if bool(getattr(self, key)) != bool(secret.get_secret_value()):
                name = key.upper()
                raise ValueError(f"{name} and {name.replace('_ID', '_SECRET')} go together: set both or neither")
        return self

    @model_validator(mode="after")
    def _installable(self) -> Settings:
        if self.slack_client_id and not (self.slack_client_secret.get_secret_value() and self.slack_address):
            raise ValueError(
                "SLACK_CLIENT_ID needs SLACK_CLIENT_SECRET and SLACK_ADDRESS, where people install the app"
            )
        if self.slack_address and not self.slack_address.startswith("https://"):
            raise ValueError("SLACK_ADDRESS must begin with https://: Slack sends people nowhere else")
        return self

    @property
    def slack(self) -> bool:
        """Whether Parley is on Slack: in one workspace by its token, or in those that install it."""
        return bool(self.slack_bot_token.get_secret_value() or self.slack_client_id)

    @property
    def web_address(self) -> str:
        """Where people's browsers find the page; where WEB_URL does not say, those on this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self.web_host, self.web_host)
        return self.web_url or f"http://{name}:{self.web_port}"

    @property
    def database(self) -> str:
        """The database's URL, by default a SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'parley.db'}"

    @property
    def adapters(self) -> Path:
        """Where adapters lie by name, for the engine to load."""
        return self.data_dir / "checkpoints" / "adapters"

    @property
    def datasets(self) -> Path:
        """Where datasets lie by name."""
        return self.data_dir / "datasets"

    @property
    def runs(self) -> Path:
        """Where training runs lie by id."""
        return self.data_dir / "runs"

    @property
    def discord_guild_ids(self) -> tuple[int, ...]:
        """The servers where commands are registered; none = everywhere."""
        return tuple(int(part) for part in self.discord_guilds.split(",") if part.strip())

    @property
    def discord_shard_plan(self) -> tuple[int | None, list[int] | None]:
        """How many shards there are and which of them run here; None is for Discord to say, or all."""
        ids, _, count = self.discord_shards.rpartition("/")
        return (None if count == "auto" else int(count)), [int(part) for part in ids.split(",")] if ids else None

    @property
    def training_platforms(self) -> dict[str, bool]:
        """Whether what is said on a platform may train; the terminal goes with the web page."""
        return {
            "discord": self.training_discord, "slack": self.training_slack, "web": self.training_web,
            "console": self.training_web, "import": self.training_import,
        }  # fmt: skip

    def retrain_when(self, scenario: str) -> str:
        """The crontab of a scenario's training, "" for never."""
        return self.retrain_cron_scenarios.get(scenario, self.retrain_cron)

    def models(self) -> dict[str, str]:
        """Every model that has to be resident: name on the wire to checkpoint. "parley" is the default one."""
        named = {scenario: str(getattr(self, f"model_{scenario}")) for scenario in SCENARIOS}
        return {"parley": self.model} | {scenario: model for scenario, model in named.items() if model}

    def model_for(self, scenario: str) -> str:
        """The name on the wire of the model that serves a scenario."""
        if self.engine_url:
            return str(getattr(self, f"model_{scenario}", "")) or self.model
        return scenario if getattr(self, f"model_{scenario}", "") else "parley"


def crontab(value: str) -> str:
    """A line of a crontab, checked; "" and "off" are never."""
    if value.strip().lower() in ("", "off"):
        return ""
    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise ValueError(f"off, or minute, hour, day, month and weekday such as 15 3 * * * ({error})") from error
    return value


def load_settings(**overrides: object) -> Settings:
    """The settings as they stand now. Raises UserError naming each key that is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise UserError(" ".join(_sentence(dict(problem)) for problem in error.errors())) from error
    except SettingsError as error:
        named = re.search(r'"(\w+)"', str(error))
        key = named[1].upper() if named else "A setting"
        raise UserError(f'{key}: that is not JSON; it reads like {{"patron": "200/day"}}.') from error


def _sentence(problem: dict[str, object]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    location = problem["loc"]
    key = str(location[0]).upper() if isinstance(location, tuple) and location else ""
    return f"{key}: {message}." if key else f"{message}."
