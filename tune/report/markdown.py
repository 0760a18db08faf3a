"""The report as Markdown, for a pull request."""

from __future__ import annotations

from ..core.escaping import escaped, fenced
from .content import Content
from .figures.sections import Link, Section, Table

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
        if point.table:
            lines.append(_table(point.table))
        if point.code:
            lines.append(fenced(point.code))
    for section in report.sections:
        lines += _section(section)
    return "\n\n".join(lines) + "\n"


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
