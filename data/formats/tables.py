"""Tables of numbers in text, read fast and strictly."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

# What numbers in text are made of; leaves out nan, inf, underscores, and blanks that only some readers know.
ALPHABET = b"0123456789+-.eE \t\r\n"
LARGEST = float(np.finfo(np.float32).max)


def read_table(text: bytes, n_columns: int, place: str) -> NDArray[np.float32]:
    """Reads numbers between blanks, one row a line.

    Args:
        text: The file's content. Empty lines are allowed at its end only.
        n_columns: Numbers on every line.
        place: How errors name the file.

    Returns:
        All rows, [rows, columns].

    Raises:
        DataError: If there is no row, a line has more or fewer columns, or something is not a finite number; the
            message names the line.
    """
    text = text.rstrip()
    if not text:
        raise DataError(f"{place} is empty: it should hold lines of {n_columns} numbers")
    try:
        if text.translate(None, delete=ALPHABET):
            raise ValueError("characters that no number has")
        table = np.loadtxt(io.BytesIO(text), dtype=np.float32, comments=None, ndmin=2, encoding="ascii")
        # loadtxt skips empty lines, and reads a number too large for its type as infinite.
        if table.shape != (text.count(b"\n") + 1, n_columns) or not np.isfinite(table).all():
            raise ValueError("lines or numbers that do not belong")
    except ValueError as error:
        raise DataError(f"{place}{_first_fault(text, n_columns)}") from error
    return table


def _first_fault(text: bytes, n_columns: int) -> str:
    for line_number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        for field in fields:
            if not _is_finite_number(field):
                shown = field[:40].decode("ascii", "backslashreplace")
                return f", line {line_number}: {shown!r} is not a finite number"
        if len(fields) != n_columns:
            return f", line {line_number}: {len(fields)} columns where {n_columns} belong"
    return f": it should hold lines of {n_columns} numbers between blanks"


def _is_finite_number(field: bytes) -> bool:
    try:
        return not field.translate(None, delete=ALPHABET) and abs(float(field)) <= LARGEST
    except ValueError:
        return False
