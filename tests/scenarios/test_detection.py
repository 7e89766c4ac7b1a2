"""Detection: sure of what is clear, silent about the rest."""

import subprocess
import sys

import pytest

from bot.scenarios.detection import detect, detect_now


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Good morning", "en"), ("Where is the station?", "en"), ("Bonjour tout le monde, comment allez-vous", "fr"),
        ("Guten Morgen, wie geht es dir", "de"), ("こんにちは", "ja"), ("早上好", "zh"), ("안녕하세요", "ko"),
        ("The deadline is Friday, please send your files to the office.", "en"), ("नमस्ते दुनिया", "hi"),
    ],
)  # fmt: skip
def test_clear_texts_are_sure(text: str, code: str) -> None:
    guess = detect_now(text)
    assert guess is not None
    assert (guess.language.code, guess.sure) == (code, True)


@pytest.mark.parametrize(
    "text", ["Ok", "Hello world", "lol that's crazy", "xkcd bla", "I like cats", "Hola", "The door is open"]
)
def test_short_and_odd_texts_are_not_sure(text: str) -> None:
    guess = detect_now(text)
    assert guess is None or not guess.sure


@pytest.mark.parametrize("text", ["", "123", "🙂🙂", "... !"])
async def test_nothing_to_go_by(text: str) -> None:
    assert await detect(text) is None


def test_the_detector_fits_into_the_bot() -> None:
    """The whole bot may take 200 MB; this is its part, in a process of its own."""
    program = (
        "import psutil; me = psutil.Process(); import bot.scenarios.detection as d; before = me.memory_info().rss;"
        "d.detect_now('Good morning'); print((me.memory_info().rss - before) // 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60
