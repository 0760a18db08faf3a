"""Sequences in a MATLAB file, read by scipy: the arrays of ``arrays``, cells with a sequence each, structs of both."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import CHECK, Layout, Recording
from .arrays import NAMES, are_arrays, part_of, read_arrays
from .folder import LARGEST_FILE_BYTES
from .npz import MAX_BYTES
from .regular import read_regular

HEADER_BYTES, COMPRESSED = 128, 15
HDF5 = b"\x89HDF\r\n\x1a\n"
NEWER = "is a MATLAB file of version 7.3 (HDF5): save it with -v7"
SUFFIXES = ("train", "validation", "test")
# That every element of a struct array may say anew.
SHARED = {name for what in ("channel_names", "class_names", "sample_rate_hz") for name in NAMES[what]}
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
    from scipy.io.matlab import MatlabOpaque, MatReadError

    try:
        content = read_regular(path, LARGEST_FILE_BYTES)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if content.startswith(HDF5):
        raise DataError(f"{path} {NEWER}")
    _refuse_bomb(content, str(path), most_bytes)
    try:
        found = loadmat(io.BytesIO(content), chars_as_strings=True)
    except NotImplementedError as error:
        raise DataError(f"{path} {NEWER}") from error
    except (*DAMAGE, MatReadError) as error:
        raise DataError(f"{path} is not a MATLAB file, or is damaged: {error}") from error
    variables = {key: value for key, value in found.items() if not key.startswith("__")}
    plain: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    for variable, value in variables.items():
        for key, field in _fields(variable, np.asarray(value)):
            if key in plain:
                raise DataError(f"{path} holds {key!r} twice: save one struct array, or one of the structs")
            plain |= _plain(key, field, str(path), notes)
    if not are_arrays([*plain]) and any(isinstance(value, MatlabOpaque) for value in variables.values()):
        raise DataError(
            f"{path} holds a table, strings or another object that only MATLAB reads: save table2struct(T) of a table, "
            "and cellstr(s) of strings"
        )
    layout, recordings = read_arrays([*plain], plain.__getitem__, str(path), name)
    return replace(layout, notes=(*layout.notes, *notes)), recordings


def _fields(key: str, value: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """A variable, or the fields of a struct by their names; of a struct array each is a cell."""
    if value.dtype.names is None:
        yield key, value
        return
    part, rest = part_of(key)
    suffix = "" if part is None or rest.lower() not in ("", "ing", "set", "data") else f"_{SUFFIXES[part]}"
    for field in value.dtype.names:
        cells = [np.asarray(one[field]) for one in value.ravel()]
        alike = field.lower() in SHARED and all(np.array_equal(one, cells[0]) for one in cells)
        if len(cells) == 1 or alike:
            yield from _fields(field + suffix, cells[0])
            continue
        cell = np.empty(len(cells), object)
        cell[:] = cells
        yield field + suffix, cell


def _plain(key: str, value: NDArray[Any], place: str, notes: list[str]) -> dict[str, NDArray[Any]]:
    """A variable as arrays; a cell of sequences is one after the other, with lengths."""
    part, name = part_of(key)
    is_values = name.lower() in NAMES["values"]
    if value.dtype.kind != "O":
        # A row of labels is as good as a column.
        return {key: value.ravel() if not is_values and value.ndim == 2 and 1 in value.shape else value}
    cells = [np.asarray(one) for one in value.ravel()]
    if not is_values:
        if all(one.dtype.kind in "iuf" and one.size == 1 for one in cells):
            return {key: np.array([one.item() for one in cells])}
        return {key: np.array([str(one.ravel()[0]) if one.size else "" for one in cells])}
    if any(one.ndim != 2 or one.dtype.kind not in "fiu" or not one.size for one in cells):
        raise DataError(f"{place}: {key!r} holds cells that are not [steps, channels]")
    if len({one.shape for one in cells}) == 1 and len(cells[0]) > 1:
        return {key: np.stack(cells)}
    heights, widths = ({one.shape[axis] for one in cells} for axis in (0, 1))
    if len(heights) == 1 and (heights == {1} or len(widths) > 1):
        notes.append(f"{CHECK}the cells of {key!r} are read as [channels, steps], {min(heights)} channels each")
        cells, widths = [one.T for one in cells], heights
    if len(widths) > 1:
        raise DataError(f"{place}: the cells of {key!r} have {min(widths)} to {max(widths)} channels (columns)")
    lengths = "lengths" if part is None else f"lengths_{SUFFIXES[part]}"
    return {key: np.concatenate(cells), lengths: np.array([len(one) for one in cells])}


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
