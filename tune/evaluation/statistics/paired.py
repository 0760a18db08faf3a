"""Whether two configurations differ, from their predictions of the same sequences with the same seeds.

The test is a paired bootstrap: seeds and units (people; where they are not known recordings, or single sequences) are
both drawn again with replacement, each pair of predictions stays together, and the difference is studentised in every
resample (Efron & Tibshirani 1993, section 16.4), with the error of ``crossed``. Of five seeds alone a bootstrap is too
bold: it calls equal configurations different in 8% of comparisons where seeds are most of the noise. So a difference
must also hold up to Student's t; the larger p value of the two counts. Several pairs are corrected by Holm (1979).
``benchmarks/compare_false_alarms.py`` counts how often equal configurations are called different.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import ndtri, stdtrit

from .crossed import CrossedMean, cells, crossed_mean

LEVEL = 0.05
POWER = 0.8
N_RESAMPLES = 9_999
# A plan for more seeds than that is no plan.
MOST_SEEDS = 1_000


@dataclass(frozen=True)
class Difference:
    """What two configurations differ by.

    Attributes:
        mean: First minus second, with its error.
        interval: 95%, of this pair by itself; None with a single seed or unit.
        p_value: Of this pair by itself; None with a single seed or unit.
        seeds_needed: Seeds with which a difference of this size would be found in four of five comparisons of the same
            units; None if no number of seeds would do, or nothing can be said.
    """

    mean: CrossedMean
    interval: tuple[float, float] | None
    p_value: float | None
    seeds_needed: int | None


def difference(
    first: Float[ndarray, "seeds sequences"],
    second: Float[ndarray, "seeds sequences"],
    units: Int[ndarray, " sequences"],
    *,
    seed: int = 0,
    n_pairs: int = 1,
) -> Difference:
    """Compares two configurations.

    Args:
        first: Predictions of the first: right or not, or a share where several networks judged a sequence.
        second: Of the second, with the same seeds, to the same sequences.
        units: Whom or what each sequence belongs to.
        seed: Draws the resamples.
        n_pairs: Pairs that the same family of tests has; makes ``seeds_needed`` larger.
    """
    table = cells(first - second, units)
    mean = crossed_mean(table)
    by_t = mean.p_value()
    p_value = None if by_t is None else max(by_t, bootstrap_p_value(table, seed=seed))
    return Difference(mean, mean.interval(), p_value, seeds_needed(table, LEVEL / n_pairs))


def difference_of_networks(
    first: Float[ndarray, " sequences"], second: Float[ndarray, " sequences"], units: Int[ndarray, " sequences"]
) -> tuple[float, tuple[float, float]]:
    """The mean difference of two networks' predictions of the same sequences, and its 95% interval.

    How either would have come out with another seed is not in it. Over sequences it is that of Agresti & Min 2005
    ("Simple improved confidence intervals for comparing matched proportions"): half a sequence more in each of the four
    cells, so that networks which agree on twenty sequences are not held to be equal. Where units hold several of them,
    Student's over units, wherever that is wider.

    Args:
        first: Predictions of the first: right or not, or a share where several networks judged a sequence.
        second: Of the second.
        units: Whom or what each sequence belongs to.
    """
    gap = first - second
    mean, n = float(gap.mean()), len(gap) + 2
    centre = float(gap.sum()) / n
    half = float(-ndtri(LEVEL / 2)) * math.sqrt((float((gap**2).sum() + 1) / n - centre**2) / n)
    low, high = centre - half, centre + half
    table = cells(gap[None], units)[0]
    if 1 < len(table) < len(gap):
        half = float(-stdtrit(len(table) - 1, LEVEL / 2) * table.std(ddof=1)) / math.sqrt(len(table))
        low, high = min(low, mean - half), max(high, mean + half)
    return mean, (max(low, -1.0), min(high, 1.0))


def bootstrap_p_value(table: Float[ndarray, "seeds units"], *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> float:
    """Two-sided p value of a table's mean being zero; both seeds and units are drawn again.

    Units with the same predictions are drawn together, as one multinomial count, which is the same and takes no time.
    """
    n_seeds, n_units = table.shape
    columns, times = np.unique(table, axis=1, return_counts=True)
    mean = crossed_mean(table)
    if not mean.error:
        return 1.0 if abs(mean.mean) < 1e-12 else 1 / (n_resamples + 1)
    rng = np.random.default_rng(seed)
    seed_weights = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_resamples) / n_seeds
    unit_weights = rng.multinomial(n_units, times / n_units, n_resamples) / n_units
    by_seed = unit_weights @ columns.T  # [resamples, seeds]
    by_unit = seed_weights @ columns  # [resamples, kinds of unit]
    means = (seed_weights * by_seed).sum(axis=1)
    from_seeds = ((seed_weights * by_seed**2).sum(axis=1) - means**2) / (n_seeds - 1)
    from_units = ((unit_weights * by_unit**2).sum(axis=1) - means**2) / (n_units - 1)
    errors = np.sqrt(np.maximum(from_seeds + from_units, 1e-18))
    found = abs(mean.mean) / mean.error
    n_as_large = int((np.abs(means - mean.mean) / errors >= found - 1e-12).sum())
    return (1 + n_as_large) / (n_resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p values: a pair below ``LEVEL`` is different, with all pairs wrong together in at most that share.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def seeds_needed(table: Float[ndarray, "seeds units"], level: float) -> int | None:
    """Seeds with which a difference as large as the one seen would be found in ``POWER`` of all comparisons.

    The variance is taken apart as in a two-way analysis of variance without repeats: what is of the seeds, what of the
    units, what of both. Only the first and the last fall with further seeds. A difference that is seen by luck is
    larger than the true one, so that this is a lower figure.

    Returns:
        None if further seeds would not do: the units are too few; or if there is no difference, or a single seed.
    """
    n_seeds, n_units = table.shape
    size = abs(float(table.mean()))
    if n_seeds < 2 or n_units < 2 or size < 1e-12:
        return None
    by_seed, by_unit = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    rest = float(((table - by_seed - by_unit + table.mean()) ** 2).sum() / ((n_seeds - 1) * (n_units - 1)))
    of_seeds = max(0.0, float(by_seed.var(ddof=1)) - rest / n_units)
    of_units = max(0.0, float(by_unit.var(ddof=1)) - rest / n_seeds)
    # The error of ``crossed`` counts what is of both twice.
    a_seed, units_part = of_seeds + 2 * rest / n_units, of_units / n_units

    def would_do(n: int) -> bool:
        planned = CrossedMean(size, n, n_units, a_seed / n, units_part)
        error = planned.error or 0.0
        return size >= (planned.critical(level) + float(-ndtri(1 - POWER))) * error

    if not would_do(MOST_SEEDS):
        return None
    return 2 + bisect_left(range(2, MOST_SEEDS), True, key=would_do)
