"""`chat`: a conversation in the terminal, with live Markdown; Ctrl-C stops an answer, Ctrl-D leaves."""

from __future__ import annotations

import asyncio
import signal
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from adapters.console.ask import console_request
from bot.chatbot import ChatBot
from bot.controls import Button, Control
from bot.reply import SilentReply, Stream
from bot.request import MessageRef, Press, Request
from bot.turn import Answer, Delta, Waiting

LIVE_LINES = 0.7
"""While it streams, only the end of an answer is drawn, in this part of the screen's height."""
HINTS = {Control.RETRY, Control.CONTINUE, Control.PICK, Control.REFINE, Control.UNDO, Control.CARD, Control.HANDOFF}


@dataclass(slots=True)
class TerminalReply:
    """Draws one answer. `turn_id` and `answer` tell the conversation what can be pressed next."""

    console: Console
    turn_id: str = ""
    answer: Answer | None = None
    _text: str = field(default="")

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        self.turn_id = turn_id
        with Live(Text("…", style="dim"), console=self.console, refresh_per_second=12, transient=True) as live:
            async for event in stream:
                match event:
                    case Waiting() if not self._text:
                        live.update(Text(event.words, style="dim italic"))
                    case Delta():
                        self._text += event.text
                        live.update(self._tail())
                    case Answer():
                        self.answer = event
        if self.answer is not None:
            self.console.print(drawn(self.answer))
            for file in self.answer.files:
                self.console.print(Text(await asyncio.to_thread(_saved, file.name, file.content), style="dim"))
        return MessageRef("console")

    async def fail(self, words: str) -> None:
        self.console.print(Text(words, style="yellow"))

    def _tail(self) -> Markdown:
        most = max(5, int(self.console.height * LIVE_LINES))
        return Markdown("\n".join(self._text.splitlines()[-most:]))


def drawn(answer: Answer) -> RenderableType:
    """An answer as the terminal shows it, with its sources, notes and what can be typed next."""
    parts: list[RenderableType] = []
    if answer.text:
        parts.append(Markdown(answer.text))
    for source in answer.sources:
        parts.append(Text(f"[{source.number}] {source.title}  {source.heading}", style="dim"))
    if answer.stopped:
        parts.append(Text("stopped", style="dim italic"))
    style = "yellow" if answer.broken else "dim"
    parts += [Text(note, style=style) for note in answer.notes]
    if answer.tokens:
        rate = answer.tokens / answer.seconds if answer.seconds else 0.0
        parts.append(Text(f"{answer.model}, {answer.tokens} tokens, {rate:.0f} a second", style="dim"))
    hints = [f":{number} {button.label}" for number, button in numbered(answer)]
    if hints:
        parts.append(Text("   ".join(hints), style="cyan dim"))
    return Padding(Group(*parts), (0, 0, 1, 2))


def numbered(answer: Answer) -> list[tuple[int, Button]]:
    """The buttons that a terminal offers, each under the number to type."""
    return list(enumerate((button for button in answer.buttons if button.control in HINTS), 1))


class Conversation:
    """Reads lines and answers them until the end of input."""

    def __init__(self, chatbot: ChatBot, console: Console, user: str, channel: str) -> None:
        self._chatbot = chatbot
        self._console = console
        self._user = user
        self._channel = channel
        self._last: TerminalReply | None = None
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._ready = threading.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        self._console.print(Text("Talk to Parley. /help lists the commands, Ctrl-C stops, Ctrl-D leaves.", style="dim"))
        try:
            while (line := await self._next()) is not None:
                if line.strip():
                    await self._answer(line.strip())
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def _next(self) -> str | None:
        self._ready.set()
        return await self._lines.get()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own: the terminal cannot be read without blocking."""
        while True:
            self._ready.wait()
            self._ready.clear()
            try:
                line: str | None = input("› ")
            except (EOFError, UnicodeDecodeError):
                line = None
            loop.call_soon_threadsafe(self._lines.put_nowait, line)
            if line is None:
                return

    async def _answer(self, line: str) -> None:
        request = console_request(line, self._user, self._channel)
        if line.startswith(":"):
            press = self._press(line[1:])
            if press is None:
                self._console.print(Text("Type the number of a button above, such as :1.", style="yellow"))
                return
            request = replace(request, text="", press=press)
        reply = TerminalReply(self._console)
        self._last = reply
        await self._chatbot.handle(request, reply)

    def _press(self, typed: str) -> Press | None:
        answer = self._last.answer if self._last is not None else None
        number, _, value = typed.partition(" ")
        if answer is None or not number.isdigit():
            return None
        button = dict(numbered(answer)).get(int(number))
        return Press(answer.turn_id, button.control, value or button.value) if button is not None else None

    def _interrupted(self) -> None:
        running = self._last
        if running is None or running.answer is not None or not running.turn_id:
            self._console.print(Text("\nCtrl-D leaves.", style="dim"))
            return
        stop: Request = replace(
            console_request("", self._user, self._channel), press=Press(running.turn_id, Control.STOP)
        )
        self._stopping = asyncio.create_task(self._chatbot.handle(stop, SilentReply("console")))


def _saved(name: str, content: bytes) -> str:
    path = Path(name)
    number = 1
    while path.exists():
        number += 1
        path = Path(name).with_stem(f"{Path(name).stem}-{number}")
    path.write_bytes(content)
    return f"Saved as {path}"
