"""Sequences in one NumPy archive (``numpy.savez``), and in ``.npy`` files side by side; see ``arrays``."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..recording import FILE_EACH, MAX_VALUES, Layout, Recording
from .archive import DAMAGE as ZIP_DAMAGE
from .archive import open_binary, refuse_members
from .arrays import PARTS, WANTED, are_arrays, read_arrays
from .folder import LARGEST_FILE_BYTES
from .npy import DAMAGE as NPY_DAMAGE
from .npy import read_any
from .regular import read_regular

MAX_BYTES = 8 * MAX_VALUES
MOST_ARRAYS = 100_000
DAMAGE = (*ZIP_DAMAGE, *NPY_DAMAGE)


def read_npz(path: Path, name: str, labelled: bool = True) -> tuple[Layout, list[Recording]]:
    """Reads every sequence.

    Args:
        path: The archive.
        name: Of the data set.
        labelled: Whether the class of every sequence must be there; else it is not looked at.

    Raises:
        DataError: If the archive is damaged, holds Python objects, or its arrays do not fit together.
    """
    try:
        with open_binary(path) as file:
            refuse_members(file, str(path), MOST_ARRAYS)
            n_bytes = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
            if n_bytes > MAX_BYTES:
                raise DataError(f"{path} unpacks to {n_bytes:,} bytes: at most {MAX_BYTES:,} are read; {FILE_EACH}")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            return read_arrays(archive.files, lambda key: _array(archive, key, path), str(path), name, labelled)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read as a NumPy archive: {error}; save plain arrays: {WANTED}") from error


def arrays_beside(folder: Path) -> dict[str, Path]:
    """The ``.npy`` files in a folder by their names, where these are sequences and labels; else nothing.

    Those in folders ``train``, ``val`` and ``test`` are called ``X_train`` and so on.

    Raises:
        DataError: If the folder cannot be looked into.
    """
    try:
        entries = sorted(folder.iterdir())
        parts = [one for one in entries if one.name.lower() in PARTS and one.is_dir()]
        inner = [one for part in parts for one in sorted(part.iterdir())]
        found = {
            one.stem if one.parent == folder else f"{one.stem}_{one.parent.name}": one
            for one in (*entries, *inner)
            if one.suffix.lower() == ".npy" and one.is_file()
        }
    except OSError as error:
        raise DataError(f"{folder} cannot be looked into: {error.strerror}") from error
    return found if are_arrays([*found]) else {}


def read_npy_files(folder: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads the sequences in ``X.npy`` with ``y.npy``, or in ``X_train.npy`` and so on.

    Raises:
        DataError: If a file is damaged or holds Python objects, or they do not fit together.
    """
    paths = arrays_beside(folder)

    def load(key: str) -> NDArray[Any]:
        try:
            content = read_regular(paths[key], LARGEST_FILE_BYTES)
        except OSError as error:
            raise DataError(f"{paths[key]} cannot be read: {error.strerror}") from error
        return read_any(content, str(paths[key]))

    return read_arrays([*paths], load, str(folder), name)


def _array(archive: Mapping[str, NDArray[Any]], key: str, path: Path) -> NDArray[Any]:
    try:
        array = archive[key]
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{key!r} is no array")
        return array
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path}: {key!r} holds Python objects, which could run code and are not read: save text as "
            f"{key}.astype(str), and sequences of different lengths as values [steps, channels] with lengths"
        ) from error
