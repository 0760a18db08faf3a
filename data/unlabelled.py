"""Recordings to be classified: tables, NumPy's files and folders of them, read as for training but without labels.

Whoever classifies with an ONNX file has no torch: nothing here needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clips import natural_order
from .columns import PARQUET_SUFFIXES, TEXT_SUFFIXES, Roles, Table, find_roles, open_table
from .errors import DataError
from .folder import LARGEST_FILE_BYTES, Folder
from .measured import Rounded, without_counters
from .npy import read_npy
from .npz import read_npz
from .recording import MAX_VALUES, Recording
from .regular import read_regular
from .time_axis import Clock

TABLES = PARQUET_SUFFIXES | TEXT_SUFFIXES
ARRAYS = frozenset({".npy", ".npz"})
UNDERSTOOD = "CSV, TSV, TXT, Parquet, .npy and .npz"


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """One recording to be classified.

    Attributes:
        place: How it is named: the file and, where that holds several, which of them.
        values: [steps, channels], without gaps.
        channel_names: As the file has them; None where it has none.
        sample_rate_hz: As its time column or archive says; None where nothing does.
    """

    place: str
    values: NDArray[np.float32]
    channel_names: tuple[str, ...] | None
    sample_rate_hz: float | None


def read_unlabelled(path: Path) -> Iterator[Unlabelled]:
    """Every recording in a file, or in the files below a folder in the natural order of their names.

    Raises:
        DataError: If something cannot be read or has a gap; the message names file and row.
    """
    if path.is_dir():
        folder = Folder(path)
        members = [one for one in folder.members if Path(one).suffix.lower() in TABLES | ARRAYS]
        if not members:
            raise DataError(f"{path} holds no file to classify. Understood are: {UNDERSTOOD}")
        for member in sorted(members, key=natural_order):
            yield from read_file(path / member)
    else:
        yield from read_file(path)


def read_file(path: Path) -> Iterator[Unlabelled]:
    """Every recording in one file.

    Raises:
        DataError: As ``read_unlabelled``.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if suffix in TABLES:
        yield from _from_table(path)
    elif suffix == ".npz":
        yield from _from_npz(path)
    elif suffix == ".npy":
        yield from _from_npy(path)
    else:
        raise DataError(f"{path} is not understood. Understood are: {UNDERSTOOD}")


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
    for name, rows in _sequences(owners, len(values), table.breaks):
        step = None
        if times is not None:
            step = clock.step(times[rows], table.place, rows_of[rows])
        place = table.place if name is None else f"{table.place}, sequence {name!r}"
        if owners is None and table.breaks:
            place = f"{table.place}, rows {rows_of[rows[0]]:,} to {rows_of[rows[-1]]:,}"
        (recording,) = clock.measured([Recording(place, "", values[rows], step_seconds=step)])
        yield Unlabelled(place, recording.values, names, _rate(recording.step_seconds))


def _rows(
    table: Table, roles: Roles, clock: Clock, rounded: Rounded
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, list[str] | None, NDArray[np.int64]]:
    """Channels and times of every row, the name of the sequence that it belongs to, and where in the file it stands."""
    channels = list(roles.channels)
    matrix = table.matrix() if roles.sequence is None and roles.person is None and roles.label is None else None
    if matrix is not None:
        whole = np.arange(table.first_row, table.first_row + len(matrix))
        rounded.look_at(matrix[:, channels])
        return (
            matrix[:, channels].astype(np.float32),
            None if roles.time is None else matrix[:, roles.time],
            None,
            whole,
        )
    pieces, times, owners, rows = [], [], [], []
    n_values = 0
    for chunk in table.chunks():
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
