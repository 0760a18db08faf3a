"""Tables of values in files that are mapped instead of held, so that memory does not grow with the recordings.

A mapped page belongs to its file: the system drops it when memory is needed, and reads it again when it is asked for.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

# Windows has none, and needs none.
fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None


class _Mapped(NamedTuple):
    """A table as long as the process lives; while the file is open nobody removes it."""

    path: Path
    status: os.stat_result
    file: int
    pages: mmap.mmap
    table: Tensor


_mapped: dict[int, _Mapped] = {}


def map_table(path: Path, n_channels: int) -> Tensor:
    """A file of single-precision numbers as steps by channels; nothing that is written to them gets into the file.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is empty, or ends within a step.
    """
    for one in _mapped.values():
        if one.path == path and one.table.shape[1] == n_channels and os.path.samestat(one.status, path.stat()):
            return one.table
    # A number: as long as the process lives, without a warning at its end that nobody closed it.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    pages = mmap.mmap(file, 0, access=mmap.ACCESS_COPY)
    table = torch.from_numpy(np.frombuffer(pages, np.float32).reshape(-1, n_channels))
    _mapped[table.data_ptr()] = _Mapped(path, os.fstat(file), file, pages, table)
    return table


def path_of(table: Tensor) -> Path | None:
    """The file that a tensor of ``map_table`` is in; None for any other."""
    one = _mapped.get(table.data_ptr())
    return None if one is None else one.path


def release(table: Tensor) -> None:
    """Leaves the pages that were read to the system, which keeps them while nobody else needs the memory."""
    one = _mapped.get(table.data_ptr())
    if one is not None and hasattr(mmap, "MADV_DONTNEED"):
        one.pages.madvise(mmap.MADV_DONTNEED)


def can_be_removed(path: Path) -> bool:
    """Whether no process has mapped a table; on Windows the system itself refuses to remove it."""
    if fcntl is None:
        return True
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
