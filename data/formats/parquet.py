"""Parquet tables, read in pieces by pyarrow, which is an extra."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import MAX_VALUES
from ..spool import most
from .archive import open_binary
from .delimited import CHUNK_ROWS, parse_numbers, refuse_columns
from .regular import LARGEST_BYTES
from .tables import LARGEST

BUFFER_BYTES = 1 << 18
INSTALL = ".venv/bin/python -m pip install pyarrow"


@dataclass(frozen=True, eq=False)
class ParquetChunk:
    """Some rows of a table, a column at a time; see ``delimited.TextChunk``.

    Attributes:
        place: How errors name the file.
        columns: Names of all columns.
        first_row: Row that the chunk begins with, the first being 1.
        batch: pyarrow's record batch.
    """

    place: str
    columns: tuple[str, ...]
    first_row: int
    batch: Any

    def numbers(self, column: int) -> NDArray[np.float64]:
        """A column as numbers, NaN where one is missing.

        Raises:
            DataError: If a value is not a finite number; the message names file, row and column.
        """
        import pyarrow as pa

        values, name = self.batch.column(column), self.columns[column]
        if pa.types.is_temporal(values.type):
            raise DataError(
                f"{self.place}, column {name!r} holds {values.type}: call it 'time' if it says when a row was "
                "measured, or take it out"
            )
        if pa.types.is_nested(values.type):
            raise DataError(f"{self.place}, column {name!r} holds {values.type}: write a row for every step")
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            return parse_numbers(self.texts(column), self.place, name, self.first_row)
        try:
            numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
        except pa.ArrowException as error:
            raise DataError(f"{self.place}, column {name!r} holds {values.type}, which are no numbers") from error
        wrong = np.flatnonzero(np.abs(numbers) > LARGEST)
        if len(wrong):
            row = self.first_row + int(wrong[0])
            raise DataError(f"{self.place}, row {row}, column {name!r}: {numbers[wrong[0]]} is not finite")
        return numbers

    def texts(self, column: int) -> list[str]:
        """A column as text; whole numbers without a fraction, missing values empty."""
        import pyarrow as pa

        values = self.batch.column(column)
        if pa.types.is_timestamp(values.type):
            # Python's dates know no finer fraction.
            values = values.cast(pa.timestamp("us", values.type.tz), safe=False)
        return [_as_text(value) for value in values.to_pylist()]


class ParquetTable:
    """A Parquet file whose columns are known, and whose rows are not yet read.

    Args:
        path: The file.
        place: How errors name it.

    Raises:
        DataError: If pyarrow is not installed, or the file is damaged or empty.
    """

    has_header = True
    first_row = 1

    def __init__(self, path: Path, place: str) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise DataError(
                f"{place} is a Parquet file, and pyarrow, which reads it, is not installed: {INSTALL}"
            ) from error
        self.path, self.place = path, place
        self.above: tuple[str, ...] = ()
        self.recoded: list[int] = []
        self.breaks: list[int] = []
        self._damage = (pa.ArrowException, OSError, ValueError)
        file = open_binary(path, most(LARGEST_BYTES))
        weakref.finalize(self, file.close)
        try:
            # Of a file that is one group of rows as well no more than this is read ahead of each column.
            self._file = parquet.ParquetFile(file, buffer_size=BUFFER_BYTES)
        except self._damage as error:
            raise DataError(f"{place} is not a Parquet file, or is damaged: {error}") from error
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        refuse_columns(len(self.columns), place)
        # Runs of equal values take next to no room in the file.
        if self._file.metadata.num_rows * len(self.columns) > most(MAX_VALUES):
            raise DataError(f"{place} holds more than {most(MAX_VALUES):,} values: take fewer rows")
        if self._file.metadata.num_rows == 0 or not self.columns:
            raise DataError(f"{place} is empty: it should hold a row for every step")
        twice = next((name for name in self.columns if self.columns.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"{place} names the column {twice!r} twice: give every column a name of its own")

    def chunks(self, as_numbers: bool = False) -> Iterator[ParquetChunk]:
        """All rows, in order.

        Args:
            as_numbers: Changes nothing.

        Raises:
            DataError: If the file is damaged.
        """
        first_row = 1
        try:
            for batch in self._file.iter_batches(batch_size=CHUNK_ROWS):
                yield ParquetChunk(self.place, self.columns, first_row, batch)
                first_row += batch.num_rows
        except self._damage as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self.place} is damaged: {error}") from error


def _as_text(value: object) -> str:
    if value is None or value != value:  # NaN, which pandas writes where a label is missing
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
