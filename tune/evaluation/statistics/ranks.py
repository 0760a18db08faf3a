"""Average ranks of configurations over independent blocks, and how far apart they must be (Demsar 2006).

Blocks are whatever was judged independently: people, folds, or seeds; in each of them the configurations are ranked.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import chi2, friedmanchisquare, rankdata, studentized_range


@dataclass(frozen=True)
class Ranks:
    """Configurations by their ranks.

    Attributes:
        average: Mean rank of each configuration; 1 is the best.
        critical: Difference of mean ranks from which on two configurations differ, at 5% for all pairs together.
        friedman_p: Of all configurations being equally good.
        groups: Longest runs of configurations, by their indices, that are not told apart; at least two in each.
    """

    average: tuple[float, ...]
    n_blocks: int
    critical: float
    friedman_p: float
    groups: tuple[tuple[int, ...], ...]


def ranks(scores: Float[ndarray, "blocks configurations"], alike: Collection[frozenset[int]] = ()) -> Ranks:
    """Ranks configurations in every block; a higher score is better, equal scores share their ranks.

    Raises:
        ValueError: With fewer than two blocks or configurations.
    """
    n_blocks, n_configurations = scores.shape
    if n_blocks < 2 or n_configurations < 2:
        raise ValueError(f"{n_configurations} configurations in {n_blocks} blocks cannot be ranked")
    average = np.vstack([rankdata(-block) for block in scores]).mean(axis=0).tolist()
    critical = critical_difference(n_configurations, n_blocks)
    groups = groups_within(average, critical, alike)
    return Ranks(tuple(average), n_blocks, critical, friedman_p_value(scores), groups)


def critical_difference(n_configurations: int, n_blocks: int, level: float = 0.05) -> float:
    """Nemenyi's critical difference: q sqrt(k (k + 1) / (6 N)) (Demsar 2006, section 3.2.2).

    q is the studentised range's quantile, of infinitely many degrees of freedom, divided by the square root of 2.
    """
    quantile = float(studentized_range.ppf(1 - level, n_configurations, 1e6)) / math.sqrt(2)
    return quantile * math.sqrt(n_configurations * (n_configurations + 1) / (6 * n_blocks))


def friedman_p_value(scores: Float[ndarray, "blocks configurations"]) -> float:
    """Friedman's test with the correction for equal ranks (Conover 1999, section 5.8, the chi-squared form)."""
    if (scores == scores[:, :1]).all():
        return 1.0  # All are equal everywhere.
    if scores.shape[1] > 2:
        return float(friedmanchisquare(*scores.T).pvalue)
    # Of two, which scipy refuses, it is the sign test's normal form.
    signs = np.sign(scores[:, 0] - scores[:, 1])
    return float(chi2.sf(signs.sum() ** 2 / np.abs(signs).sum(), 1))


def groups_within(
    average: Sequence[float], critical: float, alike: Collection[frozenset[int]] = ()
) -> tuple[tuple[int, ...], ...]:
    """Longest runs of neighbours, best first, that the critical difference does not separate.

    Args:
        average: Mean rank of each configuration.
        critical: Difference from which on two are separated.
        alike: Pairs that are not separated either, since a finer test has not told them apart: with few blocks
            Nemenyi's approximation is too bold (two configurations in five blocks: 6% instead of 5%).
    """
    order = sorted(range(len(average)), key=lambda k: average[k])
    found: list[tuple[int, ...]] = []
    end_before = 0
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and (
            average[order[end + 1]] - average[order[start]] < critical
            or frozenset((order[start], order[end + 1])) in alike
        ):
            end += 1
        if end > start and end > end_before:
            found.append(tuple(order[start : end + 1]))
        end_before = max(end_before, end)
    return tuple(found)
