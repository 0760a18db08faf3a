"""What a search can still be expected to gain, and whether its judges could tell.

A search ends when the first is less than the second, as in Makarova et al. 2022 (AutoML-Conf, "Automatic termination
for hyperparameter optimization"), who hold a bound of the regret against the standard error of the validation score.
Their bound is that of a Gaussian process over what is searched; this one needs the best score of every bracket alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


def standard_error(share: float, n_judged: int) -> float:
    """Of a share of correct predictions, with two right and two wrong ones added so that it is not 0 at 100%.

    After Agresti and Coull (The American Statistician 52, 1998). Sequences of the same people tell less than this.
    """
    n = n_judged + 4
    share = (min(max(share, 0.0), 1.0) * n_judged + 2) / n
    return math.sqrt(share * (1 - share) / n)


def expected_gain(bests: Sequence[float], best: float, n_to_come: int) -> float:
    """By how much so many more brackets can be expected to raise the best score, at most.

    Were the best scores of brackets drawn from one distribution with an exponential tail of scale s, the j-th would
    raise their maximum by s / j in expectation, and s be their mean excess over the lowest (Rényi 1953). The tail of
    shares is lighter, since they end at 1, which makes this too much; that later brackets are drawn by a model raises
    the mean excess.

    Args:
        bests: Best score of each bracket that is finished, as shares.
        best: Best score of all.
        n_to_come: Brackets that are not finished.
    """
    if len(bests) < 2:
        return 1 - best
    low, *others = sorted(bests)
    scale = fmean(others) - low
    return min(1 - best, scale * sum(1 / (len(bests) + k) for k in range(1, n_to_come + 1)))


@dataclass(frozen=True)
class Prospect:
    """What is to be expected of more trials.

    Attributes:
        best: The best score so far, a share.
        gain: That can be expected, at most.
        error: Standard error of the best score.
        n_judged: Sequences that it is the share of.
    """

    best: float
    gain: float
    error: float
    n_judged: int

    @classmethod
    def of(cls, bests: Sequence[float], begun: Sequence[float], n_to_come: int, n_judged: int) -> Prospect:
        """By the best score of each bracket that is finished, and what others have begun with."""
        best = max([*bests, *begun])
        return cls(best, expected_gain(bests, best, n_to_come), standard_error(best, n_judged), n_judged)

    def is_within(self, n_errors: float) -> bool:
        """Whether the gain is less than so many standard errors."""
        return self.gain < n_errors * self.error

    def in_words(self) -> str:
        """Why the search may end."""
        if self.best >= 1:
            return "no score can be better than the best, 100%"
        return (
            f"more trials can be expected to gain {100 * self.gain:.1f} points at most, and a score of "
            f"{self.n_judged:,} validation sequences has a standard error of {100 * self.error:.1f}"
        )
