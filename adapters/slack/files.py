"""Files: those that people send are read from Slack's own hosts only, those of an answer are uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.calls import Calls, Unsupported
from adapters.slack.desk import Spot
from bot.delivery import SendError, SendFailed, SendRefused, SendUnsure, attempt
from bot.errors import UserError
from bot.request import Attachment, one_line
from bot.turn import File

MOST_BYTES = 20_000_000
MOST_FILES = 5
HOSTS = ("files.slack.com", "slack-files.com", "files-edge.slack.com", "files-origin.slack.com")
REDIRECTS = 3


class Downloads:
    """Reads files with the bot's token, which goes to Slack's hosts and to no other."""

    def __init__(self, calls: Calls, http: aiohttp.ClientSession, api_url: str) -> None:
        self._calls = calls
        self._http = http
        api = urlsplit(api_url)
        self._own = None if (api.hostname or "").endswith("slack.com") else (api.scheme, api.netloc)

    def attachments(self, files: object) -> tuple[Attachment, ...]:
        """A message's files. What they hold is fetched when a scenario wants it."""
        found = [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []
        shown = [file for file in found if file.get("mode") not in ("tombstone", "hidden_by_limit")]
        return tuple(self._attachment(file) for file in shown[:MOST_FILES])

    def _attachment(self, file: Mapping[str, Any]) -> Attachment:
        name = one_line(str(file.get("name") or file.get("title") or "file"), 120)

        async def read() -> bytes:
            return await self._read(name, file)

        return Attachment(name, str(file.get("mimetype") or ""), int(file.get("size") or 0), read)

    async def _read(self, name: str, file: Mapping[str, Any]) -> bytes:
        if file.get("file_access") == "check_file_info" or not file.get(
            "url_private_download", file.get("url_private")
        ):
            file = await self._info(name, str(file.get("id", "")))
        if int(file.get("size") or 0) > MOST_BYTES:
            raise UserError(f"{name} is larger than {MOST_BYTES // 1_000_000} MB; send a smaller part of it.")
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        try:
            return await self._fetch(name, url)
        except (TimeoutError, aiohttp.ClientError):
            raise UserError(f"Slack did not give me {name} just now. Send it again in a minute.") from None

    async def _info(self, name: str, file_id: str) -> Mapping[str, Any]:
        try:
            answer = await self._calls("files.info", file=file_id)
        except Unsupported as error:
            scope = " The app lacks the scope files:read." if error.error == "missing_scope" else ""
            raise UserError(f"I may not read {name}.{scope}") from error
        except SendError as error:
            raise UserError(f"Slack did not give me {name} just now. Send it again in a minute.") from error
        info = answer.get("file")
        return info if isinstance(info, dict) else {}

    async def _fetch(self, name: str, url: str) -> bytes:
        for _ in range(REDIRECTS + 1):
            if not self._trusted(url):
                raise UserError(f"{name} does not lie on Slack, so I did not fetch it. Upload it here instead.")
            headers = {"Authorization": f"Bearer {self._calls.client.token}"}
            timeout = aiohttp.ClientTimeout(total=60)
            async with self._http.get(url, headers=headers, allow_redirects=False, timeout=timeout) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    url = answer.headers.get("Location", "")
                    continue
                html = answer.content_type == "text/html" and not name.lower().endswith((".html", ".htm"))
                if answer.status in (401, 403) or html:
                    raise UserError(f"Slack does not let me read {name}: the app may lack the scope files:read.")
                if answer.status != 200:
                    raise UserError(f"Slack no longer has {name}. Send it again.")
                content = bytearray()
                async for piece in answer.content.iter_any():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise UserError(f"{name} is larger than {MOST_BYTES // 1_000_000} MB; send a smaller part.")
                return bytes(content)
        raise UserError(f"Slack sent me in circles for {name}. Send it again.")

    def _trusted(self, url: str) -> bool:
        parts = urlsplit(url)
        if self._own is not None:
            return (parts.scheme, parts.netloc) == self._own
        return parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in HOSTS


async def upload(calls: Calls, spot: Spot, file: File, *, private: bool) -> None:
    """Share a file in the spot's thread; a private one only with the asker. Raises a SendError."""
    if private and not spot.direct:
        opened = await attempt(lambda: calls("conversations.open", users=spot.user))
        spot = replace(spot, channel=str(opened["channel"]["id"]), thread="")
    size = len(file.content)
    place = await attempt(lambda: calls("files.getUploadURLExternal", filename=file.name, length=size))
    session = calls.client.session
    assert session is not None
    try:
        async with session.post(str(place["upload_url"]), data=file.content) as answer:
            if answer.status != 200:
                raise SendRefused(f"upload: {answer.status}")
    except aiohttp.ClientConnectorError as error:
        raise SendFailed(f"upload: {type(error).__name__}") from error
    except (TimeoutError, aiohttp.ClientError) as error:
        raise SendUnsure(f"upload: {type(error).__name__}") from error
    # This method reads a form, in which the list of files is written as JSON.
    files = f'[{{"id":"{place["file_id"]}"}}]'
    there = {"channel_id": spot.channel, "thread_ts": spot.thread or None}
    await attempt(lambda: calls("files.completeUploadExternal", files=files, **there))
