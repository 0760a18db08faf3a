"""Sequences that a program holds in memory, as the NumPy archive that ``npz`` reads: one way in for all recordings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError

UNDERSTOOD = (
    "a list of arrays [steps, channels] or of data frames, an array [sequences, steps, channels], or a data frame "
    "whose index begins with the sequence"
)


def tables_of(sequences: Any) -> tuple[list[NDArray[np.float32]], tuple[str, ...] | None]:
    """The steps of every sequence, each [steps, channels], and the channels' names where data frames tell them.

    Args:
        sequences: Arrays [steps, channels], or [steps] of one channel; data frames with a column a channel; one array
            [sequences, steps, channels], or [sequences, steps] of one channel; one data frame with an index of two
            levels, the sequence and its step, or with a row a sequence of one channel. NaN is a missing value; steps
            at either end without any value are padding.

    Raises:
        DataError: If they are none of these, or differ in their channels.
    """
    names: tuple[str, ...] | None = None
    if isinstance(sequences, pd.DataFrame) and sequences.index.nlevels > 1:
        sequences = [one for _, one in sequences.groupby(level=0, sort=False)]
    if isinstance(sequences, list | tuple) and sequences and isinstance(sequences[0], pd.DataFrame):
        listed = [tuple(map(str, getattr(one, "columns", ()))) for one in sequences]
        names = listed[0]
        if other := next((one for one in listed if one != names), None):
            raise DataError(f"the data frames have different columns: {', '.join(names)} and {', '.join(other)}")
    if hasattr(sequences, "toarray"):
        raise DataError(f"a sparse matrix is not read: give {UNDERSTOOD}")
    try:
        tables = [_table(k, one) for k, one in enumerate(np.asarray(sequences) if _is_one(sequences) else sequences)]
    except TypeError as error:
        raise DataError(f"{type(sequences).__name__} is not read ({error}): give {UNDERSTOOD}") from error
    if not tables:
        raise DataError("there is no sequence: found array with 0 sample(s) while a minimum of 1 is required")
    widths = [table.shape[1] for table in tables]
    if len(set(widths)) > 1:
        odd = next(k for k, width in enumerate(widths) if width != widths[0])
        raise DataError(f"sequence {odd} has {widths[odd]} channels, and sequence 0 has {widths[0]}")
    return tables, names


def texts_of(values: ArrayLike) -> list[str]:
    """Labels or people as ``npz`` would read them from an archive: whole numbers without a point, all else as text."""
    array = np.asarray(values)
    if array.dtype.kind == "f" and not (array % 1).any():
        array = array.astype(np.int64)
    return [str(one) for one in array.tolist()]


def archive_of(
    tables: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
    groups: Sequence[str] | None,
    channel_names: Sequence[str] | None,
    sample_rate_hz: float | None,
) -> bytes:
    """The same sequences as a NumPy archive, the same bytes every time; see ``npz``."""
    optional = {"groups": groups, "channel_names": channel_names, "sample_rate_hz": sample_rate_hz}
    arrays: dict[str, Any] = {
        "values": np.concatenate(tables),
        "lengths": np.array([len(table) for table in tables]),
        "labels": np.array(labels, dtype=str),
        **{name: np.array(value) for name, value in optional.items() if value is not None},
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _is_one(sequences: Any) -> bool:
    """Whether all sequences are one array, of which each is a row."""
    return not isinstance(sequences, list | tuple)


def _table(number: int, sequence: Any) -> NDArray[np.float32]:
    array = np.asarray(sequence)
    if array.dtype.kind == "c":
        raise DataError(f"sequence {number}: Complex data not supported")
    try:
        with np.errstate(over="ignore"):
            table = array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"sequence {number} does not hold numbers alone: {error}") from error
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or 0 in table.shape:
        shape = list(np.shape(array))
        raise DataError(f"sequence {number} has the shape {shape}, and is to be [steps, channels]: give {UNDERSTOOD}")
    with_value = np.flatnonzero(~np.isnan(table).all(axis=1))
    if not len(with_value):
        raise DataError(f"sequence {number} holds no value: take it out")
    return table[with_value[0] : with_value[-1] + 1]
