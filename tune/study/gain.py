"""Whether a search can still gain what its judges can tell.

It ends when what it can gain is less than the standard error of its best score (Makarova et al. 2022, "Automatic
termination for hyperparameter optimization", AutoML-Conf). They bound what can be gained by a Gaussian process over
what is searched; here the bound is what the best score lacks of 100%: those by the scores of the brackets before ended
too soon or hardly ever (``benchmarks/stopping.py``).
"""

from __future__ import annotations

import math


def standard_error(share: float, n_judged: int) -> float:
    """Of a share of correct predictions, with two right and two wrong ones added so that it is not 0 at 100%.

    After Agresti and Coull (The American Statistician 52, 1998). Sequences of the same people tell less than this.
    """
    n = n_judged + 4
    share = (min(max(share, 0.0), 1.0) * n_judged + 2) / n
    return math.sqrt(share * (1 - share) / n)


def has_nothing_to_gain(best: float, n_judged: int, n_errors: float = 1) -> bool:
    """Whether the best share lacks less than so many standard errors of 100%; by one, when at most one is wrong."""
    return 1 - best < n_errors * standard_error(best, n_judged)


def why_nothing(best: float, n_judged: int) -> str:
    """The same in words."""
    if best >= 1:
        return "no score can be better than the best, 100%"
    return (
        f"the best score lacks {100 * (1 - best):.1f} points of 100%, and {n_judged:,} validation sequences tell it to "
        f"{100 * standard_error(best, n_judged):.1f} (its standard error)"
    )
