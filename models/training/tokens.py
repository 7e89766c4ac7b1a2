"""Rows to tokens, exactly as the worker makes them: what is trained on is what will be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.dialect import Message
from models.training.dataset import Example, Pair, Prompt, Thumb


@dataclass(slots=True)
class Encoder:
    """By the model's own chat template. Control tokens in the messages are plain text, in answers too: a correction
    cannot hold a turn of somebody else. Rows that are too long are left out, since a cut one would teach to break off.
    """

    tokenizer: Any
    most: int
    ends: frozenset[int]
    too_long: list[str] = field(default_factory=list)

    def prompt(self, prompt: Prompt) -> list[int]:
        return self._template(prompt, asks=True)

    def answer(self, prompt: Prompt, answer: str) -> list[int]:
        """The tokens behind the prompt's, up to and with the one that ends the answer."""
        asked = self.prompt(prompt)
        whole = self._template((*prompt, Message("assistant", answer)), asks=False)
        if whole[: len(asked)] != asked:
            raise ValueError("the model's chat template writes the end of a question otherwise when it is answered")
        said = whole[len(asked) :]
        end = max((at for at, token in enumerate(said) if token in self.ends), default=len(said) - 1)
        return said[: end + 1]

    def sft(self, rows: Iterable[Example]) -> list[dict[str, Any]]:
        """`labels` are -100 where nothing is to be learned."""
        made = []
        for row in rows:
            asked, said = self.prompt(row.prompt), self.answer(row.prompt, row.completion)
            if self._fits(row.id, asked, said):
                made.append({"id": row.id, "input_ids": asked + said, "labels": [-100] * len(asked) + said})
        return made

    def dpo(self, rows: Iterable[Pair]) -> list[dict[str, Any]]:
        made = []
        for row in rows:
            asked = self.prompt(row.prompt)
            chosen, rejected = self.answer(row.prompt, row.chosen), self.answer(row.prompt, row.rejected)
            if self._fits(row.id, asked, chosen, rejected):
                made.append({"id": row.id, "prompt_ids": asked, "chosen_ids": chosen, "rejected_ids": rejected})
        return made

    def kto(self, rows: Iterable[Thumb]) -> list[dict[str, Any]]:
        made = []
        for row in rows:
            asked, said = self.prompt(row.prompt), self.answer(row.prompt, row.completion)
            if self._fits(row.id, asked, said):
                made.append({"id": row.id, "prompt_ids": asked, "completion_ids": said, "label": row.label})
        return made

    def _fits(self, row: str, prompt: Sequence[int], *answers: Sequence[int]) -> bool:
        if len(prompt) + max(map(len, answers)) <= self.most:
            return True
        self.too_long.append(row)
        return False

    def _template(self, messages: Sequence[Message], *, asks: bool) -> list[int]:
        chat = [{"role": message.role, "content": message.content} for message in messages]
        ids = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=asks, return_dict=False, sanitize_control_tokens=True
        )
        return list(ids)
