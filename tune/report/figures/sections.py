"""What stands on a page under one heading, and filling in the pages' templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeVar

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from .palette import DARK, LIGHT, properties
from .sheets import NARROW, WIDE, Medium, Sheet, svg
from .words import StudyContext, Words

WHOLE, HALF, THIRD, QUARTER = "100%", "400px", "300px", "250px"
Info = TypeVar("Info")


class Link(NamedTuple):
    """A cell that leads to another file beside the page, or to a place on it."""

    text: str
    target: str


class Table(NamedTuple):
    """What a figure shows in numbers: for screen readers, for copying, and for whoever prefers them.

    Attributes:
        caption: What it shows.
        head: Column names.
        rows: As many cells each.
        is_open: Whether it is shown at once, and not only to whoever asks for it.
        wraps: Whether long cells are broken into lines.
        is_sortable: Whether its headings sort it.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Link, ...], ...]
    is_open: bool = False
    wraps: bool = False
    is_sortable: bool = False


class Drawing(NamedTuple):
    """A small picture among others, made here: every text in it is escaped."""

    svg: Markup
    caption: str


class DrawingGroup(NamedTuple):
    """Small pictures that belong together, and what they have in common."""

    title: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, eq=False)
class Section:
    """One subject on a page.

    Attributes:
        name: Its anchor; also the name of its files, without an ending, where it has any.
        title: What it shows.
        summary: What to take from it.
        notes: How to read it, and what is not in it; a sentence each.
        figure: A picture; None where there is nothing to draw, which the summary explains, or where it is interactive.
        alt: What is to be seen in the picture, for who cannot see it; the summary where empty.
        tables: The same in numbers.
        narrow: The picture for narrow screens; None where the wide one is to be scrolled there.
        tiles: Pictures that stand beside each other where there is room.
        panels: The interactive figures by their names, as plotly's JSON, which may stand in a script element: it has no
            ``<`` of its own. Names that end in ``-narrow`` replace the others on narrow screens.
        drawings: Small pictures.
        legend: What their colours mean; made here, every text in it is escaped.
        least_width: Of a panel or a tile; as many as fit stand side by side.
        control: ``every-score`` or ``n-best`` where the reader may change what is shown.
        n_lines: Of which ``n-best`` shows some.
        scale_ends: What the colours mean, from one end to the other.
        key: What the marks mean.
        heading: A shorter title for the list of sections; empty where the title is short.
        files: Names of those that are written beside the page: the picture, the numbers.
        sections: What it is made of, each under a heading of its own.
    """

    name: str
    title: str
    summary: str
    notes: tuple[str, ...] = ()
    figure: Figure | None = None
    alt: str = ""
    tables: tuple[Table, ...] = ()
    narrow: Figure | None = None
    tiles: tuple[Figure, ...] = ()
    panels: dict[str, str] = field(default_factory=dict)
    drawings: tuple[DrawingGroup, ...] = ()
    legend: Markup | None = None
    least_width: str = WHOLE
    control: str = ""
    n_lines: int = 0
    scale_ends: tuple[str, ...] = ()
    key: str = ""
    heading: str = ""
    files: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def shown_panels(self) -> list[str]:
        """Names of the interactive figures, in the order they are shown."""
        return [name for name in self.panels if not name.endswith("-narrow")]

    @property
    def has_content(self) -> bool:
        """Whether there is more than a sentence that says why there is not."""
        return bool(self.figure or self.tiles or self.panels or self.tables or self.drawings)

    @property
    def pictures(self) -> Iterator[tuple[str, Markup]]:
        """The picture for wide and for narrow screens or the tiles, each with its class of CSS."""
        for kind, figure in (("wide" if self.narrow else "", self.figure), ("narrow", self.narrow)):
            if figure is not None:
                yield kind, svg(figure, f"{self.name}-{kind}" if kind else self.name, self.title, self.alt)
        for index, figure in enumerate(self.tiles):
            yield "tile", svg(figure, f"{self.name}-{index}", self.title, self.alt)


def section(name: str, words: Words, **content: Any) -> Section:
    """A section with the words of a figure."""
    return Section(name, words.title, words.summary, words.notes, **content)


def not_drawn(name: str, title: str, why: str) -> Section:
    """A section that says why there is nothing to see."""
    return Section(name, title, f"{title}: {why}.")


def gathered(sections: Sequence[Section]) -> list[Section]:
    """Those with something to see and, after them, one that says of all others why there is nothing."""
    shown = [one for one in sections if one.has_content]
    missing = tuple(one.summary for one in sections if not one.has_content)
    return [*shown, Section("missing", "Not drawn", "What is not known is not drawn.", missing)] if missing else shown


def on_page(draw: Callable[[Info, StudyContext, Medium], Sheet], info: Info, context: StudyContext) -> dict[str, Any]:
    """The picture for wide and for narrow screens, as fields of a section."""
    return {"figure": draw(info, context, WIDE).figure, "narrow": draw(info, context, NARROW).figure}


def rendered(template: str, sections: Sequence[Section], **words: Any) -> str:
    """A page as HTML, with plotly.js (MIT licence) in it where it is needed; nothing is loaded from anywhere.

    Args:
        template: Its name; extends ``base.html``.
        sections: What the page shows, in order.
        words: What else the template asks for; everything is escaped.
    """
    panels = {name: drawn for one in sections for name, drawn in one.panels.items()}
    page = _environment().get_template(template)
    return page.render(
        sections=sections,
        panels=panels,
        has_sortable=any(table.is_sortable for one in sections for table in one.tables),
        light=properties(LIGHT),
        dark=properties(DARK),
        plotly_js=_plotly_js() if panels else "",
        **words,
    )


@cache
def _environment() -> jinja2.Environment:
    """Compiles a template once a process: that takes longer than to fill it."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("tune.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _plotly_js() -> Markup:
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
