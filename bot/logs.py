"""Logs: one line an event on stderr, chat text hidden unless the owner asks for it, secrets never."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bot.safety import mask_secrets

CHAT_KEYS = frozenset({"text", "question", "answer", "prompt", "fact"})


def set_up_logs(level: str, chat_text: bool) -> None:
    """Send structlog and the libraries' logging to stderr."""

    def hide(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key in CHAT_KEYS & event.keys():
            if not chat_text:
                event[key] = f"<{len(str(event[key]))} characters>"
        return {key: mask_secrets(value) if isinstance(value, str) else value for key, value in event.items()}

    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            hide,
            # Plain tracebacks: the rich ones print local variables, chat text among them.
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s", force=True
    )
