"""HTML into blocks: the page's own text and code, without navigation and hidden parts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import bs4
from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from bot.knowledge.document import Block, Document, Outline, document, unnumbered

NEVER_TEXT = frozenset(
    "script style noscript template svg canvas iframe object embed audio video button select option input textarea "
    "nav dialog head math".split()
)
INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite data del dfn em font i img ins label mark q ruby s small span strike strong sub "
    "sup time u var wbr code kbd samp tt td th".split()
)
CODE = frozenset("code kbd samp tt".split())
CHROME = re.compile(
    r"(^|[-_])((doc|top|bottom|side|main|page|site)?(nav|menu)|navbar|navigation|breadcrumbs?|toc|pagination|pager|banner"
    r"|cookies?|skip|share|social|related|footer|sphinxsidebar|sidebar|header)([-_]|$|bar|wrapper|links?)",
    re.IGNORECASE,
)
PAGING = re.compile(r"^(doc|top|bottom|site|page)?nav(bar|igation|links?)?$|breadcrumb|pagination|pager", re.IGNORECASE)
PAGING_LENGTH = 300
ROLES = frozenset("navigation banner contentinfo search menu menubar dialog alertdialog".split())
BOX = re.compile(
    r"(^|[-_])(sidebar|admonition|note|tip|warning|caution|important|callout|alert)([-_]|$)", re.IGNORECASE
)
BOX_LEVEL = 7
LINKED_SHARE = 0.5


def read_html(markup: str, path: str, name: str) -> Document:
    """The page as a document; `name` is its title when it states none."""
    soup = _parsed(markup)
    return document(unnumbered(_title(soup)) or name, path, _text_of(soup))


def html_blocks(markup: str) -> Iterator[Block]:
    """The blocks of a piece of HTML, as it may stand in Markdown."""
    return _text_of(_parsed(markup))


def _parsed(markup: str) -> BeautifulSoup:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs4.XMLParsedAsHTMLWarning)  # XHTML pages read well as HTML
        warnings.simplefilter("ignore", bs4.MarkupResemblesLocatorWarning)
        return BeautifulSoup(markup, "html.parser")


def _text_of(soup: BeautifulSoup) -> Iterator[Block]:
    root = _root(soup)
    _drop_chrome(root)
    return _blocks(root)


def _title(soup: BeautifulSoup) -> str:
    for tag in (soup.title, soup.h1):
        if tag is not None and tag.get_text(strip=True):
            return " ".join(tag.get_text(" ").split())
    return ""


def _root(soup: BeautifulSoup) -> Tag:
    """The part that the page itself calls its main one, if it does so once and it holds text."""
    for selector in ("main", "[role=main]", "article"):
        found = soup.select(selector)
        if len(found) == 1 and len(found[0].get_text(strip=True)) > 200:
            return found[0]
    return soup.body or soup


def _drop_chrome(root: Tag) -> None:
    doomed = [tag for tag in root.find_all(True) if _is_chrome(tag)]
    for tag in doomed:
        if not tag.decomposed:
            tag.decompose()
    for comment in root.find_all(string=lambda text: isinstance(text, PreformattedString)):
        comment.extract()


def _is_chrome(tag: Tag) -> bool:
    if tag.name in NEVER_TEXT or tag.get("role") in ROLES or _is_hidden(tag):
        return True
    if tag.name == "a":
        return "headerlink" in _marks(tag) or tag.get_text(strip=True) in {"¶", "#"}
    if tag.name in INLINE or tag.name in {"html", "body", "main", "article"}:
        return False
    if any(PAGING.search(mark) for mark in _marks(tag)) and len(tag.get_text(strip=True)) < PAGING_LENGTH:
        return True
    named = tag.name == "footer" or any(CHROME.search(mark) for mark in _marks(tag))
    return named and _linked_share(tag) >= LINKED_SHARE


def _is_hidden(tag: Tag) -> bool:
    style = str(tag.get("style", "")).replace(" ", "").lower()
    hidden = tag.has_attr("hidden") or tag.get("aria-hidden") == "true"
    return hidden or "display:none" in style or "visibility:hidden" in style


def _marks(tag: Tag) -> list[str]:
    classes = tag.get("class") or ""
    marks = classes.split() if isinstance(classes, str) else [str(mark) for mark in classes]
    return [*marks, str(tag.get("id", ""))]


def _linked_share(tag: Tag) -> float:
    """How much of the text is links; 1 for an element without text."""
    whole = len(tag.get_text(strip=True))
    linked = sum(len(link.get_text(strip=True)) for link in tag.find_all("a", href=True))
    return linked / whole if whole else 1.0


class _Walk:
    """Collects inline text until a block element begins or ends."""

    def __init__(self) -> None:
        self.outline = Outline()
        self.pieces: list[str] = []

    def flush(self) -> Iterator[Block]:
        text = " ".join("".join(self.pieces).split()).strip(" |")
        if text == "-":
            return  # the bullet waits for the paragraph inside its item
        self.pieces.clear()
        if text:
            yield Block("prose", text, self.outline.path)

    def heading(self, tag: Tag, level: int) -> Iterator[Block]:
        text = unnumbered(tag.get_text(" ", strip=True))
        if text:
            self.outline.enter(level, text)
            yield Block("heading", text, self.outline.path)


def _blocks(root: Tag) -> Iterator[Block]:
    # An explicit stack: hostile nesting must not end in a RecursionError.
    walk = _Walk()
    todo: list[PageElement | tuple[Tag, list[tuple[int, str]]]] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            yield from walk.flush()
            if _is_box(node[0]):
                walk.outline.restore(node[1])
        elif isinstance(node, NavigableString):
            walk.pieces.append(str(node))
        elif isinstance(node, Tag):
            if node.name == "pre":
                yield from walk.flush()
                yield Block("code", node.get_text(), walk.outline.path)
            elif level := _heading_level(node):
                yield from walk.flush()
                yield from walk.heading(node, level)
            elif node.name in CODE:
                walk.pieces.append(_code(node.get_text()))
            elif node.name == "br":
                walk.pieces.append("\n")
            else:
                if node.name not in INLINE:
                    yield from walk.flush()
                    todo.append((node, walk.outline.mark()))
                elif node.name in {"td", "th"}:
                    walk.pieces.append(" | ")
                if node.name == "li":
                    walk.pieces.append("- ")
                if node.name == "a" and (address := _address(node)):
                    todo.append(NavigableString(f" ({address})"))
                todo.extend(reversed(node.contents))
    yield from walk.flush()


def _code(text: str) -> str:
    text = " ".join(text.split())
    return f"`{text}`" if text and "`" not in text else text


def _address(link: Tag) -> str:
    """Where a link leads, when that is outside and its text does not say it."""
    address = str(link.get("href", ""))
    shown = link.get_text(strip=True)
    outside = address.startswith(("http://", "https://")) and shown
    return address if outside and shown.rstrip("/") not in address else ""


def _heading_level(tag: Tag) -> int:
    if re.fullmatch(r"h[1-6]", tag.name):
        return int(tag.name[1])
    if tag.name in {"p", "div", "summary", "legend"} and any("title" in mark.lower() for mark in _marks(tag)):
        holder = tag.find_parent(_is_box)
        if holder is not None and not tag.find(["p", "div"]):
            return BOX_LEVEL
    return 0


def _is_box(tag: Tag) -> bool:
    return tag.name in {"aside", "details"} or any(BOX.search(mark) for mark in _marks(tag))
