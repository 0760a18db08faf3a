"""Recordings to be classified: tables, NumPy's files and folders of them, read as for training but without labels.

Whoever classifies with an ONNX file has no torch: nothing here needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .formats.columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES, Roles, Table, find_roles, open_table
from .formats.folder import LARGEST_FILE_BYTES, Folder
from .formats.measured import Rounded, without_counters
from .formats.npy import read_npy
from .formats.npz import read_npz
from .formats.regular import read_regular
from .layouts.clips import natural_order
from .layouts.contents import read_contents, without_clocks
from .layouts.sensors import PASSED_OVER, group_sensors, join_sensors
from .layouts.time_axis import Clock
from .recording import MAX_VALUES, Recording
from .streams.clock import mended_clock
from .streams.tables import (
    ANNOTATIONS,
    LABELS,
    N_LOOKED_AT,
    PLAIN,
    ROWS,
    Head,
    clock_of,
    look,
    numbers,
    read_frame,
    roles_in,
    times,
    words_in,
)

TABLES = PARQUET_SUFFIXES | TEXT_SUFFIXES | STREAM_SUFFIXES
ARRAYS = frozenset({".npy", ".npz"})
UNDERSTOOD = "CSV, TSV, TXT, DAT, LOG, Parquet, .npy and .npz"


# On average; a clock that jumps more often is none.
FEWEST_STEPS_BETWEEN_JUMPS = 20
# Of a table without a header that has more columns than the network channels.
FEWEST_ROWS = 8


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """One recording to be classified.

    Attributes:
        place: How it is named: the file and, where that holds several, which of them.
        values: [steps, channels], without gaps.
        channel_names: As the file has them; None where it has none.
        sample_rate_hz: As its time column or archive says; None where nothing does.
        begin_seconds: Of a stretch between jumps of the clock: when it begins, from the begin of all; None of what is
            whole.
    """

    place: str
    values: NDArray[np.float32]
    channel_names: tuple[str, ...] | None
    sample_rate_hz: float | None
    begin_seconds: float | None = None


def read_unlabelled(
    path: Path, wanted: Sequence[str] = (), failed: Callable[[DataError], None] | None = None
) -> Iterator[Unlabelled]:
    """Every recording in a file, or in the files below a folder in the natural order of their names.

    Args:
        path: File or folder.
        wanted: Channels of the network that is to classify: they tell whether sensors of one take are joined, and
            whether a table without a header has columns that are no channels.
        failed: Told why a file cannot be read; the others are read all the same. None has the first one raise.

    Raises:
        DataError: If something cannot be read or has a gap; the message names file and row.
    """
    with told(failed):
        for recordings in _sources(path, wanted):
            with told(failed):
                yield from recordings


@contextmanager
def told(failed: Callable[[DataError], None] | None) -> Iterator[None]:
    """Tells of what cannot be read or classified, and goes on; None is for raising it."""
    try:
        yield
    except DataError as error:
        if failed is None:
            raise
        failed(error)


def _sources(path: Path, wanted: Sequence[str]) -> Iterator[Iterator[Unlabelled]]:
    """The recordings of every file or take."""
    if not path.is_dir():
        yield _from_file(path, wanted)
        return
    members = [Path(one) for one in Folder(path).members if Path(one).suffix.lower() in TABLES | ARRAYS]
    members = [one for one in members if not any(map(PASSED_OVER.fullmatch, (*one.parts[:-1], one.stem)))] or members
    if not members:
        raise DataError(f"{path} holds no file to classify. Understood are: {UNDERSTOOD}")
    members.sort(key=lambda one: natural_order(str(one)))
    takes, _ = group_sensors([Path(path.name) / one for one in members], are_takes=True) if wanted else (None, [])
    joined = {one.partition(" ")[0] for one in wanted}
    if takes and all(joined.intersection(sensors) for sensors in takes.values()):
        for take, sensors in takes.items():
            yield _from_take(path.parent, take, {one: file for one, file in sensors.items() if one in joined})
        return
    for member in members:
        yield _from_file(path / member, wanted, beside_others=len(members) > 1)


def _from_take(root: Path, take: Path, sensors: Mapping[str, Path]) -> Iterator[Unlabelled]:
    read = {name: without_clocks(read_contents(root, [file])) for name, file in sensors.items()}
    contents = join_sensors([str(root / take)], read)
    (one,) = contents.files
    _refuse_gaps(one.place, one.values, contents.channels, one.rows)
    step = None if one.times is None else contents.clock.step(one.times, one.place, one.rows)
    yield Unlabelled(one.place, one.values, contents.channels, _rate(step))


def _from_file(path: Path, wanted: Sequence[str], *, beside_others: bool = False) -> Iterator[Unlabelled]:
    suffix = path.suffix.lower()
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if suffix in TABLES:
        head = look(path)
        if beside_others and head.kind in (ANNOTATIONS, LABELS):
            return
        bare = head.kind == PLAIN and not head.has_header and 0 < len(wanted) < len(head.columns)
        yield from _from_stream(head, wanted) if head.kind == ROWS or bare else _from_table(path)
    elif suffix == ".npz":
        yield from _from_npz(path)
    elif suffix == ".npy":
        yield from _from_npy(path)
    else:
        raise DataError(f"{path} is not understood. Understood are: {UNDERSTOOD}")


def _from_stream(head: Head, wanted: Sequence[str]) -> Iterator[Unlabelled]:
    """A stream as training has it: without its labels, a recording a person, missing values filled in."""
    frame = read_frame(head, words_in(head))
    # A clock shows in few rows where columns are too many.
    head, roles = roles_in(head, frame, FEWEST_ROWS if head.kind == PLAIN else N_LOOKED_AT)
    frame.columns = list(head.columns)
    names = [head.columns[k] for k in roles.channels]
    values = np.stack([numbers(frame, head, name) for name in names], axis=1)
    clock = (
        None
        if roles.time is None
        else clock_of(*times(frame, head, head.columns[roles.time]), head.columns[roles.time])
    )
    owners = None if roles.person is None else frame.iloc[:, roles.person].astype(str).str.strip().tolist()
    for person, rows in _sequences(owners, len(values), ()):
        place = str(head.path) if person is None else f"{head.path}, {person}"
        mine = values[rows]
        known = ~np.isnan(mine)
        there = np.flatnonzero(known.any(axis=0))
        for k in there:
            mine[:, k] = np.interp(np.arange(len(mine)), np.flatnonzero(known[:, k]), mine[known[:, k], k])
        channels = tuple(names[k] for k in there)
        given = head.has_header or set(wanted) <= set(channels)
        steps = None if clock is None else np.diff(clock.stamps[rows]) * clock.unit
        rate = head.published.rate_hz if head.published is not None else None
        if rate is None and steps is not None and (steps > 0).any():
            rate = 1 / float(np.median(steps[steps > 0]))
        measured = mine[:, there].astype(np.float32)
        for part, begin in _stretches(None if clock is None else clock.stamps[rows] * clock.unit):
            of_file = frame.index[rows[part]]
            named = place if begin is None else f"{place}, rows {of_file[0]:,} to {of_file[-1]:,}"
            yield Unlabelled(named, measured[part], channels if given else None, rate, begin)


def _from_table(path: Path) -> Iterator[Unlabelled]:
    table = open_table(path, str(path))
    if table.has_header:
        roles = find_roles(table.columns, table.place)
    else:
        roles = Roles(None, None, None, None, tuple(range(len(table.columns))), ())
    clock = Clock(None if roles.time is None else table.columns[roles.time])
    rounded = Rounded()
    values, times, owners, rows_of = _rows(table, roles, clock, rounded)
    names = tuple(table.columns[k] for k in roles.channels) if table.has_header else None
    if names is None and rounded.channels:
        # As for training; columns with names are found by them.
        blocks = [(table.place, block) for block in np.split(values, table.breaks)]
        kept, _ = without_counters(blocks, table.columns, rounded)
        values = values[:, kept]
    _refuse_gaps(table.place, values, names, rows_of)
    for name, block in _sequences(owners, len(values), table.breaks):
        for part, begin in _stretches(_seconds(times, block, clock)):
            rows = block[part]
            step = None
            if times is not None:
                step = clock.step(times[rows], table.place, rows_of[rows])
            place = table.place if name is None else f"{table.place}, sequence {name!r}"
            if begin is not None or (owners is None and table.breaks):
                place = f"{place}, rows {rows_of[rows[0]]:,} to {rows_of[rows[-1]]:,}"
            (recording,) = clock.measured([Recording(place, "", values[rows], step_seconds=step)])
            yield Unlabelled(place, recording.values, names, _rate(recording.step_seconds), begin)


def _seconds(times: NDArray[np.float64] | None, rows: NDArray[np.int64], clock: Clock) -> NDArray[np.float64] | None:
    if times is None:
        return None
    steps = np.diff(times[rows])
    forward = steps[steps > 0]
    unit = clock.unit_seconds([float(np.median(forward))]) if len(forward) else None
    return None if unit is None else times[rows] * unit


def _stretches(seconds: NDArray[np.float64] | None) -> list[tuple[slice, float | None]]:
    """The stretches between jumps of the clock, as in training, and when each begins; None where there is no jump."""
    whole: list[tuple[slice, float | None]] = [(slice(None), None)]
    if seconds is None or not (~np.isnan(seconds)).sum() > 1:
        return whole
    mended, parts, _ = mended_clock(seconds)
    # Rows that are in no order at all are told as such.
    if len(parts) == 1 or len(parts) > len(seconds) / FEWEST_STEPS_BETWEEN_JUMPS:
        return whole
    return [(one, float(mended[one.start] - mended[0])) for one in parts if one.stop - one.start > 1]


def _rows(
    table: Table, roles: Roles, clock: Clock, rounded: Rounded
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, list[str] | None, NDArray[np.int64]]:
    """Channels and times of every row, the name of the sequence that it belongs to, and where in the file it stands."""
    channels = list(roles.channels)
    pieces, times, owners, rows = [], [], [], []
    n_values = 0
    for chunk in table.chunks(as_numbers=roles.sequence is None and roles.person is None and roles.label is None):
        measured = np.stack([chunk.numbers(k) for k in channels], axis=1)
        rounded.look_at(measured)
        pieces.append(measured.astype(np.float32))
        rows.append(np.arange(chunk.first_row, chunk.first_row + len(pieces[-1])))
        n_values += pieces[-1].size
        if n_values > MAX_VALUES:
            raise DataError(f"{table.place} holds more than {MAX_VALUES:,} values: take fewer rows")
        if roles.time is not None:
            times.append(clock.read(chunk, roles.time))
        if roles.sequence is not None:
            owners += chunk.texts(roles.sequence)
    joined = np.concatenate(times) if times else None
    return np.concatenate(pieces), joined, owners if roles.sequence is not None else None, np.concatenate(rows)


def _sequences(
    owners: list[str] | None, n_rows: int, breaks: Sequence[int]
) -> Iterator[tuple[str | None, NDArray[np.int64]]]:
    """The rows of every sequence, in the order in which they appear."""
    if owners is None:
        for block in np.split(np.arange(n_rows), breaks):
            yield None, block
        return
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(owners):
        rows.setdefault(name, []).append(row)
    for name, mine in rows.items():
        yield name, np.array(mine)


def _refuse_gaps(
    place: str, values: NDArray[np.float32], names: tuple[str, ...] | None, rows: NDArray[np.int64]
) -> None:
    gaps = np.argwhere(np.isnan(values))
    if len(gaps):
        row, channel = (int(k) for k in gaps[0])
        column = channel + 1 if names is None else repr(names[channel])
        raise DataError(
            f"{place}, row {rows[row]}, column {column}: there is no value ({len(gaps):,} are missing in all): "
            "fill them in, or take the rows out"
        )


def _from_npz(path: Path) -> Iterator[Unlabelled]:
    layout, recordings = read_npz(path, "", labelled=False)
    given = any(not name.startswith("channel_") for name in layout.channel_names)
    for one in recordings:
        real = np.flatnonzero(~np.isnan(one.values).all(axis=1))
        if not len(real):
            raise DataError(f"{one.place} holds no value: take it out")
        values = one.values[real[0] : real[-1] + 1]
        _refuse_gaps(one.place, values, layout.channel_names, real + 1)
        yield Unlabelled(one.place, values, layout.channel_names if given else None, _rate(one.step_seconds))


def _from_npy(path: Path) -> Iterator[Unlabelled]:
    try:
        content = read_regular(path, LARGEST_FILE_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    values = read_npy(content, str(path))
    if values.ndim not in (1, 2, 3) or not values.size:
        raise DataError(
            f"{path} has the shape {values.shape}: [steps, channels] or [sequences, steps, channels] are read"
        )
    if values.ndim < 3:
        yield Unlabelled(str(path), values.reshape(len(values), -1), None, None)
        return
    for k, table in enumerate(values):
        yield Unlabelled(f"{path}, sequence {k}", table, None, None)


def _rate(step_seconds: float | None) -> float | None:
    return 1 / step_seconds if step_seconds else None
