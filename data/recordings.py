"""Recordings as a stranger took them, made into one data set: gaps filled, the sample rate measured, windows cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .errors import DataError
from .layouts.clips import natural_order
from .layouts.people import one_spelling
from .layouts.time_axis import N_AT_ONCE
from .on_disk import is_streamed, joined
from .recording import TRAIN, Layout, Recording
from .sequences import SequenceDataset
from .source import Source
from .spool import each, kept
from .windows import Windows, cut_windows, steps_of

LONGEST_GESTURE_STEPS = 100
LONG_STEPS = 1000
# A rate that differs by more between two recordings is told.
RATE_TOLERANCE = 0.1
# How notes begin that more is made of where recordings are looked at.
MISSING_NOTE = "missing values: "
RATES_DIFFER = "the sample rate differs between sequences"
TOO_LONG = "sequences are long and not cut"


def check_printable(place: str, names: Sequence[str]) -> None:
    """Refuses names with bytes of another encoding, line breaks, or marks that turn the direction of writing.

    Raises:
        DataError: If there is one: names go into a database, onto a terminal and into pages.
    """
    unprintable = next((name for name in names if not name.isprintable()), None)
    if unprintable is not None:
        raise DataError(f"{place}: the name {unprintable!r} cannot be printed: rename it")


def assemble(layout: Layout, recordings: Sequence[Recording], source: Source) -> SequenceDataset:
    """Makes recordings into a data set; classes and people are numbered in the natural order of their names.

    A missing value is interpolated between its neighbours in time, or takes the nearest one at an end. A channel that
    is missing throughout a recording takes its mean over the other ones (of the training set, where there is a
    publisher's split). Steps at either end that hold no value at all are dropped. Recordings of more than
    ``LONG_STEPS`` steps (the median) are cut into windows if the sample rate is known.

    Raises:
        DataError: If there are fewer than two classes, a recording without a value, or a channel
            without a value in any recording.
    """
    classes = sorted({recording.label for recording in recordings}, key=natural_order)
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no sequence"
        raise DataError(
            f"{layout.place} holds {found}: a classifier needs at least two classes; put the recordings of each class "
            "into a folder with its name, or lay a list with start, end and label beside each stream"
        )
    named, people_notes = one_spelling([recording.person for recording in recordings])
    people = sorted({person for person in named if person is not None}, key=natural_order)
    check_printable(layout.place, (*classes, *people, *layout.channel_names))
    tables, notes = fill_gaps(layout, recordings)
    rate, rate_notes = _sample_rate(recordings)
    lengths = torch.tensor([len(table) for table in tables])
    longest = 0 if layout.is_stream else LONG_STEPS
    streamed = is_streamed(source, sum(table.size for table in tables))
    whole = Windows(joined(tables, streamed), lengths, torch.arange(len(lengths)))
    if streamed:
        whole = whole._replace(starts=lengths.cumsum(0) - lengths)
    windows, window_notes = _cut(whole, rate, source, longest)
    owner = windows.recordings
    # One person, or somebody unknown among the known, is nothing to split by.
    by_person = len(people) > 1 and None not in named
    takes = [recording.take or f"\0{k}" for k, recording in enumerate(recordings)]
    take_numbers = {take: k for k, take in enumerate(dict.fromkeys(takes))}
    official = [recording.part for recording in recordings]
    return SequenceDataset(
        name=layout.name,
        kind="gesture" if int(lengths.median()) <= LONGEST_GESTURE_STEPS else "activity",
        values=windows.values,
        lengths=windows.lengths,
        labels=torch.tensor([classes.index(recording.label) for recording in recordings])[owner],
        class_names=tuple(classes),
        channel_names=layout.channel_names,
        groups=torch.tensor([people.index(str(one)) for one in named])[owner] if by_person else None,
        group_names=tuple(people) if by_person else (),
        recordings=None
        if len(windows.lengths) == len(take_numbers)
        else torch.tensor([take_numbers[take] for take in takes])[owner],
        official=None if None in official else torch.tensor([part or TRAIN for part in official])[owner],
        sample_rate_hz=rate,
        starts=windows.starts,
        notes=(*layout.notes, *people_notes, *notes, *rate_notes, *window_notes),
    )


def fill_gaps(layout: Layout, recordings: Sequence[Recording]) -> tuple[list[NDArray[np.float32]], list[str]]:
    """The values of every recording without gaps, and what was filled, in sentences.

    Raises:
        DataError: If a recording, or a channel of all recordings, holds no value.
    """
    tables = list(each(map(_without_empty_ends, recordings)))
    n_dropped = sum(len(one.values) - len(table) for one, table in zip(recordings, tables, strict=True))
    missing = [_n_missing(table) for table in each(tables)]
    n_missing = sum(missing)
    notes = []
    if n_dropped:
        notes.append(f"{n_dropped:,} steps without any value at the ends of sequences were dropped")
    if n_missing:
        means = _channel_means(layout, recordings, tables)
        n_cells = sum(table.size for table in tables)
        n_whole = 0
        for k in np.flatnonzero(missing).tolist():
            gap = np.isnan(tables[k])
            tables[k] = kept(_interpolated(tables[k], gap, means))
            n_whole += int(gap.all(axis=0).sum())
        notes.append(
            f"{MISSING_NOTE}{n_missing:,} of {n_cells:,} ({n_missing / n_cells:.1%}), filled in from their neighbours"
        )
        if n_whole:
            notes.append(
                f"{n_whole:,} times a channel is missing throughout a sequence: it was given the channel's mean there"
            )
    return tables, notes


def _without_empty_ends(recording: Recording) -> NDArray[np.float32]:
    first = _first_with_value(recording.values)
    if first is None:
        raise DataError(f"{recording.place} holds no value: take it out")
    return recording.values[first : len(recording.values) - (_first_with_value(recording.values[::-1]) or 0)]


def _first_with_value(values: NDArray[np.float32]) -> int | None:
    for begin in range(0, len(values), N_AT_ONCE):
        with_value = ~np.isnan(values[begin : begin + N_AT_ONCE]).all(axis=1)
        if with_value.any():
            return begin + int(with_value.argmax())
    return None


def _n_missing(table: NDArray[np.float32]) -> int:
    return sum(int(np.isnan(table[begin : begin + N_AT_ONCE]).sum()) for begin in range(0, len(table), N_AT_ONCE))


def _channel_means(
    layout: Layout, recordings: Sequence[Recording], tables: Sequence[NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Mean of each channel; what is held out must not be looked at where the publisher says what that is."""
    chosen = [table for one, table in zip(recordings, tables, strict=True) if one.part in (None, TRAIN)]
    n_known = sum((~np.isnan(table)).sum(axis=0) for table in chosen)
    for name, n_values in zip(layout.channel_names, np.atleast_1d(n_known), strict=True):
        if not n_values:
            raise DataError(f"{layout.place}: the channel {name!r} holds no value at all: take it out")
    total: NDArray[np.float64] = sum(
        (np.nansum(table, axis=0, dtype=np.float64) for table in chosen), np.zeros(len(layout.channel_names))
    )
    means: NDArray[np.float64] = total / n_known
    return means


def _interpolated(
    table: NDArray[np.float32], gap: NDArray[np.bool_], means: NDArray[np.float64]
) -> NDArray[np.float32]:
    filled = table.copy()
    steps = np.arange(len(table))
    for channel in np.flatnonzero(gap.any(axis=0)):
        missing = gap[:, channel]
        if missing.all():
            filled[:, channel] = means[channel]
        else:
            known = table[~missing, channel]
            filled[missing, channel] = np.interp(steps[missing], steps[~missing], known)
    return filled


def _sample_rate(recordings: Sequence[Recording]) -> tuple[float | None, list[str]]:
    seconds = np.array([one.step_seconds for one in recordings if one.step_seconds is not None])
    if not len(seconds):
        return None, []
    # Time stamps are rounded: what is behind the sixth digit is theirs.
    rate = float(f"{1 / np.quantile(seconds, 0.5, method='lower'):.6g}")
    low, high = 1 / seconds.max(), 1 / seconds.min()
    if high > (1 + RATE_TOLERANCE) * low:
        return rate, [
            f"{RATES_DIFFER}, from {low:.3g} to {high:.3g} steps a second: "
            "a network sees steps, not seconds, so the same movement looks slower or faster"
        ]
    return rate, []


def _cut(whole: Windows, rate: float | None, source: Source, longest: int) -> tuple[Windows, list[str]]:
    lengths = whole.lengths
    median = int(lengths.median())
    if median <= longest:
        return whole, []
    if rate is None:
        return whole, [
            f"{TOO_LONG} (median {median:,} steps), since the sample rate is not known: a time column tells it"
        ]
    n_steps, hop = steps_of(source, rate)
    windows = cut_windows(whole.values, lengths, n_steps=n_steps, hop=hop, streamed=whole.starts is not None)
    return windows, [
        f"sequences are long (median {median:,} steps): {len(lengths)} of them were cut into {len(windows.lengths)} "
        f"windows of {n_steps / rate:g} s that overlap by {1 - hop / n_steps:.0%} (data.window_seconds, hop_seconds)"
    ]
