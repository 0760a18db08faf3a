"""Sequences in a MATLAB file, read by scipy: the arrays of ``arrays``, or cells with a sequence each."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import Layout, Recording
from .arrays import NAMES, read_arrays
from .folder import LARGEST_FILE_BYTES
from .npz import MAX_BYTES
from .regular import read_regular

HEADER_BYTES, COMPRESSED = 128, 15
# Whatever scipy raises on bytes that MATLAB did not write.
DAMAGE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError, MemoryError, OSError),
    *(zlib.error, struct.error),
)


def read_mat(path: Path, name: str, most_bytes: int = MAX_BYTES) -> tuple[Layout, list[Recording]]:
    """Reads every sequence.

    Args:
        path: The file.
        name: Of the data set.
        most_bytes: That its variables may take in memory.

    Raises:
        DataError: If the file is damaged, of version 7.3 (HDF5), too large, or its variables do not fit together.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = read_regular(path, LARGEST_FILE_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    _refuse_bomb(content, str(path), most_bytes)
    try:
        found = loadmat(io.BytesIO(content), chars_as_strings=True)
    except NotImplementedError as error:
        raise DataError(f"{path} is a MATLAB file of version 7.3: save it with -v7") from error
    except (*DAMAGE, MatReadError) as error:
        raise DataError(f"{path} is not a MATLAB file, or is damaged: {error}") from error
    arrays = {key: value for key, value in found.items() if not key.startswith("__")}
    plain: dict[str, NDArray[Any]] = {}
    for key, value in arrays.items():
        plain |= _plain(key, np.asarray(value), str(path))
    return read_arrays([*plain], plain.__getitem__, str(path), name)


def _plain(key: str, value: NDArray[Any], place: str) -> dict[str, NDArray[Any]]:
    """A variable as arrays; a cell of sequences is one after the other, with lengths."""
    is_values = key.lower() in NAMES["values"]
    if value.dtype.kind != "O":
        # A row of labels is as good as a column.
        return {key: value.ravel() if not is_values and value.ndim == 2 and 1 in value.shape else value}
    cells = [np.asarray(one) for one in value.ravel()]
    if not is_values:
        return {key: np.array([str(one.ravel()[0]) if one.size else "" for one in cells])}
    if any(one.ndim != 2 or one.dtype.kind not in "fiu" or not one.size for one in cells):
        raise DataError(f"{place}: {key!r} holds cells that are not [steps, channels]")
    widths = {one.shape[1] for one in cells}
    if len(widths) > 1:
        raise DataError(f"{place}: the cells of {key!r} have {min(widths)} to {max(widths)} channels (columns)")
    return {key: np.concatenate(cells), "lengths": np.array([len(one) for one in cells])}


def _refuse_bomb(content: bytes, place: str, most_bytes: int) -> None:
    """Refuses a file whose compressed variables are larger than memory is for, before any is unpacked whole."""
    order = "big" if content[126:128] == b"MI" else "little"
    at, n_bytes = HEADER_BYTES, 0
    while at + 8 <= len(content):
        kind = int.from_bytes(content[at : at + 4], order)  # type: ignore[arg-type]
        size = int.from_bytes(content[at + 4 : at + 8], order)  # type: ignore[arg-type]
        at += 8
        if kind == COMPRESSED:
            unpacker, packed = zlib.decompressobj(), content[at : at + size]
            try:
                while packed and n_bytes <= most_bytes:
                    n_bytes += len(unpacker.decompress(packed, 1 << 24))
                    packed = unpacker.unconsumed_tail
            except zlib.error as error:
                raise DataError(f"{place} is damaged: {error}") from error
        at += size
        if n_bytes > most_bytes:
            raise DataError(f"{place} unpacks to more than {most_bytes:,} bytes, which is the most that is read")
