"""All figures of a study as one interactive page that opens without a network."""

from __future__ import annotations

from typing import NamedTuple

import jinja2
from plotly.offline import get_plotlyjs

from ..figures import TITLES, ContourInfo, Figures, HistoryInfo, ParetoInfo
from ..figures.words import StudyContext, Words
from ..palette import DARK, LIGHT, Palette
from .contour import contour_figures
from .history import history_figures
from .importances import importances_figures
from .parallel import parallel_figures
from .pareto import pareto_figures
from .tables import Table, best_trials, importances_table, pareto_table


class Section(NamedTuple):
    """One figure on the page, which may have several panels.

    Attributes:
        name: Its anchor.
        title: What it shows.
        summary: What to take from it.
        notes: How to read it.
        panels: Names of the panels, in the order they are shown.
        table: The same in numbers; None where there is none.
    """

    name: str
    title: str
    summary: str
    notes: tuple[str, ...]
    panels: tuple[str, ...] = ()
    table: Table | None = None


def page(figures: Figures, context: StudyContext, pareto: ParetoInfo | str | None = None) -> str:
    """The page as HTML, with plotly.js (MIT licence) in it; nothing is loaded from anywhere.

    Args:
        figures: What to show; a sentence in place of a figure is shown as such.
        context: How to name and write things.
        pareto: The front of two objectives; None where there is one objective.
    """
    drawn = {
        "history": {} if isinstance(figures.history, str) else history_figures(figures.history, context),
        "importances": {} if isinstance(figures.importances, str) else importances_figures(figures.importances),
        "parallel": {} if isinstance(figures.parallel, str) else parallel_figures(figures.parallel),
        "contour": {} if isinstance(figures.contour, str) else contour_figures(figures.contour, context),
    }
    tables: dict[str, Table | None] = {
        "importances": None if isinstance(figures.importances, str) else importances_table(figures.importances),
        "parallel": None if isinstance(figures.parallel, str) else best_trials(figures.parallel),
    }
    infos = figures._asdict()
    if pareto is not None:
        # What the study is for comes first.
        infos = {"pareto": pareto, **infos}
        drawn["pareto"] = {} if isinstance(pareto, str) else pareto_figures(pareto, context)
        tables["pareto"] = None if isinstance(pareto, str) else pareto_table(pareto, context)
    sections = []
    for name, info in infos.items():
        if isinstance(info, str):
            sections.append(Section(name, TITLES[name], f"Not drawn: {info}.", ()))
        else:
            panels = tuple(panel for panel in drawn[name] if not panel.endswith("-narrow"))
            words: Words = info.words
            sections.append(Section(name, words.title, words.summary, words.notes, panels, tables.get(name)))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tune"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("plots.html").render(
        context=context,
        sections=sections,
        light=_properties(LIGHT),
        dark=_properties(DARK),
        is_clipped=isinstance(figures.history, HistoryInfo) and figures.history.n_beyond > 0,
        scale_ends=None if isinstance(figures.contour, str) else _scale_ends(figures.contour, context),
        n_lines=0 if isinstance(figures.parallel, str) else len(figures.parallel.lines),
        # Plotly's JSON may stand in a script element: it has no < of its own.
        figures={name: figure.to_json() for panels in drawn.values() for name, figure in panels.items()},
        plotly_js=get_plotlyjs(),
    )


def _scale_ends(info: ContourInfo, context: StudyContext) -> list[str]:
    """The scores at the ends of the colours, from the worse to the better."""
    low, high = info.score_axis.low, info.score_axis.high
    ends = (max(low, 0.0), min(high, 1.0)) if context.percent else (low, high)
    return [context.score(end) for end in ends][:: context.sign]


def _properties(palette: Palette) -> dict[str, str]:
    """The palette as custom properties of CSS, which is where the page's script finds the colours of its figures."""
    colours = palette._asdict()
    scale = colours.pop("scale")
    return {**colours, **{f"scale-{index}": colour for index, colour in enumerate(scale)}}
