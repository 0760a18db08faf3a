"""What single precision cannot hold, and counters and clocks among the channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ..errors import DataError
from .columns import words_of

# Above this single precision leaves out whole numbers.
LARGEST_WHOLE = 1 << 24
# Rounding by more than this share of a channel's deviation is no longer small.
COARSE = 1e-3
SELDOM = 0.05
COUNTERS = frozenset(
    {"counter", "count", "cnt", "frame", "index", "idx", "packet", "pkt", "sample", "row", "line", "tick", "ticks"}
    | {"nr", "no", "num", "number", "seq"}
)
CLOCKS = frozenset({"time", "timestamp", "timestamps", "datetime", "unix", "epoch", "utc", "elapsed", "clock"})


class Rounded:
    """Channels with numbers that single precision rounds by more than a fraction of one.

    Attributes:
        channels: Their positions.
    """

    def __init__(self) -> None:
        self.channels: set[int] = set()
        self._n_falls: Counter[int] = Counter()
        self._n_steps = 0

    def look_at(self, values: Float[NDArray[np.float64], "steps channels"]) -> None:
        """Takes note of some steps, before they are rounded."""
        self._n_steps += len(values) - 1
        large = np.abs(values) > LARGEST_WHOLE
        if large.any():
            found = np.flatnonzero((large & (values.astype(np.float32) != values)).any(axis=0)).tolist()
            self.channels.update(found)
            self._n_falls.update({k: int((np.diff(values[:, k]) < 0).sum()) for k in found})

    def falls(self, channel: int) -> bool:
        """Whether a channel falls more often than a clock does, which falls where a recording begins."""
        return self._n_falls[channel] > SELDOM * self._n_steps


def without_counters(
    recordings: Sequence[tuple[str, NDArray[np.float32]]], channels: Sequence[str], rounded: Rounded
) -> tuple[list[int], list[str]]:
    """The channels that were measured, by their positions, and notes on those that count rows or tell the time.

    A channel is a counter or a clock if it never falls within a recording, and is called like one or is too large for
    single precision; one that is called so may begin anew, as a byte does, where it rises by one elsewhere.

    Args:
        recordings: How errors name each, and its steps.
        channels: Their names.
        rounded: What was noted while they were read.

    Raises:
        DataError: If single precision blurs a channel that is none, or nothing else is left.
    """
    called = {k for k, name in enumerate(channels) if (COUNTERS | CLOCKS) & set(words_of(name))}
    left_out = {k for k in called - rounded.channels if _counts(recordings, k)}
    left_out |= {k for k in rounded.channels if not rounded.falls(k)}
    for k in sorted(rounded.channels - left_out):
        columns = [np.abs(values[:, k].astype(np.float64)) for _, values in recordings]
        limits = [float(np.nanmax(one, initial=0.0)) for one in columns]
        limit, place = max(limits), recordings[int(np.argmax(limits))][0]
        deviation = float(np.median([one[~np.isnan(one)].std() for one in columns if not np.isnan(one).all()]))
        if limit / LARGEST_WHOLE > COARSE * deviation:
            raise DataError(
                f"{place}, column {channels[k]!r} holds numbers up to {limit:,.0f}, which single precision "
                f"rounds to {limit / LARGEST_WHOLE:.0f} and more: subtract what they have in common, or call the "
                "column 'time' if it is one"
            )
    kept = [k for k in range(len(channels)) if k not in left_out]
    if not kept:
        raise DataError(f"{recordings[0][0]} holds counters or clocks and no measurement: {', '.join(channels)}")
    names = ", ".join(repr(channels[k]) for k in sorted(left_out))
    return kept, [f"left out, since they count rows or tell the time: {names}"] if left_out else []


def _counts(recordings: Sequence[tuple[str, NDArray[np.float32]]], channel: int) -> bool:
    falls = rises = False
    n_steps = n_ones = 0
    for _, values in recordings:
        steps = np.diff(values[:, channel])
        falls |= not (steps >= 0).all()
        rises |= bool((steps > 0).any())
        n_steps, n_ones = n_steps + len(steps), n_ones + int((steps == 1).sum())
    return n_ones >= (1 - SELDOM) * n_steps if falls else rises
