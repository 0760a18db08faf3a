"""Recordings cut where time jumps or an empty line stands, and rows that were written twice taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..recording import CHECK, Recording
from ..spool import kept
from .time_axis import N_AT_ONCE, Clock, spacing, steps_between

# A jump of more steps than this is a gap, unless stamps come in packets, whose usual steps are long.
GAP_STEPS = 10
USUAL_STEPS = 3
# What a gap leaves of a recording is dropped below this many steps and this share.
FEWEST_STEPS, SMALLEST_SHARE = 10, 0.25
# Stamps that stand still more often are coarser than the steps.
COARSE_SHARE = 0.2
# A recording that is alone with its class is cut into so many stretches, if it is at least so long.
N_STRETCHES, LONG_STEPS = 10, 1000


@dataclass
class Pieces:
    """Cuts recordings, and counts what it did.

    Attributes:
        clock: Of the time column.
        gaps: Length of the longest gap of each file that has one, in the column's unit, with the row that follows it.
        n_pieces: Of the files with gaps.
        n_dropped: Pieces too short to keep.
        n_blocks: Blocks between empty lines, by file.
        n_repeated: Rows that were the same as the one before, the time included.
        still: Files in which rows share a time stamp with the one before, and how many.
    """

    clock: Clock
    gaps: dict[str, tuple[float, int]] = field(default_factory=dict)
    n_pieces: int = 0
    n_dropped: int = 0
    n_blocks: dict[str, int] = field(default_factory=dict)
    n_repeated: int = 0
    still: dict[str, int] = field(default_factory=dict)

    def of(
        self, whole: Recording, times: NDArray[np.float64] | None, rows: NDArray[np.int64], breaks: Sequence[int] = ()
    ) -> list[Recording]:
        """The pieces of a recording, which stay in one split.

        Args:
            whole: Its steps not yet measured.
            times: Of its steps; None where they are not known.
            rows: Of the file, in which its steps stand.
            breaks: Steps that begin a block of their own.

        Raises:
            DataError: If time goes back within a block; the message names the row.
        """
        bounds = [0, *breaks, len(whole.values)]
        pieces = []
        for start, end in pairwise(bounds):
            block = slice(start, end)
            pieces += self._of_block(whole, None if times is None else times[block], rows[block], whole.values[block])
        if len(bounds) > 2:
            self.n_blocks[whole.place] = len(bounds) - 1
        if len(pieces) == 1:
            return [replace(pieces[0], place=whole.place)]
        return [replace(piece, take=whole.take or whole.place) for piece in pieces]

    def _of_block(
        self,
        whole: Recording,
        times: NDArray[np.float64] | None,
        rows: NDArray[np.int64],
        values: NDArray[np.float32],
    ) -> list[Recording]:
        def piece(steps: slice) -> Recording:
            place = f"{whole.place}, rows {rows[steps][0]:,} to {rows[steps][-1]:,}"
            return replace(whole, place=place, values=values[steps], step_seconds=step)

        step = None
        if times is None or len(times) < 2:
            return [piece(slice(None))]
        step = self.clock.step(times, whole.place, rows)
        stands = np.concatenate(
            [np.diff(times[a : a + N_AT_ONCE + 1]) == 0 for a in range(0, len(times) - 1, N_AT_ONCE)]
        )
        if stands.mean() < COARSE_SHARE and stands.any():
            second = 1 + np.flatnonzero(stands)
            one, other = values[second - 1], values[second]
            twice = second[((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)]
            if len(twice):
                keep = np.ones(len(times), bool)
                keep[twice] = False
                times, rows, values = kept(times[keep]), kept(rows[keep]), kept(values[keep])
                self.n_repeated += len(twice)
            if n_still := len(second) - len(twice):
                self.still[whole.place] = self.still.get(whole.place, 0) + n_still
        if step is None:
            return [piece(slice(None))]
        forward = np.concatenate([steps[:: spacing(times)] for _, steps in steps_between(times)])
        longest_usual = max(GAP_STEPS * step, USUAL_STEPS * float(np.median(forward[forward > 0])))
        jumps = [
            (float(steps[k]), int(known[k + 1]))
            for known, steps in steps_between(times)
            for k in np.flatnonzero(steps > longest_usual).tolist()
        ]
        if not jumps:
            return [piece(slice(None))]
        bounds = [0, *(after for _, after in jumps), len(times)]
        longest, after = max(jumps, key=lambda jump: jump[0])
        gap = longest, int(rows[after])
        self.gaps[whole.place] = max(gap, self.gaps.get(whole.place, gap))
        slices = [slice(*bound) for bound in pairwise(bounds)]
        lengths = np.diff(bounds)
        keep = (lengths >= FEWEST_STEPS) | (lengths >= SMALLEST_SHARE * len(times))
        self.n_dropped += int((~keep).sum())
        pieces = [piece(one) for one, is_kept in zip(slices, keep, strict=True) if is_kept]
        self.n_pieces += len(pieces)
        return pieces

    def notes(self, unit_seconds: float | None) -> list[str]:
        """What was cut and taken out, in sentences.

        Args:
            unit_seconds: Seconds in the unit of the time column; None where it tells none.
        """
        notes = []
        if self.gaps:
            place, (gap, row) = max(self.gaps.items(), key=lambda item: item[1])
            length = f"{gap:g} (its unit is not known)" if unit_seconds is None else f"{gap * unit_seconds:.3g} s"
            dropped = f"; {self.n_dropped} short ones were dropped" if self.n_dropped else ""
            notes.append(
                f"{CHECK}time jumps in {len(self.gaps):,} of the recordings, by up to {length} ({place}, row {row}); "
                f"these were cut there into {self.n_pieces:,} pieces{dropped}"
            )
        if self.n_repeated:
            notes.append(f"{self.n_repeated:,} rows that repeat the one before, the time included, were taken out")
        if self.still:
            place, n_rows = max(self.still.items(), key=lambda item: item[1])
            notes.append(
                f"{CHECK}{sum(self.still.values()):,} rows have the time of the row before and other values, the most "
                f"in {place} ({n_rows:,}): are two devices in one file? They are read as steps of their own"
            )
        if self.n_blocks:
            place, n_blocks = next(iter(self.n_blocks.items()))
            notes.append(
                f"blocks between empty lines are recordings of their own: {sum(self.n_blocks.values()):,} in "
                f"{len(self.n_blocks):,} files, such as {n_blocks} in {place}"
            )
        return notes


def share_takes(recordings: Sequence[Recording]) -> tuple[list[Recording], list[str]]:
    """Recordings of which every class can be learned and judged although there is one file a class, and a note.

    Pieces of a file are shared over the splits like recordings of their own, and a single long one is cut into
    stretches for that.
    """
    takes: dict[str, set[str]] = {}
    for one in recordings:
        takes.setdefault(one.label, set()).add(one.take or one.place)
    rare = next((label for label, of_class in takes.items() if len(of_class) == 1), None)
    if rare is None:
        return list(recordings), []
    counts = Counter(one.label for one in recordings)
    found: list[Recording] = []
    for one in recordings:
        if counts[one.label] == 1 and len(one.values) >= LONG_STEPS:
            bounds = np.linspace(0, len(one.values), N_STRETCHES + 1).astype(int).tolist()
            found += [
                replace(one, place=f"{one.place}, steps {a:,} to {b:,}", values=one.values[a:b])
                for a, b in pairwise(bounds)
            ]
        else:
            found.append(replace(one, take=None))
    return found, [
        f"{CHECK}there is one file of {rare!r}: its parts (between gaps and empty lines, or {N_STRETCHES} stretches) "
        "are shared over training and test; they are alike, so that the score is too good for another day or person"
    ]
