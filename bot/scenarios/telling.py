"""Telling: the prompts of /story for a story, a script, a poem and a role-play, and what guards them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.scenarios.characters import Character
from bot.scenarios.sentences import Once, split
from bot.turn import Step
from models.engine import Message, Sampling

STORYTELLER = "You are a storyteller.{language}"
BEGIN_STORY = "Write a short {genre}story about {theme}.{characters}"
NEXT_STORY = "Continue the story. Write what happens next."
NEXT_AS = "Continue the story. Write what happens next: {direction}"
POET = "You are a poet.{language}"
BEGIN_POEM = "Write a short rhyming {genre}poem about {theme}.{characters}"
NEXT_POEM = "Write another verse of the poem."
PLAYWRIGHT = "You write scenes for the stage. Each line begins with the name of who speaks.{language}"
SCRIPT_ASKED = "Theme: a lost key\nCharacters: ANNA, BEN"
SCRIPT_SHOWN = (
    "*A dark hallway. ANNA searches her bag.*\n\nANNA: I had it a minute ago.\nBEN: You always say that.\n"
    "ANNA: This time I mean it. Look under the mat.\n"
    "BEN: There is no key here. But there is a letter with your name on it."
)
BEGIN_SCRIPT = "Theme: {theme}\n{genre}Characters: {cast}"
NEXT_SCRIPT = "Go on with the scene. {name} speaks first."
IN_ROLE = "Stay in character"
PLAYER = (
    f"You are {{name}}, {{description}}. {{scene}}{IN_ROLE} and answer as {{name}} in two or three sentences."
    "{language}"
)
ENTER = "I come in and look around."
BEFORE = "What happened before: {summary}"
LANGUAGE = " Write in {language}, unless you are asked in another language."

SAMPLING = Sampling(temperature=0.6, top_p=0.9, max_tokens=220, repetition_penalty=1.1)
TAIL = 2_400
"""Characters of the story so far that the model reads again; what came before is in the summary."""
SPEAKERS = ("Mara", "Tom")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be told. `language` is the reader's, "" when it need not be said."""

    theme: str
    form: str = "story"
    genre: str = ""
    characters: str = ""
    language: str = ""

    @property
    def cast(self) -> tuple[str, ...]:
        """The characters' names alone."""
        named = re.split(r",|;|\band\b|&", self.characters)
        names = [re.split(r"\b(?:the|a|an)\b|\(", name)[0].strip() for name in named]
        return tuple(name for name in names if name)[:6] or SPEAKERS


def told(wish: Wish, parts: Sequence[str], direction: str, summary: str, seed: int) -> Step:
    """The next part of what `parts` have told so far, the first one where there are none."""
    language = LANGUAGE.format(language=wish.language) if wish.language else ""
    so_far = tail("\n\n".join(parts))
    before = f"\n{BEFORE.format(summary=summary)}" if summary and len(so_far) < len("\n\n".join(parts)) else ""
    system, begin, go_on = _asked(wish, direction)
    messages = [Message("system", system.format(language=language))]
    if wish.form == "script":
        messages += [Message("user", SCRIPT_ASKED), Message("assistant", SCRIPT_SHOWN)]
        so_far = re.sub(r"\*\*(.+?):\*\* ", r"\1: ", so_far).replace("\n\n", "\n")
    messages.append(Message("user", begin + before))
    if so_far:
        messages += [Message("assistant", so_far), Message("user", go_on)]
    sampling = sampled(seed, 140 if wish.form == "poem" else 160 if wish.form == "script" else SAMPLING.max_tokens)
    said = "\n".join(parts)
    if wish.form == "script":
        return Step(messages, sampling, filter=lambda: Lines(wish.cast, said))
    return Step(messages, sampling, filter=lambda: Once(said, most=16 if wish.form == "poem" else 100))


def _asked(wish: Wish, direction: str) -> tuple[str, str, str]:
    """The system's words, how the whole was asked for, and how the next part is."""
    characters = f" The characters are {wish.characters}." if wish.characters else ""
    genre = f"{wish.genre} " if wish.genre else ""
    match wish.form:
        case "poem":
            begin = BEGIN_POEM.format(theme=wish.theme, genre=genre, characters=characters)
            return POET, begin, f"{NEXT_POEM} {direction}".strip()
        case "script":
            kind = f"Genre: {wish.genre}\n" if wish.genre else ""
            cast = ", ".join(name.upper() for name in wish.cast)
            begin = BEGIN_SCRIPT.format(theme=wish.theme, genre=kind, cast=cast)
            return PLAYWRIGHT, begin, f"{NEXT_SCRIPT.format(name=wish.cast[0].upper())} {direction}".strip()
        case _:
            begin = BEGIN_STORY.format(theme=wish.theme, genre=genre, characters=characters)
            return STORYTELLER, begin, NEXT_AS.format(direction=direction) if direction else NEXT_STORY


def played(
    character: Character, history: Sequence[Message], words: str, summary: str, language: str, seed: int
) -> Step:
    """What `character` says to `words`."""
    scene = f"You are in {character.scene}. " if character.scene else ""
    system = PLAYER.format(
        name=character.name,
        description=character.description,
        scene=scene,
        language=LANGUAGE.format(language=language) if language else "",
    )
    if summary:
        system += f"\n{BEFORE.format(summary=summary)}"
    said = "\n".join(message.content for message in history if message.role == "assistant")
    messages = [Message("system", system), *history, Message("user", words or ENTER)]
    return Step(messages, sampled(seed, 110), filter=lambda: Once(said, most=4))


def sampled(seed: int, most: int) -> Sampling:
    return Sampling(
        SAMPLING.temperature, SAMPLING.top_p, most, seed=seed, repetition_penalty=SAMPLING.repetition_penalty
    )


def tail(text: str, most: int = TAIL) -> str:
    """The end of `text`, from the beginning of a sentence on."""
    if len(text) <= most:
        return text
    end = text[-most:]
    begins = re.search(r"(?<=[.!?”\"])\s+|\n", end)
    return end[begins.end() :] if begins else end


class Lines:
    """A script's filter: directions, and lines by the cast; a made-up name becomes the one whose turn it is."""

    def __init__(self, cast: Sequence[str], said: str = "") -> None:
        self._cast = [name.upper() for name in cast]
        self._said = {_plain(line) for line in said.splitlines()}
        self._held = ""
        self._last = ""

    def feed(self, delta: str) -> str:
        *lines, self._held = (self._held + delta).split("\n")
        return "".join(self._kept(line) for line in lines)

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._kept(held) if held.rstrip().endswith(tuple('.!?…*)"”')) else ""

    def _kept(self, line: str) -> str:
        line = line.strip()
        if not line or _plain(line) in self._said:
            return ""
        speaker, colon, words = line.partition(":")
        if not colon and line[0] in "*([" and not self._last:
            self._said.add(_plain(line))
            return f"*{split(line.strip('*()[] '))[0]}*\n\n"
        if not colon or not words.strip() or len(speaker) > 40 or _plain(words) in self._said:
            return ""
        self._said |= {_plain(line), _plain(words)}
        near = difflib.get_close_matches(speaker.strip("* ").upper(), self._cast, n=1, cutoff=0.7)
        # A small model lets one of them speak on and on; on a stage they take turns.
        self._last = near[0] if near and near[0] != self._last else self._next()
        return f"**{self._last}:** {words.strip('* ')}\n\n"

    def _next(self) -> str:
        place = self._cast.index(self._last) + 1 if self._last in self._cast else 0
        return self._cast[place % len(self._cast)]


def _plain(line: str) -> str:
    return re.sub(r"\W+", " ", line).strip().casefold()
