"""Which of a few configurations is the best, told by training each again with the same fresh seeds.

Seeds are shared: a seed that is kind to one configuration is often kind to the others, and the difference of two
configurations with the same seed scatters less than either. Nothing here knows where a score comes from, so that
simulated studies can be run through the very rules of real ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

import numpy as np
from scipy.special import stdtrit

from ..evaluation.evaluate import CONFIDENCE
from ..study.selection import NOT_FINITE as NOT_FINITE

# Of a dozen looks at equals, one in ten would come out at 95%.
CLEAR = 0.99
CLEARLY_WORSE, NO_TIME = "clearly worse", "no time left"

Runs = Mapping[tuple[int, int], float | None]


@dataclass(frozen=True)
class Candidate:
    """A configuration to be trained again.

    Attributes:
        trial: Its number in the search.
        origin: ``search`` or ``known-good``.
        search_score: What it scored there; None where it was not trained to the end.
        cost: What a run of it costs.
    """

    trial: int
    origin: str
    search_score: float | None
    cost: float


@dataclass(frozen=True)
class Standing:
    """How the race stands.

    Attributes:
        missing: Runs, as trial and repetition, that come next; empty when it is decided.
        dropped: For each configuration that is out, how many seeds it had, and why.
        cut_short: Whether time was too short for all seeds.
    """

    missing: tuple[tuple[int, int], ...]
    dropped: dict[int, tuple[int, str]]
    cut_short: bool = False


@dataclass(frozen=True)
class Difference:
    """Between two configurations, over the seeds that both had.

    Attributes:
        mean: Of the first's scores minus the second's.
        interval: Of it, by default with 95% confidence; None where there is nothing to estimate it from.
    """

    mean: float
    interval: tuple[float, float] | None

    @property
    def distinguishable(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def standing(
    candidates: Sequence[Candidate],
    runs: Runs,
    n_seeds: int,
    *,
    maximize: bool,
    limit: float | None = None,
) -> Standing:
    """What the runs so far decide, and which come next; depends on nothing but its arguments.

    Without a limit every configuration is run with every seed. With one, a seed is given to all that are left before
    the next is begun; those that are clearly worse are out, and when the limit is too low for all, the last ones.
    Nobody is passed over for what is cheaper: where the first in line costs too much, nothing is run at all.

    Args:
        candidates: The most promising first.
        runs: Score of each finished run, by trial and repetition; None where it did not come to one.
        n_seeds: That each configuration is to have.
        maximize: Whether a higher score is better.
        limit: What the runs may cost; None for as much as it takes.
    """
    if limit is None:
        out = {one.trial: _n_scores(runs, one.trial) for one in candidates if went_wrong(runs, one.trial)}
        wanted = [(one.trial, k) for k in range(n_seeds) for one in candidates if one.trial not in out]
        missing = tuple(run for run in wanted if run not in runs)
        return Standing(missing, {trial: (n, NOT_FINITE) for trial, n in out.items()})
    left, active, dropped = limit, list(candidates), dict[int, tuple[int, str]]()
    for repetition in range(n_seeds):
        if repetition:
            active.sort(key=lambda one: _rank(_mean(runs, one.trial, repetition), maximize))
        n_fitting = sum(total <= left for total in accumulate(one.cost for one in active))
        fitting = active[:n_fitting]
        if not fitting or (len(fitting) == 1 < len(active) and repetition):
            return Standing((), dropped, cut_short=True)
        dropped |= {one.trial: (repetition, NO_TIME) for one in active if one not in fitting}
        left -= sum(one.cost for one in fitting)
        missing = tuple((one.trial, repetition) for one in fitting if (one.trial, repetition) not in runs)
        if missing:
            return Standing(missing, dropped)
        # Later runs are there when this is worked out again, and must not change what was decided without them.
        so_far = {run: score for run, score in runs.items() if run[1] <= repetition}
        dropped |= {one.trial: (repetition, NOT_FINITE) for one in fitting if went_wrong(so_far, one.trial)}
        active = [one for one in fitting if one.trial not in dropped]
        worse = clearly_worse(so_far, [one.trial for one in active], maximize=maximize)
        dropped |= {trial: (repetition + 1, CLEARLY_WORSE) for trial in worse}
        active = [one for one in active if one.trial not in dropped]
        if not active:
            break
    return Standing((), dropped, cut_short=any(why == NO_TIME for _, why in dropped.values()))


def most_runs(candidates: Sequence[Candidate], n_seeds: int, limit: float | None) -> int:
    """How many runs there can be at most, whoever drops out: all, or as many of the cheapest as the limit allows."""
    costs = sorted(one.cost for one in candidates for _ in range(n_seeds))
    return len(costs) if limit is None else sum(total <= limit for total in accumulate(costs))


def ranking(candidates: Sequence[Candidate], runs: Runs, out: Mapping[int, object], *, maximize: bool) -> list[int]:
    """Trials that are still in the race, best first, by their mean over the seeds that all of them had."""
    left = [one.trial for one in candidates if one.trial not in out and _n_scores(runs, one.trial)]
    n_common = min((_n_scores(runs, trial) for trial in left), default=0)
    return sorted(left, key=lambda trial: _rank(_mean(runs, trial, n_common), maximize))


def decided(candidates: Sequence[Candidate], runs: Runs, out: Mapping[int, object], *, maximize: bool) -> list[int]:
    """Trials with fresh scores, the one to use first; empty where nothing is confirmed.

    That is the best of the race, unless one before it in line has as good a mean over its own seeds, or over those that
    both had: nothing beats the one to use in the search and with fresh seeds as well. Nothing is confirmed as long as
    the first in line has no score, unless its run went wrong; what was not compared with it is not known to be better.
    """
    line = [one for one in candidates if not went_wrong(runs, one.trial)]
    if not line or (line[0] is candidates[0] and not _n_scores(runs, line[0].trial)):
        return []
    left_out = [one for one in line if one.trial in out]
    order = ranking(line, runs, out, maximize=maximize) + ranking(left_out, runs, {}, maximize=maximize)
    place = {one.trial: k for k, one in enumerate(line)}
    while better := [
        trial for trial in order if place[trial] < place[order[0]] and _is_as_good(runs, trial, order[0], maximize)
    ]:
        order.insert(0, order.pop(order.index(better[0])))
    return order


def clearly_worse(runs: Runs, trials: Sequence[int], *, maximize: bool) -> list[int]:
    """Those of the trials whose difference to the best of them is larger than the seeds explain."""
    if len(trials) < 2:
        return []
    n_common = min(_n_scores(runs, trial) for trial in trials)
    best = min(trials, key=lambda trial: _rank(_mean(runs, trial, n_common), maximize))
    return [trial for trial in trials if trial != best and difference(runs, best, trial, CLEAR).distinguishable]


def difference(runs: Runs, first: int, second: int, confidence: float = CONFIDENCE) -> Difference:
    """Of two trials over the seeds that both had, with an interval from the scatter of all runs.

    A score is taken as the sum of its configuration, its seed and a remainder that scatters alike in all of them
    (two-way analysis of variance), which makes more of few seeds than these two configurations alone could.
    """
    n_common = min(_n_scores(runs, first), _n_scores(runs, second))
    mean = _mean(runs, first, n_common) - _mean(runs, second, n_common)
    variance, degrees = _scatter(runs)
    if degrees < 1 or n_common < 1:
        return Difference(mean, None)
    half_width = float(stdtrit(degrees, (1 + confidence) / 2)) * math.sqrt(2 * variance / n_common)
    return Difference(mean, (mean - half_width, mean + half_width))


def scores_of(runs: Runs, trial: int) -> list[float]:
    """A trial's scores from its first seed on, up to one that is missing."""
    scores: list[float] = []
    while (score := runs.get((trial, len(scores)))) is not None:
        scores.append(score)
    return scores


def _scatter(runs: Runs) -> tuple[float, int]:
    """Variance of what neither configuration nor seed explains, and its degrees of freedom."""
    known = [(trial, repetition, score) for (trial, repetition), score in runs.items() if score is not None]
    trials = sorted({trial for trial, _, _ in known})
    repetitions = sorted({repetition for _, repetition, _ in known})
    design = np.zeros((len(known), len(trials) + len(repetitions)))
    for row, (trial, repetition, _) in enumerate(known):
        design[row, trials.index(trial)] = 1
        design[row, len(trials) + repetitions.index(repetition)] = 1
    observed = np.array([score for _, _, score in known])
    if not len(known):
        return 0.0, 0
    explained, _, rank, _ = np.linalg.lstsq(design, observed, rcond=None)
    degrees = len(known) - int(rank)
    rest = observed - design @ explained
    return (float(rest @ rest) / degrees if degrees else 0.0), degrees


def _n_scores(runs: Runs, trial: int) -> int:
    return len(scores_of(runs, trial))


def went_wrong(runs: Runs, trial: int) -> bool:
    """Whether a run of the trial came to no score."""
    return any(score is None for (one, _), score in runs.items() if one == trial)


def _is_as_good(runs: Runs, first: int, second: int, maximize: bool) -> bool:
    """Whether the first's mean is no worse than the second's: over all of their seeds, or over those that both had."""
    counts = _n_scores(runs, first), _n_scores(runs, second)
    return any(
        _rank(_mean(runs, first, n_first), maximize) <= _rank(_mean(runs, second, n_second), maximize)
        for n_first, n_second in (counts, (min(counts), min(counts)))
    )


def _mean(runs: Runs, trial: int, n_first: int) -> float:
    scores = scores_of(runs, trial)[:n_first]
    return fmean(scores) if scores else math.nan


def _rank(mean: float, maximize: bool) -> float:
    """To sort by; what has no score comes last."""
    return math.inf if math.isnan(mean) else -mean if maximize else mean
