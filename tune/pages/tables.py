"""What the figures show, in numbers: for screen readers, for copying, and for whoever prefers them."""

from __future__ import annotations

from typing import NamedTuple

from ..figures.importances import ImportancesInfo, Share
from ..figures.parallel import ParallelInfo
from ..figures.pareto import ParetoInfo
from ..figures.words import StudyContext

_N_BEST = 10


class Link(NamedTuple):
    """A cell that leads to another file beside the page, or to a place on it."""

    text: str
    target: str


class Table(NamedTuple):
    """A small table.

    Attributes:
        caption: What it shows.
        head: Column names.
        rows: As many cells each.
        is_open: Whether it is shown at once, and not only to whoever asks for it.
        wraps: Whether long cells are broken into lines.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Link, ...], ...]
    is_open: bool = False
    wraps: bool = False


def importances_table(info: ImportancesInfo) -> Table:
    """Every hyperparameter's shares."""
    rows = tuple((row.label, _words(row.ped_anova), _words(row.fanova)) for row in info.importances)
    return Table("Importances, and the middle 80% over resamples", ("hyperparameter", "PED-ANOVA", "fANOVA"), rows)


def best_trials(info: ParallelInfo) -> Table:
    """The best trials and their hyperparameters."""
    best = info.lines[: -_N_BEST - 1 : -1]
    head = ("trial", *(column.label for column in info.columns))
    return Table(
        f"The best {len(best)} trials" if len(best) > 1 else "The best trial",
        head,
        tuple((str(line.number), *line.texts) for line in best),
    )


def pareto_table(info: ParetoInfo, context: StudyContext) -> Table:
    """The front in numbers, the cheapest first."""
    return Table(
        "The front",
        ("trial", info.cost_title, context.metric, ""),
        tuple(
            (str(one.number), info.cost(one), context.score(one.score), "the knee" if one == info.knee else "")
            for one in info.front
        ),
    )


def _words(share: Share | None) -> str:
    return "cannot be judged" if share is None else f"{share.mean:.0%} ({share.low:.0%} to {share.high:.0%})"
