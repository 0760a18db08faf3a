"""NumPy's ``.npy`` files from strangers: numbers only, nothing that runs code, no array larger than its file."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .delimited import CHUNK_ROWS, NumberChunk, refuse_columns
from .folder import LARGEST_FILE_BYTES
from .regular import read_regular
from .tables import LARGEST

ARRAY_SUFFIX = ".npy"

# Whatever NumPy raises on a header that it did not write itself.
DAMAGE = (ValueError, TypeError, SyntaxError, KeyError, EOFError, MemoryError, RecursionError, tokenize.TokenError)


def read_npy(content: bytes, place: str) -> NDArray[np.float32]:
    """Reads an array of real numbers.

    Args:
        content: The whole file.
        place: How errors name it.

    Raises:
        DataError: If it is damaged, holds anything but real numbers, or one that is not finite in single precision.
    """
    shape, is_fortran, dtype, begin = _checked(content, place, "fiu", "real numbers")
    flat = np.frombuffer(content, dtype, offset=begin) if math.prod(shape) else np.empty(0, dtype)
    try:
        with np.errstate(over="ignore"):
            values = flat.reshape(shape, order="F" if is_fortran else "C").astype(np.float32)
    except (ValueError, TypeError, OverflowError) as error:  # beside a side of 0 another may be of any length
        raise DataError(f"{place} is damaged: an array of shape {str(shape)[:80]}: {error}") from error
    return finite(values, place)


def finite(values: NDArray[np.float32], place: str) -> NDArray[np.float32]:
    """The values, which are looked at.

    Raises:
        DataError: If one is not finite.
    """
    if not np.isfinite(values).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise DataError(f"{place}: {values[where]} at {list(where)} is not a finite number")
    return values


def read_any(content: bytes, place: str) -> NDArray[Any]:
    """Reads an array of numbers (missing ones too), truth values or text.

    Raises:
        DataError: If it is damaged, or holds Python objects, which could run code.
    """
    _, _, dtype, _ = _checked(content, place, "fiubUS", "numbers or text; save text as y.astype(str)")
    try:
        array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except DAMAGE as error:
        raise DataError(f"{place} is not an array as numpy.save writes it, or is damaged: {error}") from error
    return array if dtype.kind != "f" else array.astype(np.float64)


def shape_of(begin: bytes, place: str) -> tuple[int, ...]:
    """The shape of an array by the first bytes of its file.

    Raises:
        DataError: If they are not those of an array.
    """
    return _header(begin, place)[0]


class ArrayTable:
    """A clip [steps, channels], or [steps] of one channel, as a table without a header; see ``columns.Table``.

    Raises:
        DataError: If it cannot be read, holds no numbers, or is no clip.
    """

    has_header = False
    first_row = 1

    def __init__(self, path: Path, place: str) -> None:
        self.place = place
        self.above: tuple[str, ...] = ()
        self.breaks: list[int] = []
        self.recoded: list[int] = []
        try:
            values = read_any(read_regular(path, LARGEST_FILE_BYTES), place)
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error.strerror}") from error
        if values.ndim not in (1, 2) or not values.size or values.dtype.kind not in "iuf":
            raise DataError(
                f"{place} holds {values.dtype} of the shape {list(values.shape)}: a clip holds numbers, "
                "[steps, channels]"
            )
        self._values = values.reshape(len(values), -1)
        refuse_columns(self._values.shape[1], place)
        self.columns = tuple(f"channel_{k + 1}" for k in range(self._values.shape[1]))

    def chunks(self, as_numbers: bool = False) -> Iterator[NumberChunk]:
        """All rows, in order.

        Raises:
            DataError: If a value is infinite, or too large.
        """
        for begin in range(0, len(self._values), CHUNK_ROWS):
            rows = self._values[begin : begin + CHUNK_ROWS].astype(np.float64)
            wrong = np.argwhere(np.abs(rows) > LARGEST)
            if len(wrong):
                row, column = wrong[0].tolist()
                raise DataError(
                    f"{self.place} at {[begin + row, column]}: {rows[row, column]} is not finite, or too large"
                )
            yield NumberChunk(self.place, self.columns, begin + 1, rows)


def _checked(
    content: bytes, place: str, kinds: str, what: str
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """The header of an array that is of one of the kinds and as long as it says."""
    shape, is_fortran, dtype, begin = _header(content, place)
    if dtype.kind not in kinds:
        raise DataError(f"{place} holds {str(dtype)[:40]!r}: it should hold {what}")
    n_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or n_bytes != len(content) - begin:
        raise DataError(
            f"{place} is damaged: an array of shape {str(shape)[:80]} takes {n_bytes:,} bytes, "
            f"there are {len(content) - begin:,}"
        )
    return shape, is_fortran, dtype, begin


def _header(content: bytes, place: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Shape, whether columns lie together, type, and where the numbers begin."""
    file = io.BytesIO(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            match np.lib.format.read_magic(file):
                case (1, 0):
                    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
                case (2, 0):
                    shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file)
                case version:
                    raise ValueError(f"version {version} of the format is not known")
    except DAMAGE as error:
        raise DataError(f"{place} is not an array as numpy.save writes it, or is damaged: {error}") from error
    return shape, is_fortran, dtype, file.tell()
