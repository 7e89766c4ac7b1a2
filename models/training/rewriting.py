"""The stage of an encoder-decoder model: rewriting what the person said, as T5's headlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasets import Dataset as Table
from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

from models.serving.language_codes import Languages
from models.training.adversary import Adversary
from models.training.config import Config
from models.training.dataset import Example, Prompt
from models.training.stages import Row, Stage


@dataclass(slots=True)
class Rewrites:
    """Rows to tokens as the worker reads them: the last thing the person said. Too long ones are left out."""

    tokenizer: Any
    model_type: str
    most: int
    too_long: list[str] = field(default_factory=list)

    def prompt(self, prompt: Prompt) -> list[int]:
        said = [message.content for message in prompt if message.role == "user"]
        return list(Languages(self.tokenizer, self.model_type).encode(said[-1], "", ""))

    def sft(self, rows: Iterable[Example]) -> list[Row]:
        made = []
        for row in rows:
            asked = self.prompt(row.prompt)
            said = list(self.tokenizer(text_target=row.completion)["input_ids"])
            if max(len(asked), len(said)) <= self.most:
                made.append({"id": row.id, "input_ids": asked, "labels": said})
            else:
                self.too_long.append(row.id)
        return made


class _Rewriter(Adversary, Seq2SeqTrainer):  # type: ignore[misc]
    pass


def trainer(stage: Stage, config: Config, model: Any, tokenizer: Any, common: dict[str, Any]) -> Any:
    """The trainer of the one stage there is. `common`: the arguments that all share."""
    arguments = Seq2SeqTrainingArguments(**common, predict_with_generate=True)
    made = _Rewriter(
        model=model, args=arguments, train_dataset=_table(stage.rows), processing_class=tokenizer,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
    )  # fmt: skip
    made.fgm = config.fgm
    return made


def _table(rows: Sequence[Row]) -> Table:
    return Table.from_list([{"input_ids": row["input_ids"], "labels": row["labels"]} for row in rows])
