"""NumPy's ``.npy`` files from strangers: numbers only, nothing that runs code, no array larger than its file."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

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
