"""Encoder-decoder models: each says what transformers' own generate says, alone, together, searching, over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from models.engine import EngineClient, EngineError, Message, Piece, Sampling, UnknownLanguage
from models.serving.loading import Room, load_any
from models.serving.resident import Failure, Outcome
from models.serving.seq2seq import Seq2SeqLane
from models.serving.stepping import Stepped
from tests.models import tiny
from tests.models.conftest import Served
from tests.models.test_lane import CLOSE

TEXTS = ["The quick fox", "The children are singing in the old garden.", "fox dog", "Le chien chante.", "a"]
KINDS = ["t5", "marian", "marian-many", "m2m"]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("seq2seq")
    return {kind: tiny.write_seq2seq(root / kind, kind) for kind in KINDS}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def lane_of(folder: Path, **room: Any) -> Seq2SeqLane:
    lane = load_any(folder, Room(**{"slots": 8, "context": 512, **room}), "cpu")
    assert isinstance(lane, Seq2SeqLane)
    return lane


def run(lane: Seq2SeqLane, texts: list[str], sampling: Sampling) -> list[list[int]]:
    """The answers to all of them at once, as tokens."""
    asked = []
    for text in texts:
        prompt = lane.encode([Message("user", text)], sampling.source_language, sampling.target_language)
        asked.append(lane.submit(prompt, sampling, lambda _: None))
    while lane.busy:
        lane.step()
    return [each.answer for each in asked]


def expected(
    folder: Path, text: str, tokens: int, beams: int, code: str = "", prefix: str = ""
) -> tuple[list[int], Any]:
    """What transformers says, by its own tokenizer's conventions, and its logits."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSeq2SeqLM.from_pretrained(folder)
    forced = None
    if code:
        tokenizer.src_lang = "en"
        forced = tokenizer.get_lang_id(code)
    given = tokenizer(prefix + text, return_tensors="pt")
    found = model.generate(
        input_ids=given.input_ids, attention_mask=given.attention_mask, num_beams=beams, max_new_tokens=tokens,
        do_sample=False, forced_bos_token_id=forced, forced_eos_token_id=None, output_logits=True,
        return_dict_in_generate=True,
    )  # fmt: skip
    return found.sequences[0, 1:].tolist(), found.logits


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_generate_says(folders: dict[str, Path], kind: str, beams: int) -> None:
    languages: dict[str, Any] = {"source_language": "English", "target_language": "French"}
    sampling = Sampling(temperature=0, max_tokens=14, num_beams=beams, **languages)
    prefix = {"t5": "translate English to French: ", "marian-many": ">>fra<< "}.get(kind, "")
    lane = lane_of(folders[kind], slots=2 * beams)
    for text, answer in zip(TEXTS, run(lane, TEXTS, sampling), strict=True):
        wanted, logits = expected(folders[kind], text, 14, beams, "fr" if kind == "m2m" else "", prefix)
        if beams == 1:
            for ours, theirs, row in zip(answer, wanted, logits, strict=False):
                if ours != theirs:
                    best = row[0].topk(2).values
                    assert best[0] - best[1] < CLOSE, f"{answer} is not {wanted}"
                    break
        else:
            assert answer == wanted[: len(answer)]
        assert len(answer) == len(wanted)
    assert lane.status().running == 0


def test_drawn_answers_do_not_depend_on_who_else_asks(folders: dict[str, Path]) -> None:
    lane = lane_of(folders["m2m"])
    sampling = Sampling(temperature=1.0, max_tokens=12, seed=4, target_language="fr")
    together = run(lane, TEXTS, sampling)
    assert together == [run(lane, [text], sampling)[0] for text in TEXTS]
    assert len({tuple(answer) for answer in together}) > 1


def test_two_languages_do_not_mix(folders: dict[str, Path]) -> None:
    lane = lane_of(folders["m2m"])
    code = lane._tokenizer.get_lang_id
    asked = []
    for number in range(6):
        sampling = Sampling(temperature=0, max_tokens=6, target_language=("French", "de")[number % 2])
        asked.append(lane.submit(lane.encode([Message("user", "fox")], "en", "fr"), sampling, lambda _: None))
    while lane.busy:
        lane.step()
    assert [each.answer[0] for each in asked] == [code("fr"), code("de")] * 3


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [("m2m", "", "target_language"), ("m2m", "Klingon", "no language"), ("marian", "German", "en to fr only"),
     ("marian-many", "Japanese", "no language")],
)  # fmt: skip
def test_a_language_it_does_not_know_is_refused(folders: dict[str, Path], kind: str, target: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lane_of(folders[kind]).encode([Message("user", "fox")], "English", target)


def test_cancelled_and_late_requests_leave_at_once(folders: dict[str, Path]) -> None:
    lane, told = lane_of(folders["t5"], slots=2), list[Outcome]()
    prompt = lane.encode([Message("user", "fox")])
    long = Sampling(temperature=0, max_tokens=400)
    first = [lane.submit(prompt, long, told.append) for _ in range(2)]
    late = lane.submit(prompt, long, told.append, deadline=0.0)
    for _ in range(3):
        lane.step()
    assert told.count(Failure("not begun by its deadline", busy=True)) == 1
    assert (late.over, lane.status().free_slots) == (True, 0)
    for each in first:
        lane.cancel(each)
    lane.step()
    assert not lane.busy
    assert lane.status().free_slots == 2


def test_where_memory_runs_out_the_group_is_halved(folders: dict[str, Path]) -> None:
    lane = lane_of(folders["t5"])
    wanted = run(lane, TEXTS, Sampling(temperature=0, max_tokens=8))
    encoder, most = lane._model.encoder.forward, 2

    def narrow(*args: Any, **kwargs: Any) -> Any:
        if len(kwargs["input_ids"]) > most:
            raise torch.OutOfMemoryError
        return encoder(*args, **kwargs)

    lane._model.encoder.forward = narrow
    assert run(lane, TEXTS, Sampling(temperature=0, max_tokens=8)) == wanted
    assert lane.status().shortages > 0
    most, told = 0, list[Outcome]()
    lane.submit(lane.encode([Message("user", "fox")]), Sampling(), told.append)
    while lane.busy:
        lane.step()
    assert told == [Failure("out of memory", busy=True)]


def test_no_number_fails_one_request_only(folders: dict[str, Path]) -> None:
    lane, told = lane_of(folders["t5"]), dict[str, list[Outcome]]()
    with torch.no_grad():
        lane._model.lm_head.weight = torch.nn.Parameter(lane._model.lm_head.weight.clone())
        poison = lane._tokenizer.encode("~")[0]
        lane._model.shared.weight[poison] = float("nan")
    for text in ("fox", "fox ~", "dog"):
        prompt = lane.encode([Message("user", text)])
        lane.submit(prompt, Sampling(temperature=0, max_tokens=6), told.setdefault(text, []).append)
    while lane.busy:
        lane.step()
    assert [type(told[text][-1]) for text in ("fox", "fox ~", "dog")] == [Piece, Failure, Piece]


def test_stepped_work_is_paused_ended_and_broken_off() -> None:
    said: list[int] = []

    def count(pause: Callable[[], None]) -> None:
        for number in range(3):
            said.append(number)
            pause()

    work = Stepped(count)
    assert said == []
    assert [work.advance() for _ in range(4)] == [False, False, False, True]
    assert said == [0, 1, 2]
    broken_off = Stepped(count)
    broken_off.advance()
    broken_off.close()
    assert broken_off.advance()
    failing = Stepped(lambda pause: [][0])  # type: ignore[misc]
    with pytest.raises(IndexError):
        failing.advance()
    unused = Stepped(count)
    unused.close()


@pytest.fixture(scope="session")
def served(serve: Callable[..., Served], folders: dict[str, Path], tiny_checkpoint: Path) -> Served:
    """A worker with a chat model, and a model of its own for each of two scenarios."""
    models = {"parley": tiny_checkpoint, "translate": folders["m2m"], "write": folders["t5"]}
    return serve(*(part for name in models for part in ("--model", f"{name}={models[name]}")), "--embedding", "none")


async def test_a_scenarios_model_is_chosen_by_name_over_the_wire(served: Served, folders: dict[str, Path]) -> None:
    languages: dict[str, Any] = {"source_language": "English", "target_language": "French"}
    sampling = Sampling(temperature=0, max_tokens=10, **languages)
    async with EngineClient(served.url, served.token) as engine:
        assert await engine.models() == ["parley", "translate", "write"]

        async def answer(model: str, text: str, how: Sampling = sampling) -> str:
            prompt = [Message("system", "You are a translator."), Message("user", "no"), Message("assistant", "non")]
            return "".join([p.text async for p in engine.stream(model, [*prompt, Message("user", text)], how)])

        tokenizer = AutoTokenizer.from_pretrained(folders["m2m"])
        for text, said in zip(TEXTS, await asyncio.gather(*(answer("translate", text) for text in TEXTS)), strict=True):
            wanted, _ = expected(folders["m2m"], text, 10, 1, "fr")
            # without the language's mark
            assert said == tokenizer.decode(wanted[1:], skip_special_tokens=True)
        searching = Sampling(temperature=0, max_tokens=10, num_beams=3, **languages)
        wanted, _ = expected(folders["m2m"], TEXTS[1], 10, 3, "fr")
        assert await answer("translate", TEXTS[1], searching) == tokenizer.decode(wanted[1:], skip_special_tokens=True)
        assert await answer("write", "fox")
        # a chat model is told the languages in its messages
        assert await answer("parley", "fox")
        with pytest.raises(UnknownLanguage, match="no language"):
            await answer("translate", "fox", Sampling(target_language="Klingon"))
        with pytest.raises(EngineError, match="cannot search"):
            await answer("parley", "fox", searching)
    async with served.client() as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(
                model="translate", messages=[{"role": "user", "content": "fox " * 200}],
                extra_body={"target_language": "fr"},
            )  # fmt: skip
        assert refused.value.code == "context_length_exceeded"
