"""The documents that /support answers from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.running import execute

if TYPE_CHECKING:
    from bot.settings import Settings

OF_SERVER = "Of one Discord server or Slack workspace alone, by its id; those of none are for all of them."

app = typer.Typer()
knowledge_app = typer.Typer(no_args_is_help=True, help="The documents that /support answers from.")
app.add_typer(knowledge_app, name="knowledge")


@knowledge_app.command("add")
def knowledge_add(
    paths: Annotated[list[Path], typer.Argument(help="Markdown, text, HTML or PDF files, or folders of them.")],
    server: Annotated[str, typer.Option(help=OF_SERVER)] = "",
) -> None:
    """Take documents in, in place of what they were before; the same content is taken once."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import add_documents

        return await add_documents(settings, paths, Console(stderr=True), server)

    execute(main, quiet=True)


@knowledge_app.command("list")
def knowledge_list(server: Annotated[str, typer.Option(help=OF_SERVER)] = "") -> None:
    """List the documents."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import list_documents

        return await list_documents(settings, Console(), server)

    execute(main, quiet=True)


@knowledge_app.command("gaps")
def knowledge_gaps() -> None:
    """List the questions that no document answered."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import list_gaps

        return await list_gaps(settings, Console())

    execute(main, quiet=True)


@knowledge_app.command("reindex")
def knowledge_reindex(server: Annotated[str, typer.Option(help=OF_SERVER)] = "") -> None:
    """Encode what was read with another EMBEDDING_MODEL anew."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import reindex_documents

        return await reindex_documents(settings, Console(stderr=True), server)

    execute(main, quiet=True)


@knowledge_app.command("remove")
def knowledge_remove(
    path: Annotated[str, typer.Argument(help="A document's path, as `knowledge list` shows it, or a folder.")],
    server: Annotated[str, typer.Option(help=OF_SERVER)] = "",
) -> None:
    """Remove a document, or all below a folder."""

    async def main(settings: Settings) -> int:
        from adapters.console.knowledge import remove_document

        return await remove_document(settings, path, server)

    execute(main, quiet=True)
