"""What a time column tells: that steps are in order, and how many there are in a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import Chunk, read_times, unit_seconds
from ..recording import Recording
from ..spool import CURRENT

N_AT_ONCE, MOST_LOOKED_AT = 1 << 20, 1 << 22


class Clock:
    """Measures the steps of many sequences in the unit of their time column, which it finds out if need be.

    The unit is the one in the column's name (``time_ms``, ``Time (s)``) or, without one, what makes a sensible rate:
    steps below 1 are fractions of seconds; up to 1,000 they are milliseconds, up to 1,000,000 microseconds, above
    that nanoseconds. Steps of exactly 1 count rows and tell nothing.

    Args:
        column: Name of the time column; None where there is none.
    """

    def __init__(self, column: str | None) -> None:
        self.column = column or ""
        self._unit = unit_seconds(self.column)

    def read(self, chunk: Chunk, column: int) -> NDArray[np.float64]:
        """The times of some rows.

        Raises:
            DataError: If a cell is neither a number nor a date.
        """
        times, as_dates = read_times(chunk, column)
        if as_dates:
            self._unit = 1.0
        return times

    def step(self, times: NDArray[np.float64], place: str, rows: NDArray[np.int64]) -> float | None:
        """Median time between the steps of one sequence, in the column's unit; None if it tells nothing.

        Args:
            times: In the order of the sequence.
            place: How errors name the file.
            rows: Rows of the file that they stand in.

        Raises:
            DataError: If time goes backwards; the message names the row.
        """
        found = []
        for known, steps in steps_between(times):
            back = np.flatnonzero(steps < 0)
            if len(back):
                before, after = known[back[0]], known[back[0] + 1]
                raise DataError(
                    f"{place}, row {rows[after]}, column {self.column!r}: time goes back from {times[before]:.15g} to "
                    f"{times[after]:.15g}: sort the rows, or rename the column if it is a measurement"
                )
            found.append(steps[:: spacing(times)])
        if not found:
            return None
        steps = np.concatenate(found)
        # Stamps that are coarser than the steps stand still at most of them.
        return float(np.median(steps)) or float(np.mean(steps)) or None

    def unit_seconds(self, steps: Sequence[float]) -> float | None:
        """Seconds in the column's unit, by its name or by the steps; None if it counts rows."""
        return (self._unit or guess_unit_seconds(float(np.median(steps)))) if steps else None

    def measured(self, recordings: Sequence[Recording]) -> list[Recording]:
        """The recordings with their steps in seconds."""
        unit = self.unit_seconds([one.step_seconds for one in recordings if one.step_seconds])
        return [
            replace(one, step_seconds=one.step_seconds * unit if unit and one.step_seconds else None)
            for one in recordings
        ]


def steps_between(times: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Positions of known times and the steps from each to the next, some at a time; the last one begins the next."""
    last = np.empty(0, np.int64)
    for begin in range(0, len(times), N_AT_ONCE):
        here = begin + np.flatnonzero(~np.isnan(times[begin : begin + N_AT_ONCE]))
        known = np.concatenate([last, here])
        last = known[-1:]
        if len(known) > 1:
            yield known, np.diff(times[known])


def spacing(times: NDArray[np.float64]) -> int:
    """Each how many steps tell how long they are: where more than memory is read, some of very many."""
    return 1 if CURRENT.get() is None else max(1, len(times) // MOST_LOOKED_AT)


def guess_unit_seconds(step: float) -> float | None:
    """Seconds in the unit in which steps are ``step`` long; None if it counts rows."""
    if step == 1:
        return None
    if step < 1:
        return 1.0
    return 1e-3 if step <= 1e3 else 1e-6 if step <= 1e6 else 1e-9
