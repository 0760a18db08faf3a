"""The score of every trial in the order they ran, and the best so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from .axes import ScoreAxis, score_axis
from .scores import Point, final_score, last_score
from .words import StudyContext, Words, counted

_STATE_WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


class HistoryInfo(NamedTuple):
    """Every trial's score.

    Attributes:
        complete: Complete trials at their final score.
        pruned: Pruned trials at the last score they reported.
        running: Running trials at the last score they reported.
        without_score: Numbers of pruned and failed trials that have no usable score.
        best_so_far: Where the best complete score improved, and the last trial.
        known_good: Complete trials whose configuration was given rather than searched.
        best: The best complete trial; None before one has completed.
        noise: Scores this close to the best may be as good as it; None where that is not known.
        axis: The scores that are shown.
        last_number: Number of the latest trial.
        words: What to write around the figure.
    """

    complete: tuple[Point, ...]
    pruned: tuple[Point, ...]
    running: tuple[Point, ...]
    without_score: tuple[int, ...]
    best_so_far: tuple[Point, ...]
    known_good: tuple[Point, ...]
    best: Point | None
    noise: float | None
    axis: ScoreAxis
    last_number: int
    words: Words

    @property
    def n_beyond(self) -> int:
        """How many scores lie beyond the axis."""
        return sum(self.axis.is_beyond(point.score) for point in (*self.complete, *self.pruned, *self.running))


def noise_of(score: float, n_validation: int) -> float:
    """Two standard errors of a share of right answers, as a share.

    The standard error of a binomial share, with two right and two wrong answers added so that it is not 0 at 100%
    (Agresti and Coull, The American Statistician 52, 1998).

    Args:
        score: Share of right answers, 0..1.
        n_validation: Sequences that were judged.
    """
    n = n_validation + 4
    share = (min(max(score, 0.0), 1.0) * n_validation + 2) / n
    return float(2 * (share * (1 - share) / n) ** 0.5)


def history_info(trials: Sequence[FrozenTrial], context: StudyContext) -> HistoryInfo | str:
    """The history of a study, or a sentence that says why there is none to draw."""
    begun = [trial for trial in trials if trial.state != TrialState.WAITING]
    if not begun:
        return "no trial has begun"
    states = Counter(trial.state for trial in begun)
    counts = ", ".join(f"{states[state]} {word}" for state, word in _STATE_WORDS.items() if states[state])
    complete = tuple(Point(trial.number, score) for trial in begun if (score := final_score(trial)) is not None)
    pruned, running = _last_points(begun, TrialState.PRUNED), _last_points(begun, TrialState.RUNNING)
    points = (*complete, *pruned, *running)
    if not points:
        return f"no trial has a score that can be drawn ({counts})"

    best = max(complete, key=lambda point: context.sign * point.score, default=None)
    noise = noise_of(best.score, context.n_validation) if best and context.percent and context.n_validation else None
    axis = score_axis([point.score for point in (complete if len(complete) >= 3 else points)], context)
    ended = {trial.number for trial in begun if trial.state != TrialState.RUNNING}
    given = {trial.number for trial in begun if "fixed_params" in trial.system_attrs}
    without_score = tuple(sorted(ended - {point.number for point in points}))
    summary = f"{counted(len(begun), 'trial')}: {counts}."
    if best is not None:
        summary = f"Best: {context.score(best.score)} in trial {best.number}. {summary}"
    return HistoryInfo(
        complete=complete,
        pruned=pruned,
        running=running,
        without_score=without_score,
        best_so_far=_best_so_far(complete, begun[-1].number, context.sign),
        known_good=tuple(point for point in complete if point.number in given),
        best=best,
        noise=noise,
        axis=axis,
        last_number=begun[-1].number,
        words=Words(
            f"{context.metric_title} of each trial",
            summary,
            (
                *_noise_notes(complete, best, noise, context),
                *_mark_notes(points, pruned, without_score, axis, context),
            ),
        ),
    )


def _last_points(trials: Sequence[FrozenTrial], state: TrialState) -> tuple[Point, ...]:
    return tuple(
        Point(trial.number, score)
        for trial in trials
        if trial.state == state and final_score(trial) is None and (score := last_score(trial)) is not None
    )


def _best_so_far(complete: Sequence[Point], last_number: int, sign: int) -> tuple[Point, ...]:
    steps: list[Point] = []
    for point in complete:
        if not steps or sign * point.score > sign * steps[-1].score:
            steps.append(point)
    return (*steps, Point(last_number, steps[-1].score)) if steps else ()


def _noise_notes(
    complete: Sequence[Point], best: Point | None, noise: float | None, context: StudyContext
) -> Iterator[str]:
    if best is None:
        yield "No trial has completed yet, so there is no best one."
    elif noise is not None:
        n_close = sum(abs(best.score - point.score) <= noise for point in complete)
        yield (
            f"Differences under about {100 * noise:.1f} points are noise with {context.n_validation} validation "
            f"sequences and one seed (two standard errors, shaded): {n_close} of {len(complete)} complete trials "
            "are that close to the best."
        )


def _mark_notes(
    points: Sequence[Point],
    pruned: Sequence[Point],
    without_score: Sequence[int],
    axis: ScoreAxis,
    context: StudyContext,
) -> Iterator[str]:
    if n_beyond := sum(axis.is_beyond(point.score) for point in points):
        yield f"{counted(n_beyond, 'trial')} {axis.beyond_text(context)}: triangles at the edge."
    if pruned:
        yield "Pruned trials are shown at the score they had when they were stopped."
    if without_score:
        yield (
            f"{counted(len(without_score), 'trial')} without a score (failed, diverged, or over a cap): ticks at the "
            "bottom."
        )
