"""The labels of a stream in a file beside it: what was done from when to when, or what at which time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import unit_seconds
from ..recording import CHECK
from .null_class import NULL, NULL_NAMES
from .tables import (
    END_NAMES,
    LABELLED,
    LABELS,
    LENGTH_NAMES,
    SAMPLE_WORDS,
    START_NAMES,
    Clockwork,
    Head,
    plain_name,
    read_frame,
    times,
)

if TYPE_CHECKING:
    import pandas

# Of the annotations, that hold a step of the stream: else their times are not its times.
FEWEST_INSIDE = 0.05


class Found(NamedTuple):
    """A stream on disk.

    Attributes:
        head: Of its file.
        beside: Of the file with its labels; None where they are in its rows.
        named_in: Column of that file that says which stream a row is about; None where all are about this one.
    """

    head: Head
    beside: Head | None
    named_in: str | None = None


class Spans(NamedTuple):
    """How many annotations a file holds, how many hold no step of the stream, and how many overlap an earlier one."""

    path: Path
    n: int
    n_outside: int
    n_overlap: int


def labels_beside(
    one: Found, head: Head, clockwork: Clockwork | None, n_rows: int, spans: list[Spans]
) -> NDArray[np.object_]:
    """The class of every row by the file beside the stream; the null class where it says nothing.

    Of annotations that overlap the one that begins later holds. ``spans`` takes note of them.

    Raises:
        DataError: If its times are not those of the stream.
    """
    beside = one.beside
    assert beside is not None
    if beside.kind == LABELS:
        return _labels_of_their_own(beside, clockwork, n_rows)
    plain = [plain_name(name) for name in beside.columns]
    begin = next(k for k, name in enumerate(plain) if name in START_NAMES)
    end = next(k for k, name in enumerate(plain) if name in END_NAMES | LENGTH_NAMES and k != begin)
    label = next(k for k, name in enumerate(plain) if name in LABELLED)
    named = beside.columns[label]
    frame = rows_about(one)
    starts, start_dates = times(frame, beside, beside.columns[begin])
    stops, _ = times(frame, beside, beside.columns[end])
    if plain[end] in LENGTH_NAMES:
        stops = starts + stops
    wrong = np.flatnonzero(~(stops >= starts))
    if len(wrong):
        raise DataError(f"{beside.path}, row {frame.index[wrong[0]]}: it ends before it begins, or at no time")
    texts = frame[named].fillna("").astype(str).str.strip().tolist()
    between = next((text for text in texts if re.sub(r"[\W_]", "", text.lower()) in NULL_NAMES), NULL)
    moments = _moments(beside, beside.columns[begin], (starts, stops, start_dates), clockwork, n_rows, head)
    labels = np.full(n_rows, between, dtype=object)
    n_outside = n_overlap = 0
    taken = np.zeros(n_rows, dtype=bool)
    for start, stop, text in sorted(zip(starts, stops, texts, strict=True)):
        mine = (moments >= start) & (moments <= stop)
        n_outside += not mine.any()
        # Where one ends the next may begin.
        n_overlap += int((taken & mine).sum()) > 1
        taken |= mine
        labels[mine] = text or between
    spans.append(Spans(beside.path, len(texts), n_outside, n_overlap))
    return labels


def _moments(
    beside: Head,
    column: str,
    spans: tuple[NDArray[np.float64], NDArray[np.float64], bool],
    clockwork: Clockwork | None,
    n_rows: int,
    head: Head,
) -> NDArray[np.float64]:
    """When each row of the stream was measured, in what the annotations, whose begins are in ``column``, count in.

    Of units that may be meant it is the one in which the most annotations hold steps, over the most of the stream.
    """
    starts, stops, are_dates = spans
    rows = np.arange(n_rows, dtype=np.float64)
    words = set(re.findall(r"[a-z]+", column.lower()))
    unit = unit_seconds(column) or (1.0 if are_dates else None)
    choices: list[NDArray[np.float64]] = []
    if clockwork is not None and not words & SAMPLE_WORDS:
        since = clockwork.stamps - clockwork.stamps[0]
        units = [clockwork.unit, 1.0, 1e-3] if unit is None else [unit]
        choices += [clockwork.stamps * (clockwork.unit / one) for one in units]
        choices += [since * (clockwork.unit / one) for one in units]
    if clockwork is None or (unit is None and (starts % 1 == 0).all()):
        choices.append(rows)

    def fits(moments: NDArray[np.float64]) -> tuple[int, float]:
        in_order = np.sort(moments)
        first, last = np.searchsorted(in_order, starts), np.searchsorted(in_order, stops, side="right")
        holds = last > first
        return int(holds.sum()), holds.sum() * float(last[holds].max() - first[holds].min()) if holds.any() else 0.0

    best = max(choices, key=lambda moments: fits(moments)[1])
    if fits(best)[0] < max(1, FEWEST_INSIDE * len(starts)):
        raise DataError(
            f"{beside.path}: its times are not those of {head.path}, in none of the units that are understood: "
            "write start and end in the stream's time, in seconds from its begin, or as start_sample and end_sample"
        )
    return best


def _labels_of_their_own(beside: Head, clockwork: Clockwork | None, n_rows: int) -> NDArray[np.object_]:
    """Labels row by row, or each at its time until the next one."""
    roles = [k for k, name in enumerate(beside.columns) if plain_name(name) in LABELLED]
    named = beside.columns[roles[0]]
    frame = read_frame(beside, frozenset({named}))
    texts = frame[named].fillna("").astype(str).str.strip().to_numpy(object)
    texts[texts == ""] = NULL
    if len(beside.columns) == 1:
        if len(texts) != n_rows:
            raise DataError(f"{beside.path} has {len(texts):,} labels for {n_rows:,} rows, and no column of times")
        return texts
    if clockwork is None:
        raise DataError(f"{beside.path} has times, and the stream beside it has none: give it a time column")
    column = beside.columns[1 - roles[0]]
    at, as_dates = times(frame, beside, column)
    unit = 1.0 if as_dates else unit_seconds(column)
    stamps = clockwork.stamps * (1.0 if unit is None else clockwork.unit / unit)
    if unit is not None and not as_dates and at[0] < stamps[0] - 1:
        stamps = stamps - stamps[0]
    if (np.diff(at) < 0).any():
        raise DataError(f"{beside.path}, column {column!r}: time goes back: sort the rows")
    last = np.searchsorted(at, stamps, side="right") - 1
    return np.where(last < 0, NULL, texts[np.clip(last, 0, None)])


def stem(name: str) -> str:
    """The name of a file as a list of annotations may write it: in any case, with or without its ending."""
    return Path(name.strip()).stem.lower()


def rows_about(one: Found) -> pandas.DataFrame:
    """The annotations of a stream."""
    assert one.beside is not None
    words = [name for name in one.beside.columns if plain_name(name) in LABELLED or name == one.named_in]
    frame = read_frame(one.beside, frozenset(words))
    return frame if one.named_in is None else frame[frame[one.named_in].map(stem) == stem(one.head.path.name)]


def about_spans(spans: Sequence[Spans]) -> list[str]:
    """What became of annotations that are not as they should be."""
    notes = []
    for what, then, counts in (
        ("hold no step of the stream", "they are passed over", [one.n_outside for one in spans]),
        ("overlap an earlier one", "the one that begins later holds", [one.n_overlap for one in spans]),
    ):
        if any(counts):
            most = int(np.argmax(counts))
            notes.append(
                f"{CHECK}{sum(counts):,} of {sum(one.n for one in spans):,} annotations {what}, {counts[most]:,} of "
                f"them in {spans[most].path}: {then}"
            )
    return notes
