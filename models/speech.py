"""Speech: a server that writes down what is said, over OpenAI's transcription call."""

from __future__ import annotations

import openai
from openai import AsyncOpenAI

from models.engine import translated_errors

SECONDS = 120.0


class SpeechClient:
    """Asks `url` (which ends before `/v1`): whisper.cpp, speaches, vLLM and others speak this call."""

    def __init__(self, url: str, model: str, api_key: str = "none") -> None:
        self._model = model
        self._client = AsyncOpenAI(
            base_url=url.rstrip("/") + "/v1", api_key=api_key, max_retries=1,
            timeout=openai.Timeout(SECONDS, connect=5.0),
        )  # fmt: skip

    async def transcribe(self, name: str, content: bytes) -> str:
        """The words of a recording. Raises EngineError."""
        with translated_errors():
            said = await self._client.audio.transcriptions.create(model=self._model, file=(name, content))
            return said.text.strip()

    async def aclose(self) -> None:
        await self._client.close()
