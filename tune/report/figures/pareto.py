"""Two objectives against each other: what nobody beats in both, and the knee of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import NullLocator

from ...study.pareto_front import Candidate, front_of, knee_of
from .axes import ScoreAxis, Tick, cost_ticks, score_axis
from .palette import LIGHT, crowding
from .sections import Section, Table, on_page, section
from .sheets import PICTURE, Medium, Sheet, gridded, labelled, legend, set_ticks, sheet
from .words import StudyContext, Words, counted, number_text


@dataclass(frozen=True)
class ParetoInfo:
    """The trials of a study with two objectives.

    Attributes:
        front: Those that no other one equals or beats in both, the cheapest first.
        others: The rest.
        knee: Of the front.
        axis: The scores that are shown.
        cost_title: What the second objective is, with its unit.
        cost_range: The costs that are shown, on a logarithmic axis.
        cost_ticks: Marks on that axis; their places are costs.
        is_whole: Whether costs are whole numbers.
        words: What to write around the figure.
    """

    front: tuple[Candidate, ...]
    others: tuple[Candidate, ...]
    knee: Candidate
    axis: ScoreAxis
    cost_title: str
    cost_range: tuple[float, float]
    cost_ticks: tuple[Tick, ...]
    is_whole: bool
    words: Words

    @property
    def unit(self) -> str:
        """What to write after a cost."""
        return _unit(self.cost_title)

    def cost(self, one: Candidate) -> str:
        """A cost in words."""
        return cost_text(one.cost, is_whole=self.is_whole)


def pareto_info(
    candidates: Sequence[Candidate], n_over: int, cost_title: str, context: StudyContext, *, is_whole: bool
) -> ParetoInfo | str:
    """The front of a study, or a sentence that says why there is none to draw.

    Args:
        candidates: The complete trials that keep to the caps.
        n_over: Trials that were over a cap.
        cost_title: What the second objective is, with its unit.
        context: How to name and write things.
        is_whole: Whether costs are whole numbers.
    """
    if not candidates:
        return "no trial is complete" + (f" ({counted(n_over, 'trial')} over a cap)" if n_over else "")
    front = front_of(candidates, context.sign)
    knee = knee_of(front, context.sign)
    costs = [one.cost for one in candidates]
    low, high = min(costs), max(costs)
    margin = (high / low) ** 0.06 if high > low else 1.5
    ends = (low / margin, high * margin)
    # All of the front is shown, however bad its cheapest trial is.
    axis = score_axis([front[0].score, front[-1].score], context)
    return ParetoInfo(
        front=tuple(front),
        others=tuple(one for one in candidates if one not in front),
        knee=knee,
        axis=axis,
        cost_title=cost_title,
        cost_range=ends,
        cost_ticks=cost_ticks(*ends),
        is_whole=is_whole,
        words=Words(
            f"{context.metric_title} against {cost_title}",
            f"Knee: trial {knee.number}, {context.score(knee.score)} with {cost_text(knee.cost, is_whole=is_whole)} "
            f"{_unit(cost_title)}. {counted(len(front), 'trial')} on the front, of {len(candidates)} complete.",
            tuple(_notes(candidates, front, knee, n_over, axis)),
        ),
    )


def cost_text(cost: float, *, is_whole: bool) -> str:
    """A cost in words: whole numbers with all their digits, milliseconds with three."""
    return f"{cost:,.0f}" if is_whole else number_text(float(f"{cost:.3g}"))


def _unit(cost_title: str) -> str:
    return "ms" if cost_title.endswith("(ms)") else cost_title


def _notes(
    candidates: Sequence[Candidate],
    front: Sequence[Candidate],
    knee: Candidate,
    n_over: int,
    axis: ScoreAxis,
) -> Iterator[str]:
    yield "On the front, more of one objective costs some of the other; any other trial is equalled or beaten in both."
    if knee == front[-1]:
        yield "No trial on the front lies above the line between its ends: the best score is taken for the knee."
    else:
        yield "The knee is the trial on the front that lies farthest above the line between its ends (Das 1999)."
    if n_beyond := sum(axis.is_beyond(one.score) for one in candidates):
        yield f"{counted(n_beyond, 'trial')} with a score beyond the axis: at its edge."
    if n_over:
        yield f"{counted(n_over, 'trial')} over a cap: not trained, and not shown."


def draw_pareto(info: ParetoInfo, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """Every complete trial by its cost and its score, and the front as a line of steps."""
    drawn = sheet(info.words, context, 3.8 if medium.is_narrow else 4.9, medium)
    left = 0.6 if medium.is_narrow else 0.95
    axes = drawn.axes(left, drawn.bottom + 0.55, drawn.width - 0.35, drawn.top - 0.4)
    axes.set_xscale("log")
    axes.set_xlim(*info.cost_range)
    axes.set_ylim(info.axis.low, info.axis.high)
    labelled(axes, info.cost_title)
    axes.xaxis.set_minor_locator(NullLocator())
    set_ticks(axes, info.cost_ticks[:: 2 if medium.is_narrow else 1], info.axis.ticks)
    gridded(axes)

    def places(ones: Sequence[Candidate]) -> tuple[list[float], list[float]]:
        return [one.cost for one in ones], [min(max(one.score, info.axis.low), info.axis.high) for one in ones]

    shared: dict[str, Any] = {"zorder": 3, "clip_on": False, "edgecolors": LIGHT.paper, "linewidths": 0.6}
    if info.others:
        size = crowding(len(info.others), 90)
        axes.scatter(*places(info.others), s=28 * size, color=LIGHT.pruned, label="beaten", **shared)
    # What the front allows at a cost is what its last trial below that cost reached.
    axes.plot(*places(info.front), drawstyle="steps-post", color=LIGHT.complete, linewidth=1.4, label="front")
    axes.scatter(*places(info.front), s=52, color=LIGHT.complete, **shared)
    axes.scatter(*places([info.knee]), s=230, color=LIGHT.best, marker="*", label="knee", **shared)
    # Where it would be cheaper and better there is nothing, or it would be the front.
    is_left = info.knee.cost < (info.cost_range[0] ** 3 * info.cost_range[1]) ** 0.25
    axes.annotate(
        f"{context.score(info.knee.score)}, {info.cost(info.knee)} {info.unit}",
        (info.knee.cost, info.knee.score),
        xytext=(0 if is_left else -12, 12 if context.sign > 0 else -20),
        textcoords="offset points",
        ha="left" if is_left else "right",
        color=LIGHT.best,
        weight="bold",
    )
    legend(drawn, axes)
    return drawn


def pareto_section(info: ParetoInfo, context: StudyContext) -> Section:
    """The same for the page, and the front in numbers, the cheapest first."""
    rows = tuple(
        (str(one.number), info.cost(one), context.score(one.score), "the knee" if one == info.knee else "")
        for one in info.front
    )
    table = Table("The front", ("trial", info.cost_title, context.metric, ""), rows)
    return section("pareto", info.words, tables=(table,), heading="Front", **on_page(draw_pareto, info, context))
