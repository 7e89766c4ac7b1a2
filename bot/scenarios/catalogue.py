"""The catalogue: every scenario that Parley has, in the order /help lists them."""

from __future__ import annotations

from collections.abc import Callable

from bot.commands import Command
from bot.router import Router
from bot.scenarios.chat import Chat
from bot.scenarios.glossary import GlossaryScenario
from bot.scenarios.help import Help
from bot.scenarios.memory import MemoryScenario, RememberScenario, ResetScenario
from bot.scenarios.privacy import PrivacyScenario
from bot.scenarios.review import ReviewScenario
from bot.scenarios.story import Story
from bot.scenarios.summarize import Summarize
from bot.scenarios.support import Support
from bot.scenarios.translate import Translate
from bot.scenarios.tutor import Tutor
from bot.scenarios.write import Write
from bot.turn import Scenario


def catalogue(address: str = "http://127.0.0.1:8080") -> Router:
    """The router of all of them. `address` is where people's browsers find the page."""
    router = Router(scenarios(lambda: router.commands, address))
    return router


def scenarios(commands: Callable[[], tuple[Command, ...]], address: str) -> tuple[Scenario, ...]:
    """All of them; `commands` gives their commands once they are in the router, for /help."""
    return (
        Chat(), Translate(), Tutor(), Story(), Write(), Support(), Summarize(), GlossaryScenario(),
        MemoryScenario(), RememberScenario(), ResetScenario(), PrivacyScenario(), ReviewScenario(address),
        Help(commands),
    )  # fmt: skip
