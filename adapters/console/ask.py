"""`ask`: one turn through the whole core, streamed to stdout."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import TextIO

from bot.chatbot import ChatBot
from bot.reply import Stream
from bot.request import Author, MessageRef, Place, Request
from bot.turn import Answer, Delta, Waiting
from bot.turns import new_id


@dataclass(slots=True)
class AskReply:
    """Writes the answer to `out` as it comes, or one JSON object at its end; what is not the answer to `aside`."""

    out: TextIO
    aside: TextIO
    as_json: bool
    failed: bool = False
    _shown: list[str] = field(default_factory=list)
    _told: str = ""

    async def send(self, turn_id: str, stream: Stream) -> MessageRef:
        async for event in stream:
            match event:
                case Waiting() if not self._shown:
                    self._tell(event.words)
                case Delta() if not self.as_json:
                    self._shown.append(event.text)
                    print(event.text, end="", flush=True, file=self.out)
                case Answer():
                    self._end(event)
        return MessageRef("console")

    async def fail(self, words: str) -> None:
        self.failed = True
        self._tell(words)

    def _tell(self, words: str) -> None:
        """Say something beside the answer, once."""
        if words != self._told:
            self._told = words
            print(words, file=self.aside)

    def _end(self, answer: Answer) -> None:
        self.failed = answer.broken
        if self.as_json:
            if not answer.broken:
                print(json.dumps(as_json(answer), ensure_ascii=False), file=self.out)
        else:
            self._correct(answer.text)
            for source in answer.sources:
                print(f"[{source.number}] {source.title} {source.heading}".rstrip(), file=self.out)
        for note in answer.notes:
            self._tell(note)

    def _correct(self, text: str) -> None:
        """Say what is not yet said and end the line; the whole text again where it does not begin as was streamed."""
        shown = "".join(self._shown)
        if text.startswith(shown):
            if text:
                print(text.removeprefix(shown), file=self.out)
        elif shown.strip() == text.strip():
            print(file=self.out)
        else:
            print(f"\n\n{text}", file=self.out)


def as_json(answer: Answer) -> dict[str, object]:
    """The contract's object."""
    return {
        "turn": answer.turn_id,
        "scenario": answer.scenario,
        "text": answer.text,
        "model": answer.model,
        "adapter": answer.adapter,
        "sources": [asdict(source) for source in answer.sources],
        "action": answer.action,
        "tokens": answer.tokens,
        "ttft": answer.ttft,
        "seconds": round(answer.seconds, 3),
    }


def console_request(text: str, user: str, channel: str) -> Request:
    """A request typed in a terminal. The same user and channel are the same conversation."""
    return Request(id=new_id(), place=Place("console", channel=channel), author=Author(user, name=user), text=text)


async def ask(chatbot: ChatBot, text: str, *, user: str, channel: str, as_json: bool) -> bool:
    """Answer `text` on stdout. True when it was answered."""
    reply = AskReply(sys.stdout, sys.stderr, as_json)
    await chatbot.handle(console_request(text, user, channel), reply)
    return not reply.failed
