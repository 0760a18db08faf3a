"""Tables whose rows are whole sequences: without a header the class first, as in the ``.tsv`` files of the UCR archive.

H. A. Dau et al., "The UCR time series archive", arXiv:1810.07758: a case a row, its class and then its values; shorter
ones end in NaN. ``.arff`` files have the class last, in an attribute of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import Table, label_of_steps, open_table
from ..formats.folder import LARGEST_FILE_BYTES
from ..formats.regular import read_regular
from ..formats.tables import LARGEST
from ..recording import CHECK, MAX_VALUES, Layout, Recording
from .ts_archive import read_pair

# Fewer columns are steps of one recording more often than a sequence.
FEWEST_COLUMNS = 4
ARFF = ".arff"
ARFF_DAMAGE = (
    *(ValueError, TypeError, KeyError, IndexError, NotImplementedError, StopIteration, RuntimeError),
    csv.Error,
)


def is_label_first(path: Path) -> bool:
    """Whether a header names steps, or a table without one begins its rows with a few whole numbers or words.

    Raises:
        DataError: If it cannot be opened.
    """
    table = open_table(path, str(path))
    if table.has_header or len(table.columns) < FEWEST_COLUMNS:
        return table.has_header and label_of_steps(table.columns) is not None
    labels = next(iter(table.chunks())).texts(0)
    known = {class_of(label) for label in labels}
    return None not in known and len(known) > 1 and (2 * len(known) <= len(labels) or len(labels) < 2 * FEWEST_COLUMNS)


def read_label_first(path: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads a table, together with its other half (``_TRAIN``, ``_TEST``).

    Raises:
        DataError: If a row cannot be used; the message names it.
    """
    layout, recordings = read_pair(path, name, _cases)
    columns = open_table(path, str(path)).columns
    label = label_of_steps(columns)
    how = (
        f"{CHECK}there is no header: the first number of a row is taken for its class, the others for its steps"
        if label is None
        else f"{CHECK}{columns[label]!r} is taken for the class of a row, the other columns for its steps"
    )
    notes = (*(note.replace("cases of the time-series archive", "a sequence a row") for note in layout.notes), how)
    return Layout(name, layout.place, layout.channel_names, notes), recordings


def read_arff(path: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads an ``.arff`` file, together with its other half.

    Raises:
        DataError: If it is damaged, or has no attribute for the class.
    """
    return read_pair(path, name, _arff_cases)


def _cases(path: Path, part: int | None) -> Iterator[Recording]:
    table = open_table(path, str(path))
    n_values = 0
    for labels, values, first_row in _rows(table):
        n_values += values.size
        if n_values > MAX_VALUES:
            raise DataError(f"{path} holds more than {MAX_VALUES:,} values: take fewer rows")
        for k, (label, row) in enumerate(zip(labels, values.astype(np.float32), strict=True)):
            place = f"{path}, row {first_row + k}"
            plain = class_of(label)
            if plain is None:
                raise DataError(f"{place}: {label[:40]!r} is no class, which is a word or a whole number")
            yield Recording(place, plain, row[:, None], part=part)


def _rows(table: Table) -> Iterator[tuple[list[str], NDArray[np.float64], int]]:
    label = (label_of_steps(table.columns) if table.has_header else None) or 0
    steps = [k for k in range(len(table.columns)) if k != label]
    for chunk in table.chunks(as_numbers=True):
        yield chunk.texts(label), np.stack([chunk.numbers(k) for k in steps], axis=1), chunk.first_row


def class_of(label: str) -> str | None:
    """A class as it is written, a whole number without a fraction; None if it is neither that nor a word."""
    try:
        number = float(label)
    except ValueError:
        return label or None
    return str(int(number)) if number.is_integer() else None


def _arff_cases(path: Path, part: int | None) -> Iterator[Recording]:
    from scipy.io import arff

    try:
        text = read_regular(path, LARGEST_FILE_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    # scipy takes the limit off for the whole process, which other readers rely on.
    limit = csv.field_size_limit()
    try:
        rows, meta = arff.loadarff(io.StringIO(text))
    except (*ARFF_DAMAGE, arff.ArffError) as error:
        raise DataError(f"{path} cannot be read as an .arff file: {error}") from error
    finally:
        csv.field_size_limit(limit)
    names, kinds = meta.names(), meta.types()
    nominal = [name for name, kind in zip(names, kinds, strict=True) if kind == "nominal"]
    if not nominal or len(nominal) == len(names):
        raise DataError(
            f"{path} has no attribute for the class: one that lists its values, as in '@attribute c {{a,b}}'"
        )
    nested = [name for name, kind in zip(names, kinds, strict=True) if kind == "relational"]
    steps = [name for name, kind in zip(names, kinds, strict=True) if kind == "numeric"]
    if not (steps or nested):
        raise DataError(f"{path} has no attribute that is a number")
    n_values = 0
    for k, row in enumerate(rows, start=1):
        place = f"{path}, case {k}"
        # Of several channels each is a row of a table of its own, as the UEA archive has it.
        table = row[nested[0]] if nested else rows[steps][k - 1 : k]
        values = np.stack([table[name] for name in table.dtype.names], axis=0).astype(np.float64)
        n_values += values.size
        if n_values > MAX_VALUES:
            raise DataError(f"{path} holds more than {MAX_VALUES:,} values: take fewer rows")
        if np.abs(values[~np.isnan(values)]).max(initial=0.0) > LARGEST:
            raise DataError(f"{place} holds a number that is not finite, or too large")
        yield Recording(place, row[nominal[-1]].decode("utf-8", "replace"), values.astype(np.float32), part=part)
