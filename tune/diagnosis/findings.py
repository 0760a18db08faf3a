"""What a diagnosis says: pictures with words and numbers, in sections."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from ..pages.tables import Table

__all__ = ["Picture", "Section", "Table"]


@dataclass(frozen=True, eq=False)
class Picture:
    """One thing that is looked at.

    Attributes:
        name: Of its files, without an ending.
        title: What it shows.
        summary: What it means for this network, from its numbers.
        notes: How to read it, and what is not in it; a sentence each.
        figure: The picture; None where there is nothing to draw, which the summary explains.
        alt: What is to be seen in it, for who cannot see it.
        table: The numbers behind it, which are written as CSV too; None where there are none.
    """

    name: str
    title: str
    summary: str
    notes: tuple[str, ...] = ()
    figure: Figure | None = None
    alt: str = ""
    table: Table | None = None


@dataclass(frozen=True, eq=False)
class Section:
    """Pictures about one question.

    Attributes:
        name: Its anchor.
        title: Of the section.
        question: What it answers.
        pictures: In their order.
    """

    name: str
    title: str
    question: str
    pictures: tuple[Picture, ...]
