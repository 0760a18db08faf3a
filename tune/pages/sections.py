"""What stands on a page under one heading, and the four figures of a search as such sections."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup
from plotly.graph_objects import Figure

from ..figures import TITLES, ContourInfo, Figures, HistoryInfo, ImportancesInfo, ParallelInfo
from ..figures.words import StudyContext, Words
from .contour import contour_figures
from .history import history_figures
from .importances import importances_figures
from .parallel import parallel_figures
from .tables import Table, best_trials, importances_table

WHOLE, HALF, THIRD, QUARTER = "100%", "400px", "300px", "250px"


class Drawing(NamedTuple):
    """A picture that needs no script.

    Attributes:
        svg: Made here: every text in it is escaped.
        caption: What it shows.
    """

    svg: Markup
    caption: str


class DrawingGroup(NamedTuple):
    """Pictures that belong together, and what they have in common."""

    title: str
    drawings: tuple[Drawing, ...]


class Section(NamedTuple):
    """One subject on the page.

    Attributes:
        name: Its anchor.
        title: What it shows.
        summary: What to take from it.
        notes: How to read it.
        panels: Names of the interactive figures, in the order they are shown.
        tables: The same in numbers.
        drawings: Pictures that need no script.
        legend: What their colours mean; made here, every text in it is escaped.
        least_width: Of a panel; as many as fit stand side by side.
        control: ``every-score`` or ``n-best`` where the reader may change what is shown.
        n_lines: Of which ``n-best`` shows some.
        scale_ends: What the colours mean, from one end to the other.
        key: What the marks mean.
        heading: A shorter title for the list of sections; empty where the title is short.
    """

    name: str
    title: str
    summary: str
    notes: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[DrawingGroup, ...] = ()
    legend: Markup = Markup("")
    least_width: str = WHOLE
    control: str = ""
    n_lines: int = 0
    scale_ends: tuple[str, ...] = ()
    key: str = ""
    heading: str = ""

    @property
    def has_content(self) -> bool:
        """Whether there is more than a sentence that says why there is not."""
        return bool(self.panels or self.tables or self.drawings)

    @property
    def is_half(self) -> bool:
        """Whether two of its panels stand side by side on paper."""
        return self.least_width in (THIRD, QUARTER)


# A section and its interactive figures, by their names.
Drawn = tuple[Section, dict[str, Figure]]
# Sections and the JSON of their interactive figures, by their names.
Written = tuple[list[Section], dict[str, str]]


def figure_sections(figures: Figures, context: StudyContext) -> Written:
    """The figures of a search as sections, and as JSON for plotly.

    Args:
        figures: What to show; a sentence in place of a figure is shown as such.
        context: How to name and write things.
    """
    sections, drawn = [], {}
    for name, info in figures._asdict().items():
        if isinstance(info, str):
            sections.append(not_drawn(name, TITLES[name], info))
            continue
        panels = _figures(info, context)
        # Plotly's JSON may stand in a script element: it has no < of its own.
        drawn.update({panel: figure.to_json() for panel, figure in panels.items()})
        words: Words = info.words
        shown = tuple(panel for panel in panels if not panel.endswith("-narrow"))
        sections.append(_with_details(Section(name, words.title, words.summary, words.notes, shown), info, context))
    return sections, drawn


def not_drawn(name: str, title: str, why: str) -> Section:
    """A section that says why there is nothing to see."""
    return Section(name, title, f"Not drawn: {why}.")


def _figures(
    info: HistoryInfo | ImportancesInfo | ParallelInfo | ContourInfo, context: StudyContext
) -> dict[str, Figure]:
    if isinstance(info, HistoryInfo):
        return history_figures(info, context)
    if isinstance(info, ImportancesInfo):
        return importances_figures(info)
    return parallel_figures(info) if isinstance(info, ParallelInfo) else contour_figures(info, context)


def _with_details(
    section: Section, info: HistoryInfo | ImportancesInfo | ParallelInfo | ContourInfo, context: StudyContext
) -> Section:
    if isinstance(info, HistoryInfo):
        return section._replace(control="every-score" if info.n_beyond else "")
    if isinstance(info, ImportancesInfo):
        return section._replace(tables=(importances_table(info),), least_width=HALF)
    if isinstance(info, ParallelInfo):
        n_lines = len(info.lines)
        control = "n-best" if n_lines > 1 else ""
        return section._replace(tables=(best_trials(info),), control=control, n_lines=n_lines)
    key = "● complete   × pruned   ★ best"
    return section._replace(least_width=THIRD, scale_ends=_scale_ends(info, context), key=key)


def _scale_ends(info: ContourInfo, context: StudyContext) -> tuple[str, ...]:
    """The scores at the ends of the colours, from the worse to the better."""
    low, high = info.score_axis.low, info.score_axis.high
    ends = (max(low, 0.0), min(high, 1.0)) if context.percent else (low, high)
    return tuple(context.score(end) for end in ends[:: context.sign])
