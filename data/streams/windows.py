"""Streams with a label at every moment, made into windows: clocks mended, gaps kept apart, windows labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray

from ..errors import DataError
from ..layouts.clips import natural_order
from ..on_disk import MOST_IN_MEMORY, is_streamed, joined
from ..recording import CHECK, Layout, Recording
from ..recordings import LONGEST_GESTURE_STEPS, RATE_TOLERANCE, check_printable, fill_gaps
from ..sequences import SequenceDataset
from ..source import Source
from ..spool import each, kept
from ..timeline import Timeline
from ..windows import cut_windows, window_steps
from .clock import GAP_SECONDS, mended_clock
from .null_class import null_class

# How notes begin that a person should act on.
CLOCK_NOTE = "the clock "
NEVER_LABELLED = "no window is labelled "
WILD_NOTE = "wild values: "

LONGEST_WINDOW_SECONDS, FEWEST_WINDOW_STEPS = 4.0, 8
# Without a clock.
LONGEST_WINDOW_STEPS = 128
HOPS_PER_WINDOW = {True: 2, False: 4}
# A stretch that is shorter than this share of a window is left out.
SHORTEST_STRETCH = 0.25
# Share of the steps with the stamp of the one before that is told.
STANDS_STILL = 0.001
# Streams with a broken clock that are named.
FEW = 4
# A value that is this many times as far from the median as all but a thousandth are is a fault of transmission.
WILD = 100.0


@dataclass(frozen=True, eq=False)
class Stream:
    """A stream as it was found.

    Attributes:
        place: How notes and errors name it.
        person: Whose it is.
        values: Steps by channels, NaN where a value is missing.
        labels: The class of every step, as an index into the names of all streams.
        seconds: When each step was measured; None where that is not known.
        rate_hz: Steps a second, where that is known without a clock.
    """

    place: str
    person: str
    values: Float[NDArray[np.float32], "steps channels"]
    labels: Int[NDArray[np.int64], " steps"]
    seconds: Float[NDArray[np.float64], " steps"] | None
    rate_hz: float | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a stream without a gap, at a common rate; ``stream`` is the number of the stream."""

    stream: int
    place: str
    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    rate_hz: float | None


def assemble_streams(
    layout: Layout, streams: Sequence[Stream], names: Sequence[str], source: Source
) -> SequenceDataset:
    """Makes streams, whose classes have these names, into a data set of windows.

    Where a window may hold two labels (``window_label``), windows slide over the whole of a stretch without a gap, and
    each stream is one recording; else an unbroken run of one label is a recording, and windows are cut from it.

    Raises:
        DataError: If there are fewer than two classes, or nothing long enough for a window.
    """
    notes: list[str] = []
    streams = _without_wild_values(layout, streams, source, notes)
    pieces = _at_one_rate(_pieces(layout, streams, notes), notes)
    people = sorted({streams[piece.stream].person for piece in pieces}, key=natural_order)
    rate = pieces[0].rate_hz
    at_changes = source.window_label == "run"
    n_steps, hop = _window(pieces, names, source, notes)
    found = [(k, begin, end) for k, piece in enumerate(pieces) for begin, end, _ in _runs(piece.labels)]
    if not at_changes:
        found = [(k, 0, len(piece.labels)) for k, piece in enumerate(pieces)]
    shortest = SHORTEST_STRETCH * n_steps if at_changes else n_steps
    lasting = [one for one in found if one[2] - one[1] >= shortest]
    if not lasting:
        raise DataError(
            f"{layout.place}: no stretch is as long as a window of {n_steps:,} steps: set "
            "data.window_seconds, and if rows are no steps of a stream, give recordings of steps"
        )
    n_all, n_kept = (sum(end - begin for _, begin, end in some) for some in (found, lasting))
    if n_kept < 0.999 * n_all:
        notes.append(
            f"{len(found) - len(lasting):,} of {len(found):,} stretches are too short for a window, "
            f"{1 - n_kept / n_all:.1%} of the time: left out"
        )
    lengths = torch.tensor([end - begin for _, begin, end in lasting])
    n_windows = int((((lengths - n_steps).clamp_min(0) // hop) + 1).sum())
    streamed = is_streamed(source, n_windows * n_steps * len(layout.channel_names))
    values = joined([pieces[k].values[begin:end] for k, begin, end in lasting], streamed)
    windows = cut_windows(values, lengths, n_steps=n_steps, hop=hop, streamed=streamed)
    stretch = windows.recordings
    first = torch.searchsorted(stretch, stretch)
    owner = torch.tensor([k for k, _, _ in lasting])[stretch]
    starts = hop * (torch.arange(len(stretch)) - first) + torch.tensor([begin for _, begin, _ in lasting])[stretch]
    codes = _labels(pieces, owner.numpy(), (starts.numpy(), (starts + windows.lengths).numpy()), names, source)
    occur = sorted({names[code] for code in set(codes.tolist()) if code >= 0}, key=natural_order)
    if len(occur) < 2:
        found_only = f"only the class {occur[0]!r}" if occur else "no class"
        raise DataError(f"{layout.place} holds {found_only}: a classifier needs at least two classes")
    check_printable(layout.place, (*occur, *people, *layout.channel_names))
    _tell_lost(pieces, names, occur, notes)
    number = np.array([occur.index(name) if name in occur else -1 for name in names] + [-1])
    person_of = torch.tensor([people.index(streams[piece.stream].person) for piece in pieces])
    stream_of = torch.tensor([piece.stream for piece in pieces])
    by_person = len(people) > 1
    dataset = SequenceDataset(
        name=layout.name,
        kind="gesture" if _lasting(pieces, names) <= LONGEST_GESTURE_STEPS else "activity",
        values=windows.values,
        lengths=windows.lengths,
        starts=windows.starts,
        labels=torch.from_numpy(number[codes].clip(0)),
        class_names=tuple(occur),
        channel_names=layout.channel_names,
        groups=person_of[owner] if by_person else None,
        group_names=tuple(people) if by_person else (),
        recordings=stretch if at_changes else stream_of[owner],
        sample_rate_hz=None if rate is None else float(f"{rate:.6g}"),
        notes=(*layout.notes, *notes),
        timeline=None if rate is None else Timeline(owner, starts / rate, _events(pieces, number, occur), at_changes),
    )
    return dataset if (codes >= 0).all() else dataset.subset(torch.from_numpy(np.flatnonzero(codes >= 0)))


def _without_wild_values(layout: Layout, streams: Sequence[Stream], source: Source, notes: list[str]) -> list[Stream]:
    """What a broken line left, such as 33487496 among values around 340, becomes missing."""
    n_values = sum(stream.values.size for stream in streams)
    every = -(-n_values // MOST_IN_MEMORY) if is_streamed(source, n_values) else 1
    low, middle, high = np.nanquantile(
        np.concatenate([stream.values[::every] for stream in streams]), [0.001, 0.5, 0.999], axis=0
    )
    far = WILD * np.maximum(high - low, 1e-9)
    found = np.array([(np.abs(stream.values - middle) > far).sum(axis=0) for stream in each(streams)])
    if not (n_wild := int(found.sum())):
        return list(streams)
    column = int(found.any(axis=0).argmax())
    columns = (streams[k].values[:, column] for k in np.flatnonzero(found[:, column]).tolist())
    worst = max(
        (one[np.nanargmax(np.abs(one - middle[column]))] for one in columns), key=lambda one: abs(one - middle[column])
    )
    notes.append(
        f"{WILD_NOTE}{n_wild:,}, such as {worst:.6g} in {layout.channel_names[column]!r} (median "
        f"{middle[column]:.4g}), are taken for missing"
    )
    return [
        replace(
            one, values=kept(np.where(np.abs(one.values - middle) > far, np.float32(np.nan), one.values).astype("f4"))
        )
        if n_of_it.any()
        else one
        for one, n_of_it in zip(streams, found, strict=True)
    ]


def _pieces(layout: Layout, streams: Sequence[Stream], notes: list[str]) -> list[Piece]:
    found: list[Piece] = []
    wrong: list[str] = []
    n_alone, has_jumps = 0, False
    for number, stream in enumerate(each(streams)):
        slices, rates = [slice(0, len(stream.values))], [stream.rate_hz]
        if stream.seconds is not None:
            seconds, slices, n_mended = mended_clock(stream.seconds)
            wrong += [told] if (told := _told_clock(stream, slices, n_mended)) else []
            has_jumps |= len(slices) > 1
            n_before, slices = len(slices), [one for one in slices if seconds[one.stop - 1] > seconds[one.start]]
            n_alone += n_before - len(slices)
            rates = [(one.stop - one.start - 1) / float(seconds[one.stop - 1] - seconds[one.start]) for one in slices]
        for one, rate in zip(slices, rates, strict=True):
            values, labels = stream.values[one], stream.labels[one]
            measured = np.flatnonzero(~np.isnan(values).all(axis=1))
            if len(measured):
                inner = slice(measured[0], measured[-1] + 1)
                found.append(Piece(number, stream.place, values[inner], labels[inner], rate))
    if not found:
        raise DataError(f"{layout.place} holds no two steps that follow each other in time")
    notes += [
        f"{CHECK}{stream.place} holds no value, or no two steps that follow each other in time: it is left out"
        for number, stream in enumerate(streams)
        if number not in {piece.stream for piece in found}
    ]
    if wrong:
        more = f"; {len(wrong) - FEW:,} more are like it" if len(wrong) > FEW else ""
        apart = ": each side of a jump is a stretch of its own" if has_jumps else ""
        notes.append(f"{CLOCK_NOTE}{'; '.join(wrong[:FEW])}{more}{apart}")
    if n_alone:
        what = "stretch" if n_alone == 1 else "stretches"
        notes.append(f"{CHECK}{n_alone:,} {what} of one moment, alone between jumps of the clock: left out")
    tables, gap_notes = fill_gaps(layout, [Recording(piece.place, "", piece.values) for piece in found])
    notes += gap_notes
    return [replace(piece, values=table) for piece, table in zip(found, tables, strict=True)]


def _told_clock(stream: Stream, slices: list[slice], n_mended: int) -> str:
    """What is wrong with a clock; empty where nothing is."""
    assert stream.seconds is not None
    said = []
    if n_mended:
        stamps = "stamp, which is" if n_mended == 1 else "stamps, each of them"
        said.append(f"has {n_mended:,} wild {stamps} taken between its neighbours")
    steps = np.diff(stream.seconds)
    n_still = int((steps == 0).sum())
    # A clock that is coarser than the steps stands still at most of them.
    if STANDS_STILL * len(steps) < n_still < len(steps) / 2:
        said.append(f"stands still at {n_still:,} of {len(steps):,} steps")
    if len(slices) > 1:
        jumps = [float(stream.seconds[b.start] - stream.seconds[a.stop - 1]) for a, b in pairwise(slices)]
        largest = _spoken_seconds(max(jumps, key=abs))
        said.append(f"jumps by {largest}" if len(jumps) == 1 else f"jumps {len(jumps):,} times, by up to {largest}")
    return f"of {stream.place} {' and '.join(said)}" if said else ""


def _spoken_seconds(seconds: float) -> str:
    for unit, length in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.3g} s"


def _at_one_rate(pieces: list[Piece], notes: list[str]) -> list[Piece]:
    """Pieces of another rate than most of the steps were measured at are interpolated to that."""
    rates = np.array([piece.rate_hz or np.nan for piece in pieces])
    if np.isnan(rates).any():
        if not np.isnan(rates).all():
            bare = pieces[int(np.isnan(rates).argmax())].place
            notes.append(f"{CLOCK_NOTE}of {bare} does not tick, and those of others do: windows are counted in steps")
        return [replace(piece, rate_hz=None) for piece in pieces]
    lengths = np.array([len(piece.values) for piece in pieces])
    order = np.argsort(rates)
    common = float(rates[order][np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)])
    differ = (rates > (1 + RATE_TOLERANCE) * common) | (rates < common / (1 + RATE_TOLERANCE))
    lasting = differ & (lengths >= GAP_SECONDS * rates)
    if lasting.any():
        notes.append(
            f"{lengths[lasting].sum() / lengths.sum():.1%} of the steps were measured at another rate, "
            f"{rates[lasting].min():.3g} to {rates[lasting].max():.3g} a second: interpolated to {common:.3g}"
        )
    return [
        _at_rate(one, common) if other else replace(one, rate_hz=common)
        for one, other in zip(pieces, differ, strict=True)
    ]


def _at_rate(piece: Piece, rate: float) -> Piece:
    n_steps = int((len(piece.values) - 1) / (piece.rate_hz or rate) * rate) + 1
    places = np.arange(n_steps) * (piece.rate_hz or rate) / rate
    steps = np.arange(len(piece.values))
    values = np.stack([np.interp(places, steps, channel) for channel in piece.values.T], axis=1).astype(np.float32)
    return replace(piece, values=kept(values), labels=piece.labels[places.round().astype(int)], rate_hz=rate)


def _runs(labels: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Begin, end and class of every unbroken run of one label."""
    ends = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(labels)]
    return [(a, b, int(labels[a])) for a, b in pairwise(ends)]


def _window(pieces: Sequence[Piece], names: Sequence[str], source: Source, notes: list[str]) -> tuple[int, int]:
    """Steps of a window and of a hop: as set, or from how long a label lasts."""
    rate, median = pieces[0].rate_hz, _lasting(pieces, names)
    at_changes = source.window_label == "run"
    if rate is None:
        if source.window_seconds is not None or source.hop_seconds is not None:
            raise DataError("data.window_seconds and data.hop_seconds need a time column, and there is none")
        n_steps = int(np.clip(median, FEWEST_WINDOW_STEPS, LONGEST_WINDOW_STEPS))
        hop = max(n_steps // HOPS_PER_WINDOW[at_changes], 1)
        notes.append(f"windows of {n_steps} steps, one every {hop}: no time column tells seconds")
        return n_steps, hop
    by_labels = max(round(min(LONGEST_WINDOW_SECONDS, median / rate), 1), FEWEST_WINDOW_STEPS / rate)
    seconds = by_labels if source.window_seconds is None else source.window_seconds
    n_steps = window_steps(seconds, rate)
    hop = max(round((source.hop_seconds or seconds / HOPS_PER_WINDOW[at_changes]) * rate), 1)
    why = "" if source.window_seconds else f", since a label lasts {median / rate:.3g} s (median)"
    how = {
        "run": "none has two labels",
        "majority": "each has the label of most of it",
        "end": "each has the label of its end",
        "share": f"each has the label of at least {source.label_share:.0%} of it",
    }[source.window_label]
    notes.append(
        f"windows of {seconds:.3g} s, one every {hop / rate:.3g} s{why}; {how} (data.window_seconds, hop_seconds, "
        "window_label)"
    )
    return n_steps, hop


def _lasting(pieces: Sequence[Piece], names: Sequence[str]) -> float:
    """Steps that a label lasts in the median, the null class apart."""
    null = null_class(names)
    return float(
        np.median([end - begin for piece in pieces for begin, end, code in _runs(piece.labels) if code != null] or [0])
    )


def _labels(
    pieces: Sequence[Piece],
    owner: NDArray[np.int64],
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    names: Sequence[str],
    source: Source,
) -> NDArray[np.int64]:
    """The class of each window of a piece from a first to a last step; -1 where it has none."""
    codes = np.full(len(owner), -1)
    null = null_class(names)
    for piece in np.unique(owner):
        rows = np.flatnonzero(owner == piece)
        begin, end, labels = ends[0][rows], ends[1][rows], pieces[piece].labels
        if source.window_label in ("end", "run"):
            codes[rows] = labels[end - 1]
            continue
        most = np.zeros(len(rows))
        for code in np.unique(labels):
            before = np.concatenate([[0], np.cumsum(labels == code)])
            count = before[end] - before[begin]
            codes[rows] = np.where(count > most, code, codes[rows])
            most = np.maximum(count, most)
        if source.window_label == "share":
            codes[rows] = np.where(most < source.label_share * (end - begin), -1 if null is None else null, codes[rows])
    return codes


def _tell_lost(pieces: Sequence[Piece], names: Sequence[str], occur: Sequence[str], notes: list[str]) -> None:
    lost = sorted({names[code] for piece in pieces for code in np.unique(piece.labels)} - set(occur), key=natural_order)
    if lost:
        notes.append(
            f"{NEVER_LABELLED}{', '.join(map(repr, lost))}, which never lasts long enough: a smaller "
            "data.window_seconds would have some"
        )


def _events(pieces: Sequence[Piece], number: NDArray[np.int64], classes: Sequence[str]) -> NDArray[np.float64]:
    null = null_class(classes)
    events = [
        (k, number[code], begin / (piece.rate_hz or 1), end / (piece.rate_hz or 1))
        for k, piece in enumerate(pieces)
        for begin, end, code in _runs(piece.labels)
        if number[code] >= 0 and number[code] != null
    ]
    return np.array(events, dtype=np.float64).reshape(-1, 4)
