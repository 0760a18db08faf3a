"""Clocks of streams: where they jump, and single stamps that are wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

# A jump by more than both is a gap.
GAP_SECONDS, GAP_STEPS = 1.0, 10


def mended_clock(
    seconds: Float[NDArray[np.float64], " steps"],
) -> tuple[NDArray[np.float64], list[slice], int]:
    """Steps in order of time: single stamps that leave their neighbours and come back take the mean of these.

    Returns:
        The times; the stretches between jumps, backwards or by more than ``GAP_SECONDS`` and ``GAP_STEPS`` steps; and
        how many stamps were mended.
    """
    known = ~np.isnan(seconds)
    where = np.arange(len(seconds))
    if not known.all():
        seconds = np.interp(where, where[known], seconds[known])
    steps = np.diff(seconds)
    forward = steps[steps > 0]
    gap = max(GAP_SECONDS, GAP_STEPS * float(np.median(forward))) if len(forward) else GAP_SECONDS
    is_jump = (steps < 0) | (steps > gap)
    across = seconds[2:] - seconds[:-2]
    wild = 1 + np.flatnonzero((is_jump[:-1] | is_jump[1:]) & (across >= 0) & (across <= gap))
    seconds = seconds.copy()
    seconds[wild] = (seconds[wild - 1] + seconds[wild + 1]) / 2
    steps = np.diff(seconds)
    ends = [0, *(np.flatnonzero((steps < 0) | (steps > gap)) + 1).tolist(), len(seconds)]
    return seconds, [slice(a, b) for a, b in pairwise(ends)], len(wild)
