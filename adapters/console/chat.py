"""`chat`: a conversation in the terminal, with live Markdown; Ctrl-C stops an answer, Ctrl-D leaves."""

from __future__ import annotations

import asyncio
import re
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
from bot.interrupts import signals_to
from bot.reply import SilentReply, Stream
from bot.request import MessageRef, Press, Request
from bot.turn import Answer, Delta, Waiting

LIVE_LINES = 0.7
"""While it streams, only the end of an answer is drawn, in this part of the screen's height."""
UNSAID = {Control.STOP, Control.VERSION, Control.UP, Control.DOWN, Control.FLAG, Control.WHY, Control.SOURCES}
"""Not listed under each answer; they are pressed by name, as `:why` or `:down It closes at six`."""
BACK = "back"
"""The word for the version before."""
_PRESS = re.compile(r":(?P<button>\d+|[a-z]+)(?:\s+(?P<words>.*))?", re.DOTALL)


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
    hints = [f":{number} {button.label}{' …' if button.asks else ''}" for number, button in numbered(answer)]
    if hints:
        parts.append(Text("   ".join(hints), style="cyan dim"))
    return Padding(Group(*parts), (0, 0, 1, 2))


def numbered(answer: Answer) -> list[tuple[int, Button]]:
    """The buttons that a terminal offers, each under the number to type."""
    return list(enumerate((button for button in answer.buttons if button.control not in UNSAID), 1))


class Conversation:
    """Reads lines and answers them until the end of input."""

    def __init__(self, chatbot: ChatBot, console: Console, user: str, channel: str) -> None:
        self._chatbot = chatbot
        self._console = console
        self._user = user
        self._channel = channel
        self._last: TerminalReply | None = None
        self._offered: Answer | None = None
        """The answer whose buttons can be pressed: the last that was not only a word beside another one."""
        self._versions: list[str] = []
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._ready = threading.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        words = "Talk to Parley. /help lists the commands, :1 presses a button, Ctrl-C stops, Ctrl-D leaves."
        self._console.print(Text(words, style="dim"))
        with signals_to(self._interrupted, signal.SIGINT):
            while (line := await self._next()) is not None:
                if line.strip():
                    await self._answer(line.strip())

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
        typed = _PRESS.fullmatch(line)
        if typed is not None:
            press = self._press(typed["button"], typed["words"] or "")
            if press is None:
                words = "Type the number or the name of a button of the last answer, such as :1 or :why."
                self._console.print(Text(words, style="yellow"))
                return
            request = replace(request, text="", press=press)
        reply = TerminalReply(self._console)
        self._last = reply
        await self._chatbot.handle(request, reply)
        if reply.answer is not None and not reply.answer.private:
            self._note(reply.answer, request.press)

    def _note(self, answer: Answer, press: Press | None) -> None:
        """Remember what can be pressed next, and which versions there are."""
        if press is not None and press.control == Control.VERSION:
            answer = replace(answer, turn_id=press.value)
        elif press is not None and press.control == Control.RETRY:
            self._versions = [*(self._versions or [press.turn_id]), answer.turn_id]
        else:
            self._versions = []
        self._offered = answer
        if len(self._versions) > 1:
            place = self._versions.index(answer.turn_id) + 1
            words = f"  version {place} of {len(self._versions)}; :{BACK} shows the one before"
            self._console.print(Text(words, style="cyan dim"))

    def _press(self, typed: str, words: str) -> Press | None:
        answer = self._offered
        if answer is None:
            return None
        if typed == BACK:
            return self._back(answer)
        if typed.isdigit():
            button = dict(numbered(answer)).get(int(typed))
        else:
            button = next((button for button in answer.buttons if button.control == typed), None)
        return Press(answer.turn_id, button.control, words or button.value) if button is not None else None

    def _back(self, answer: Answer) -> Press | None:
        """The version before the one shown; before the first comes the last."""
        if len(self._versions) < 2:
            return None
        place = self._versions.index(answer.turn_id)
        return Press(answer.turn_id, Control.VERSION, self._versions[place - 1])

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
