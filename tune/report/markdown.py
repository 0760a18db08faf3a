"""The report as Markdown, for a pull request."""

from __future__ import annotations

import re

from ..pages.sections import Section
from ..pages.tables import Link, Table
from .content import Content

# Whatever starts markup in GitHub's dialect, HTML and mentions among it.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")
_MOST_ROWS = 25


def as_markdown(report: Content) -> str:
    """The answer, and of every section the sentences and tables."""
    answer = report.answer
    lines = [f"# {escaped(report.title)}", escaped(report.subtitle), f"**{escaped(answer.headline)}**"]
    if answer.key_figures:
        rows = tuple((figure.label, figure.value) for figure in answer.key_figures)
        lines.append(_table(Table("", ("", ""), rows)))
    for point in answer.points:
        lines.append(f"## {escaped(point.question)}")
        lines.append(escaped(" ".join(point.sentences)))
        if point.code:
            lines.append(fenced(point.code))
    for section in report.sections:
        lines += _section(section)
    return "\n\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that stands there as it is: on one line, and nothing in it taken for markup."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "&#64;")
    # These would begin a list.
    return re.sub(r"^(\d*)([-+.)])(?= )", r"\1\\\2", line)


def fenced(code: str) -> str:
    """A command in a block of its own, whatever it contains."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}bash\n{code}\n{fence}"


def _section(section: Section) -> list[str]:
    lines = [f"## {escaped(section.title)}", escaped(section.summary)]
    lines += [_table(table) for table in section.tables if len(table.rows) <= _MOST_ROWS]
    if section.notes:
        lines.append("\n".join(f"- {escaped(note)}" for note in section.notes))
    return lines


def _table(table: Table) -> str:
    rows = [table.head, tuple("---" for _ in table.head), *table.rows]
    written = [
        "| " + " | ".join("---" if index == 1 else _cell(cell) for cell in row) + " |" for index, row in enumerate(rows)
    ]
    caption = [f"{escaped(table.caption)}:", ""] if table.caption else []
    return "\n".join([*caption, *written])


def _cell(cell: str | Link) -> str:
    return escaped(cell) if isinstance(cell, str) else f"[{escaped(cell.text)}]({cell.target})"
