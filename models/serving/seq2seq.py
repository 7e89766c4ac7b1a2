"""Encoder-decoder models (T5, Marian, M2M100, NLLB): requests that come together are rewritten together.

Every group runs transformers' own `generate`, one step a turn, so that rules and beam search are the model's own. Each
row draws with its own sampler, as in a lane, and its text is streamed; a search tells its text at the end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from models.dialect import Message, Piece, Sampling
from models.serving.detokenizing import Detokenizer
from models.serving.language_codes import Languages
from models.serving.lora import AdapterWeights
from models.serving.passes import is_shortage
from models.serving.resident import Answering, Counts, Failure, Outcome, Status
from models.serving.sampling import BrokenLogits, Sampler
from models.serving.stepping import Stepped
from models.serving.waiting import Waiting


@dataclass(eq=False, kw_only=True)
class Rewriting(Answering):
    """A request; `beams` rows are computed for it, and `first` is the token its answer must begin with."""

    beams: int
    first: int | None

    @property
    def kind(self) -> tuple[int, int | None, int]:
        """What must be equal in a group; a search also depends on where it has to end."""
        return self.beams, self.first, self.most if self.beams > 1 else 0

    def take(self, token: int, ends: frozenset[int]) -> Piece:
        # the language's own mark is no part of the text, though not every tokenizer knows it as a special one
        if self.answer or token != self.first:
            return super().take(token, ends)
        self.answer.append(token)
        return self.finish("length") if self.most == 1 else Piece()

    @property
    def cost(self) -> int:
        """Tokens of cache it may come to need."""
        return self.beams * self.room


@dataclass(eq=False)
class _Group:
    members: list[Rewriting]
    stepped: Stepped = field(init=False)

    @property
    def rows(self) -> int:
        return sum(each.beams for each in self.members)


class Seq2SeqLane:
    """One encoder-decoder model, as in `Resident`. At most `slots` rows and `budget` tokens are under way."""

    searches = True

    def __init__(self, tokenizer: Any, model: Any, *, context: int, slots: int, budget: int, most_waiting: int) -> None:
        self.context = context
        self.counts = Counts()
        self._tokenizer = tokenizer
        self._model = model
        self._languages = Languages(tokenizer, model.config.model_type)
        self._slots = slots
        self._budget = budget
        self._most_rows = slots
        self._shortages = 0
        self._waiting: Waiting[Rewriting] = Waiting(most_waiting)
        self._groups: list[_Group] = []
        self._lock = threading.Lock()
        self._encoding = threading.Lock()
        # at the model, since `generate` takes from there whatever a call leaves open
        self._rules = model.generation_config
        self._rules.update(max_length=None, forced_eos_token_id=None, do_sample=False, return_dict_in_generate=False)
        end = self._rules.eos_token_id
        self._end = end[0] if isinstance(end, list) else end
        self._ends = frozenset(end if isinstance(end, list) else [end])
        pad = self._rules.pad_token_id
        self._pad = self._end if pad is None else pad

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._groups)

    def status(self) -> Status:
        members = [each for group in list(self._groups) for each in group.members if not each.over]
        rows = sum(each.beams for each in members)
        return Status(
            running=len(members), waiting=len(self._waiting), free_slots=self._slots - rows,
            cache_tokens=sum(each.cost for each in members), cache_budget=self._budget, shortages=self._shortages,
        )  # fmt: skip

    def window(self, prompt_tokens: int) -> int:
        # the answer has a context of its own, to which `submit` cuts it
        return prompt_tokens + 2**20 if prompt_tokens <= self.context else self.context

    def encode(self, messages: Sequence[Message], source: str = "", target: str = "") -> list[int]:
        """The tokens of the last thing the user said, which is what is rewritten. Raises ValueError."""
        said = [message.content for message in messages if message.role == "user"]
        if not said:
            raise ValueError("there is no message of a user to rewrite")
        with self._encoding:  # the tokenizer's languages are shared by all threads
            return self._languages.encode(said[-1], source, target)

    def submit(
        self,
        prompt: list[int],
        sampling: Sampling,
        deliver: Callable[[Outcome], None],
        priority: int = 0,
        deadline: float = math.inf,
        adapter: AdapterWeights | None = None,
    ) -> Rewriting:
        """Queue a request. `deliver` is called from the runner's thread. Raises QueueFull."""
        assert adapter is None, "adapters are for causal models"
        most = min(sampling.max_tokens, self.context - 1)
        rewriting = Rewriting(
            prompt=prompt, most=most, priority=priority, deadline=deadline, sampler=Sampler(sampling, ()),
            text=Detokenizer(self._decode, sampling.stop), deliver=deliver,
            beams=min(sampling.num_beams, self._slots), first=self._languages.first(sampling.target_language),
        )  # fmt: skip
        with self._lock:
            self._waiting.push(rewriting)
        return rewriting

    def cancel(self, answering: Answering) -> None:
        answering.over = True

    def step(self) -> None:
        """One token for everybody. A group that breaks fails its own requests, and no others."""
        now = time.monotonic()
        self.counts.note(now)
        with self._lock:
            late = [each for each in self._waiting if each.deadline <= now]
            late += [each for group in self._groups for each in group.members if each.deadline <= now and not each.over]
            for each in late:
                each.over = True
            self._admit()
        for each in late:
            each.deliver(each.expire())
        for group in list(self._groups):
            if all(each.over for each in group.members):
                group.stepped.close()
                self._groups.remove(group)
                continue
            self._advance(group)

    def _admit(self) -> None:
        """Whoever fits, in groups of one kind; nobody overtakes who waits for room."""
        while (head := self._waiting.first()) is not None and self._fits(head):
            group = _Group([self._waiting.pop()])
            self._groups.append(group)
            while (head := self._waiting.first()) and head.kind == group.members[0].kind and self._fits(head):
                group.members.append(self._waiting.pop())
            self._start(group)

    def _fits(self, wanted: Rewriting) -> bool:
        rows = sum(group.rows for group in self._groups)
        tokens = sum(each.cost for group in self._groups for each in group.members)
        # one alone is always tried: it was checked against the context
        return rows == 0 or (rows + wanted.beams <= self._most_rows and tokens + wanted.cost <= self._budget)

    def _start(self, group: _Group) -> None:
        group.stepped = Stepped(lambda pause: self._generate(group.members, pause))

    def _advance(self, group: _Group) -> None:
        self.counts.steps += 1
        try:
            over = group.stepped.advance()
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            self._groups.remove(group)
            if is_shortage(error):
                self._split(group)
            else:
                for each in group.members:
                    self._fail(each, f"{type(error).__name__}: {error}")
            return
        if over:
            self._groups.remove(group)

    def _split(self, group: _Group) -> None:
        """There was no memory for the group: its halves one after the other, as far as nobody has heard anything."""
        self._shortages += 1
        self._most_rows = max(1, group.rows // 2)
        fresh = [each for each in group.members if not each.over and not each.answer]
        for each in group.members:
            if each not in fresh or len(group.members) == 1:
                self._fail(each, "out of memory", busy=True)
        if len(group.members) > 1:
            half = len(fresh) // 2
            for members in (fresh[:half], fresh[half:]):
                if members:
                    self._groups.append(_Group(members))
                    self._start(self._groups[-1])

    @torch.inference_mode()
    def _generate(self, members: list[Rewriting], pause: Callable[[], None]) -> None:
        """Within the group's own thread, while the runner's waits."""
        beams, first, _ = members[0].kind
        longest = max(len(each.prompt) for each in members)
        ids = torch.full((len(members), longest), self._pad)
        seen = torch.zeros((len(members), longest), dtype=torch.long)
        for row, each in enumerate(members):
            ids[row, : len(each.prompt)] = torch.tensor(each.prompt)
            seen[row, : len(each.prompt)] = 1
        rules = deepcopy(self._rules)
        rules.update(num_beams=beams, max_new_tokens=max(each.most for each in members))
        if first is not None:
            rules.forced_bos_token_id = first
        gate = _Search(pause) if beams > 1 else _Draw(pause, lambda scores: self._draw(members, scores))
        found = self._model.generate(
            input_ids=ids.to(self._model.device), attention_mask=seen.to(self._model.device),
            generation_config=rules, logits_processor=LogitsProcessorList([gate]),
        )  # fmt: skip
        self.counts.read += sum(len(each.prompt) for each in members)
        if beams > 1:
            for each, tokens in zip(members, found[:, 1:].tolist(), strict=True):
                self._tell(each, tokens)

    def _draw(self, members: list[Rewriting], scores: Tensor) -> list[int]:
        """The next token of every row; one that is over says nothing but its end."""
        logits = scores.to(device="cpu", dtype=torch.float32)
        tokens = []
        for each, row in zip(members, logits, strict=True):
            token = self._end
            if not each.over:
                try:
                    token = each.sampler.draw(row)
                except BrokenLogits:
                    self._fail(each, "the model's output holds no number")
                else:
                    self._say(each, token)
            tokens.append(self._end if each.over else token)
        return tokens

    def _say(self, rewriting: Rewriting, token: int) -> Piece:
        piece = rewriting.take(token, self._ends)
        self.counts.written += 1
        rewriting.over = piece.finish_reason is not None
        if piece.text or rewriting.over:
            rewriting.deliver(piece)
        return piece

    def _tell(self, rewriting: Rewriting, tokens: Sequence[int]) -> None:
        for token in tokens:
            if rewriting.over:
                return
            self._say(rewriting, token)
        if not rewriting.over:
            rewriting.over = True
            rewriting.deliver(rewriting.finish("stop"))

    def _fail(self, rewriting: Rewriting, detail: str, *, busy: bool = False) -> None:
        if not rewriting.over:
            self.counts.failed += 1
            rewriting.over = True
            rewriting.deliver(Failure(detail, busy))

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Pauses before each step, and leaves `generate` no choice but the tokens that the rows drew."""

    def __init__(self, pause: Callable[[], None], draw: Callable[[Tensor], list[int]]) -> None:
        self._pause = pause
        self._drawn = draw

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._pause()
        forced = torch.full_like(scores, -torch.inf)
        forced[torch.arange(len(scores)), torch.tensor(self._drawn(scores), device=scores.device)] = 0
        return forced


class _Search(LogitsProcessor):  # type: ignore[misc]
    """Pauses before each step of a search. Raises RuntimeError where there is no number to search by."""

    def __init__(self, pause: Callable[[], None]) -> None:
        self._pause = pause

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._pause()
        if torch.isnan(scores).any():
            raise RuntimeError("the model's output holds no number")
        return scores
