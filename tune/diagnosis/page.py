"""A diagnosis on disk: one page that opens without a network, and its pictures and numbers as files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core.files import csv_text, write_bytes, write_text
from ..report.figures.narrow import narrowed
from ..report.figures.sections import Section, Table, rendered
from ..report.figures.sheets import keep_layout, png
from .model import Diagnosed

PAGE_NAME = "diagnosis.html"
MOST_ROWS = 100


def write_diagnosis(diagnosed: Diagnosed, sections: Sequence[Section], folder: Path) -> Path:
    """Writes the page, and a PNG and a CSV for every picture that has them; each file is whole or not there.

    Files of an earlier diagnosis that this one does not make are removed.

    Returns:
        The page.

    Raises:
        OSError: If a file cannot be written.
    """
    made: set[str] = set()

    def with_files(one: Section) -> Section:
        files = []
        if one.figure is not None:
            write_bytes(folder / f"{one.name}.png", png(one.figure))
            keep_layout(one.figure)
            files.append(f"{one.name}.png")
        for table in one.tables:
            write_text(folder / f"{one.name}.csv", csv_text(table.head, table.rows))
            files.append(f"{one.name}.csv")
        made.update(files)
        narrow = one.narrow or (None if one.figure is None else narrowed(one.figure))
        return replace(one, narrow=narrow, files=tuple(files), tables=tuple(map(_shortened, one.tables)))

    shown = [replace(section, sections=tuple(map(with_files, section.sections))) for section in sections]
    n = len(diagnosed.labels)
    about = (
        f"What the {diagnosed.architecture} has learned and where it fails, on {n} sequences of {diagnosed.part_words}"
    )
    words = {"title": diagnosed.title, "subtitle": about, "notes": diagnosed.notes}
    write_text(folder / PAGE_NAME, rendered("diagnosis.html", shown, **words))
    for old in (*folder.glob("*.png"), *folder.glob("*.csv")):
        if old.name not in made:
            old.unlink(missing_ok=True)
    return folder / PAGE_NAME


def _shortened(table: Table) -> Table:
    """As much of a table as the page has room for."""
    if len(table.rows) <= MOST_ROWS:
        return table
    return table._replace(caption=f"{table.caption} (the first {MOST_ROWS})", rows=table.rows[:MOST_ROWS])
