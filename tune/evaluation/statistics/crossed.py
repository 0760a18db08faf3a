"""How sure a mean is that was taken over seeds and over judged units, both of them samples.

A network trained again makes other predictions, and other people would have given other sequences. Five seeds on
one split are no evidence about new people, and a thousand sequences judged by one network are none about the next
training: both have to vary in the error of a mean. Of a table of seeds x units, the error is

    variance = variance of the seeds' means / number of seeds + variance of the units' means / number of units,

which counts what is noise in both twice and is a little too large (Clark 1973, "The language-as-fixed-effect fallacy",
min F'). What no table of one data set can tell is how the training set itself was drawn: folds share most of their
training sequences, and there is no unbiased estimate of what that does (Bengio & Grandvalet 2004).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class CrossedMean:
    """A mean over seeds and units, and where its error comes from.

    Attributes:
        mean: Of all sequences and seeds.
        n_seeds: Trainings.
        n_units: Judged people, recordings or sequences.
        from_seeds: Part of the variance of the mean that further seeds would lower; None with a single seed.
        from_units: Part that further units would lower; None with a single unit.
    """

    mean: float
    n_seeds: int
    n_units: int
    from_seeds: float | None
    from_units: float | None

    @property
    def error(self) -> float | None:
        """Standard error; None where a part of it is not known."""
        if self.from_seeds is None or self.from_units is None:
            return None
        return math.sqrt(self.from_seeds + self.from_units)

    def critical(self, probability: float) -> float:
        """Student's quantile of the two-sided ``probability``, between those of the two degrees of freedom.

        Each part counts by its share in the variance (Cochran & Cox 1957, section 4.14); too strict rather than too
        lax where a few seeds happen to agree.
        """
        parts = (self.from_seeds or 0.0), (self.from_units or 0.0)
        if sum(parts) <= 0:
            return float(-stdtrit(min(self.n_seeds, self.n_units) - 1, probability / 2))
        quantiles = (-stdtrit(self.n_seeds - 1, probability / 2), -stdtrit(self.n_units - 1, probability / 2))
        return float(sum(part * quantile for part, quantile in zip(parts, quantiles, strict=True)) / sum(parts))

    def interval(self) -> tuple[float, float] | None:
        """95% interval of the mean; None where its error is not known."""
        if self.error is None:
            return None
        half = self.critical(1 - CONFIDENCE) * self.error
        return self.mean - half, self.mean + half

    def share_interval(self) -> tuple[float, float] | None:
        """95% interval of a mean that is a share of correct predictions, which stays between 0 and 1.

        Wilson's (1927), on as many sequences as would by themselves have this error (Korn & Graubard 1998, section 3):
        an accuracy of 100% would otherwise claim certainty. None where the error is not known.
        """
        if self.error is None:
            return None
        share, spread = self.mean, self.mean * (1 - self.mean)
        effective = spread / self.error**2 if self.error > 0 and spread > 0 else float(self.n_units)
        effective *= (-ndtri((1 - CONFIDENCE) / 2) / self.critical(1 - CONFIDENCE)) ** 2
        z = -ndtri((1 - CONFIDENCE) / 2)
        centre = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
        half = z * math.sqrt(spread / effective + z**2 / (4 * effective**2)) / (1 + z**2 / effective)
        return max(0.0, centre - half), min(1.0, centre + half)

    def p_value(self) -> float | None:
        """Two-sided, of the mean being zero; None where its error is not known."""
        if self.error is None:
            return None
        if self.error == 0:
            return 1.0 if abs(self.mean) < 1e-12 else 0.0
        from scipy.optimize import brentq  # Loads more than all else here.

        found = abs(self.mean) / self.error
        if found >= self.critical(1e-12):
            return 1e-12
        if found <= 1e-12:
            return 1.0
        return float(math.exp(brentq(lambda log: self.critical(math.exp(log)) - found, math.log(1e-12), 0.0)))


def cells(
    values: Float[ndarray, "seeds sequences"], units: Int[ndarray, " sequences"]
) -> Float[ndarray, "seeds units"]:
    """A table of seeds x units whose mean is the mean over all sequences, however many sequences each unit has.

    A unit counts by its sum, as in the linearised variance of a ratio (Cochran 1977, section 6.4).
    """
    names, owner = np.unique(units, return_inverse=True)
    sums = np.zeros((len(values), len(names)))
    np.add.at(sums.T, owner, values.T)
    sizes = np.bincount(owner, minlength=len(names))
    mean = values.mean()
    return np.asarray(len(names) / len(units) * (sums - mean * sizes) + mean)


def crossed_mean(table: Float[ndarray, "seeds units"]) -> CrossedMean:
    """The mean of a table and its error."""
    n_seeds, n_units = table.shape
    return CrossedMean(
        mean=float(table.mean()),
        n_seeds=n_seeds,
        n_units=n_units,
        from_seeds=float(table.mean(axis=1).var(ddof=1) / n_seeds) if n_seeds > 1 else None,
        from_units=float(table.mean(axis=0).var(ddof=1) / n_units) if n_units > 1 else None,
    )
