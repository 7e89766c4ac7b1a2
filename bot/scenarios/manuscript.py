"""The manuscript: a whole story as a Markdown file."""

from __future__ import annotations

import re

from bot.request import one_line
from bot.scenarios.course import Course
from bot.turn import File, Finished, Say


def exported(course: Course) -> Say:
    """The whole of a story as a Markdown file."""
    options = course.options
    theme = one_line(options.get("theme") or options.get("persona") or course.rows[0].question or "Story", 80)
    plays = bool(options.get("persona")) or options.get("form") == "roleplay"
    lines = [f"# {theme[:1].upper()}{theme[1:]}"]
    named = [options[name] for name in ("genre", "form", "characters", "persona") if options.get(name)]
    if named:
        lines.append(f"*{one_line(', '.join(named), 200)}*")
    for row in course.rows:
        if plays and row.question:
            lines.append(f"> {one_line(row.question, 2_000)}")
        lines.append(row.answer.strip())
    name = re.sub(r"[^\w]+", "-", theme.lower()).strip("-")[:40] or "story"
    parts = f"{len(course.rows)} {'part' if len(course.rows) == 1 else 'parts'}"
    file = File(f"{name}.md", "text/markdown", ("\n\n".join(lines) + "\n").encode())
    return Say(Finished(f"Your story as a file: {parts}.", files=(file,)), private=True)
