"""Frames: the HTML that the browser gets, made from the templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from markupsafe import Markup

HERE = Path(__file__).parent


class Frames:
    """Pages by the names of their templates."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.globals["icon"] = icon

    def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        text = self._templates.get_template(template).render(values)
        return web.Response(text=text, status=status, content_type="text/html")


def icon(name: str) -> Markup:
    """The icon `name` of templates/icons.html, for the eye only."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


def to(path: str) -> web.Response:
    """Go on at `path`, with a cookie in the luggage."""
    return web.Response(status=303, headers={"Location": path})


def from_elsewhere(request: web.Request) -> bool:
    """Whether the reader follows a link of another site, which strict cookies do not come along with."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"
