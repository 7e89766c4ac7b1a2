"""Vectors of the built-in embedding model, and the built-in chat model beside it, over the wire."""

from __future__ import annotations

import asyncio

import numpy as np
import openai
import pytest
import torch
from openai import AsyncOpenAI
from transformers import AutoModel, AutoTokenizer

from models.checkpoints import resolve_embedding
from models.engine import EngineClient, Message, Sampling
from tests.models.conftest import REPOSITORY, Served

TEXTS = [
    "How do I install a package?",
    "Use apt to install software.",
    "The cat sleeps on the sofa.",
    "Ünïcödé 👋 " * 200,
]


def reference(texts: list[str]) -> np.ndarray:
    """One by one, as the model's card says: mean of the last layer over 256 tokens at most, then length 1."""
    folder = resolve_embedding("embedded", REPOSITORY)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    rows = []
    for text in texts:
        encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            mean = model(**encoded).last_hidden_state[0].mean(0)
        rows.append((mean / mean.norm()).numpy())
    return np.stack(rows)


async def test_vectors_are_the_models_own(real_client: AsyncOpenAI) -> None:
    # the client asks for base64 when nothing is said
    answer = await real_client.embeddings.create(model="embedding", input=TEXTS)
    plain = await real_client.embeddings.create(model="embedding", input=TEXTS, encoding_format="float")
    vectors = np.array([row.embedding for row in answer.data])
    assert np.allclose(vectors, np.array([row.embedding for row in plain.data]), atol=1e-6)
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert ((vectors * reference(TEXTS)).sum(1) > 0.99999).all()
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]
    assert [row.index for row in answer.data] == [0, 1, 2, 3]
    assert answer.usage.prompt_tokens > 256


async def test_one_text_and_bad_ones(real_client: AsyncOpenAI) -> None:
    answer = await real_client.embeddings.create(model="embedding", input="One text")
    assert len(answer.data) == 1
    for wrong in ("", [], ["fine", ""], [[1, 2, 3]]):
        with pytest.raises(openai.BadRequestError):
            await real_client.embeddings.create(model="embedding", input=wrong)
    with pytest.raises(openai.NotFoundError):
        await real_client.embeddings.create(model="parley", input="x")


async def test_the_engine_client_talks_to_it(real_worker: Served) -> None:
    async with EngineClient(real_worker.url, real_worker.token) as engine:
        assert await engine.models() == ["parley", "embedding"]
        question = [Message("user", "What is the capital of France? Answer in one sentence.")]
        pieces = [piece async for piece in engine.stream("parley", question, Sampling(temperature=0, max_tokens=20))]
        assert "Paris" in "".join(piece.text for piece in pieces)
        assert (pieces[-1].finish_reason, len((await engine.embed(["a", "b"]))[1])) == ("stop", 384)


async def test_a_chat_goes_on_beside_a_big_import(real_client: AsyncOpenAI) -> None:
    """While hundreds of texts are embedded, a question's vector and an answer come before the end."""
    big = asyncio.create_task(
        real_client.embeddings.create(
            model="embedding", input=[f"Page {number} " + "word " * 100 for number in range(300)]
        )
    )
    await real_client.embeddings.create(model="embedding", input="A question")
    answer = await real_client.chat.completions.create(
        model="parley", messages=[{"role": "user", "content": "Hi"}], max_tokens=3
    )
    assert answer.usage is not None
    assert not big.done()
    await big
