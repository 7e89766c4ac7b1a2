"""Calls of Slack's Web API: each in its turn, each failure as one of the core's delivery errors."""

from __future__ import annotations

from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.limiter import Limiter
from bot.delivery import SendFailed, SendForbidden, SendLimited, SendRefused, SendUnsure

log = structlog.get_logger(__name__)

FORM = frozenset(
    {
        "auth.test", "conversations.history", "conversations.info", "conversations.replies", "users.info",
        "files.completeUploadExternal", "files.getUploadURLExternal", "files.info",
    }
)  # fmt: skip
"""Methods that read no JSON."""
PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "ratelimited"}
)
STREAM_OVER = frozenset({"message_not_in_streaming_state", "message_not_owned_by_app", "message_not_found"})
REFUSED = frozenset(
    {
        "invalid_blocks", "invalid_blocks_format", "invalid_arguments", "invalid_attachments", "invalid_chunks",
        "markdown_text_conflict", "msg_blocks_too_long", "msg_too_long", "no_text", "streaming_state_conflict",
        "too_many_attachments",
    }
)  # fmt: skip


def error_of(error: SlackApiError) -> str:
    """Slack's name for an error, "" where something on the way answered instead of Slack."""
    data = error.response.data
    return str(data.get("error", "")) if isinstance(data, dict) else ""


class StreamOver(SendRefused):
    """The message takes no more of a stream: it was stopped, or Slack ended it after five minutes."""


class Unsupported(SendForbidden):
    """This workspace, token or place does not have the method. `error` is Slack's name for it."""

    def __init__(self, detail: str, error: str) -> None:
        super().__init__(detail)
        self.error = error


class Calls:
    """The Web API. `client` must not retry by itself: a call that timed out may have been carried out."""

    def __init__(self, client: AsyncWebClient, limiter: Limiter | None = None) -> None:
        self.client = client
        self.limiter = limiter or Limiter()

    def free(self, method: str, channel: str = "") -> bool:
        """Whether a call would go at once."""
        return self.limiter.wait(method, channel) == 0

    async def __call__(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call `method` and give its answer. Raises a SendError."""
        channel = str(arguments.get("channel", ""))
        await self.limiter.turn(method, channel)
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            if method in FORM:
                response = await self.client.api_call(method, data=given)
            else:
                response = await self.client.api_call(method, json=given)
        except SlackApiError as error:
            raise self._refused(method, channel, error) from error
        except aiohttp.ClientConnectorError as error:
            raise SendFailed(f"{method}: {type(error).__name__}") from error
        except (TimeoutError, aiohttp.ClientError) as error:
            # The connection broke after the request went out: it may have been carried out.
            raise SendUnsure(f"{method}: {type(error).__name__}") from error
        answer: dict[str, Any] = response.data if isinstance(response.data, dict) else {}
        if warning := answer.get("warning"):
            log.info("slack_warning", method=method, warning=warning)
        return answer

    def _refused(self, method: str, channel: str, error: SlackApiError) -> Exception:
        response = error.response
        status = int(getattr(response, "status_code", 200))
        data = response.data if isinstance(getattr(response, "data", None), dict) else {}
        word = error_of(error)
        messages = data.get("response_metadata", {}).get("messages", []) if isinstance(data, dict) else []
        detail = f"{method}: {word or status}" + (f" {messages}" if messages else "")
        if status == 429 or word == "ratelimited":
            seconds = float(response.headers.get("Retry-After", "1") or 1)
            self.limiter.pause(method, channel, seconds)
            return SendLimited(detail, seconds)
        if status >= 500 or word in PASSING:
            return SendFailed(detail)
        if word in STREAM_OVER and method in ("chat.appendStream", "chat.stopStream"):
            return StreamOver(detail)
        if word in REFUSED:
            return SendRefused(detail)
        return Unsupported(detail, word)
