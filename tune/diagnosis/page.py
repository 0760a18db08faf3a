"""A diagnosis on disk: one page that opens without a network, and its pictures and numbers as files beside it."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ..files import write_bytes, write_text
from ..palette import DARK, LIGHT, Palette
from . import canvas
from .findings import Picture, Section, Table
from .subject import Subject

PAGE_NAME = "diagnosis.html"
MOST_ROWS = 100


def write_diagnosis(subject: Subject, sections: Sequence[Section], folder: Path) -> Path:
    """Writes the page, and a PNG and a CSV for every picture that has them; each file is whole or not there.

    Files of an earlier diagnosis that this one does not make are removed.

    Args:
        subject: What was looked at.
        sections: What was found.
        folder: Made if it is not there.

    Returns:
        The page.

    Raises:
        OSError: If a file cannot be written.
    """
    drawn, made = {}, set()
    for picture in (picture for section in sections for picture in section.pictures):
        if picture.figure is not None:
            drawn[picture.name] = _labelled(canvas.svg(picture.figure, picture.name), picture)
            write_bytes(folder / f"{picture.name}.png", canvas.png(picture.figure))
            made.add(f"{picture.name}.png")
        if picture.table is not None:
            write_text(folder / f"{picture.name}.csv", csv_text(picture.table))
            made.add(f"{picture.name}.csv")
    path = folder / PAGE_NAME
    write_text(path, page(subject, sections, drawn))
    for old in (*folder.glob("*.png"), *folder.glob("*.csv")):
        if old.name not in made:
            old.unlink(missing_ok=True)
    return path


def page(subject: Subject, sections: Sequence[Section], drawn: dict[str, str]) -> str:
    """The page as HTML; nothing is loaded from anywhere.

    Args:
        subject: What was looked at.
        sections: What was found.
        drawn: The pictures as ``svg`` elements, by name.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tune"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    n = len(subject.labels)
    return environment.get_template("diagnosis.html").render(
        title=subject.title,
        subtitle=f"What the {subject.architecture} has learned and where it fails, on {n} sequences of "
        f"{subject.part_words}",
        notes=subject.notes,
        sections=sections,
        drawn=drawn,
        light=_properties(LIGHT),
        dark=_properties(DARK),
        most_rows=MOST_ROWS,
        footer="Made by ./run_tuning.sh diagnose.",
    )


def csv_text(table: Table) -> str:
    """A table as CSV; its numbers are as on the page."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.head)
    writer.writerows(table.rows)
    return text.getvalue()


def _labelled(svg: str, picture: Picture) -> str:
    """The picture with a description for who cannot see it."""
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(picture.alt or picture.title)}" ', 1)


def _properties(palette: Palette) -> dict[str, str]:
    colours = palette._asdict()
    scale = colours.pop("scale")
    return {**colours, **{f"scale-{index}": colour for index, colour in enumerate(scale)}}
