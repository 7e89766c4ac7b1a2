"""How a command runs: with the settings, in a loop of its own; an expected error is told in one sentence."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import typer

from bot.interrupts import signals_to

if TYPE_CHECKING:
    from bot.settings import Settings

LONGEST_NAME = 64
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter: the store's threads must not wait for a busy event loop."""


def short(words: str) -> str:
    """A name as the store keeps it; every platform's own are shorter."""
    if len(words) > LONGEST_NAME:
        raise typer.BadParameter(f"at most {LONGEST_NAME} characters, not {len(words)}")
    return words


def execute(main: Callable[[Settings], Coroutine[Any, Any, int]], *, quiet: bool = False, **overrides: object) -> None:
    """Run `main` with the settings and end with its exit code; an expected error ends with one sentence.

    `quiet`: somebody reads the terminal, so that only what nobody foresaw is logged there.
    """
    from bot.errors import StoreError, UserError, words_for
    from bot.logs import set_up_logs
    from bot.settings import load_settings
    from models.engine_errors import EngineError

    try:
        settings = load_settings(**overrides)
        level = "error" if quiet and settings.log_level == "info" else settings.log_level
        set_up_logs(level, settings.log_chat_text)
        sys.setswitchinterval(SWITCH_SECONDS)
        code = asyncio.run(_interruptible(main(settings)))
    except UserError as error:
        print(error.words, file=sys.stderr)
        code = 1
    except (StoreError, EngineError) as error:
        # At the command line sits the owner, whom the detail helps.
        print(f"{words_for(error).text} ({error.detail.splitlines()[0] if error.detail else ''})", file=sys.stderr)
        code = 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    raise typer.Exit(code)


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    """Ctrl-C, or a supervisor, ends `work` in good order; who asks once more does not want to wait for that."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]

    def at_once() -> None:
        # The worker ends with its input, and a store is left as a killed process leaves it.
        for number in heard:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    def interrupt() -> None:
        at_once()
        task.cancel()

    with signals_to(interrupt, *heard):
        try:
            return await work
        finally:
            at_once()
