"""Data that several processes read: described once, its tensors in one file that all of them map into memory.

Shared memory of the system would do as well, were it not 64 MB in a container unless somebody thought of it.
"""

from __future__ import annotations

import io
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from data.mapped import map_table, path_of

from ..core.files import write_bytes

_LOCK_TIMEOUT_SECONDS = 120


@contextmanager
def shared(value: Any, folder: Path) -> Iterator[tuple[bytes, Path]]:
    """What ``take`` needs to have ``value`` in another process, for as long as the context lasts; see ``share``.

    The folder gets one for the file. What runs left there that were killed is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Nobody may take a new folder for one that was left, in the moment before its owner holds its lock.
    with FileLock(folder / "lock", timeout=_LOCK_TIMEOUT_SECONDS):
        _remove_what_was_left(folder)
        mine = Path(tempfile.mkdtemp(dir=folder))
        held = FileLock(mine / "lock")
        held.acquire()
    try:
        path = mine / "data.pt"
        yield share(value, path), path
    finally:
        held.release()
        shutil.rmtree(mine, ignore_errors=True)


def _remove_what_was_left(folder: Path) -> None:
    for path in folder.glob("*/lock"):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        lock.release()
        shutil.rmtree(path.parent, ignore_errors=True)


def share(value: Any, path: Path) -> bytes:
    """Writes all tensors in ``value`` to a file; returns what the file lacks, for ``take``.

    Args:
        value: Anything that can be pickled, for a process of our own: ``take`` must get nothing from strangers.
        path: Is written; may be removed when the last process has ended.

    Raises:
        OSError: If it cannot be written.
    """
    described, tensors = without_tensors(value)
    content = io.BytesIO()
    torch.save({str(k): tensor for k, tensor in enumerate(tensors)}, content)
    write_bytes(path, content.getvalue())
    return described


def take(described: bytes, path: Path) -> Any:
    """What ``share`` was given; pages of the file are read when they are needed, and are in memory once for all."""
    return with_tensors(described, list(torch.load(path, mmap=True, weights_only=True).values()))


def without_tensors(value: Any) -> tuple[bytes, list[Tensor]]:
    """Takes apart what can be pickled: all but the tensors in it, and these."""
    described = io.BytesIO()
    pickler = _WithoutTensors(described)
    pickler.dump(value)
    return described.getvalue(), list(pickler.tensors.values())


def with_tensors(described: bytes, tensors: Sequence[Tensor]) -> Any:
    """Puts together what ``without_tensors`` has taken apart, in a process of our own."""
    return _WithTensors(io.BytesIO(described), tensors).load()


class _WithoutTensors(pickle.Pickler):
    """Puts a number where a tensor is, and where it lies in a file already, that."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.tensors: dict[int, Tensor] = {}

    def persistent_id(self, value: Any) -> str | tuple[Path, int] | None:
        if not isinstance(value, Tensor):
            return None
        if (path := path_of(value)) is not None:
            return path, value.shape[1]
        self.tensors.setdefault(id(value), value)
        return str(list(self.tensors).index(id(value)))


class _WithTensors(pickle.Unpickler):
    """Puts the tensors back."""

    def __init__(self, file: io.BytesIO, tensors: Sequence[Tensor]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, name: str | tuple[Path, int]) -> Tensor:
        return self._tensors[int(name)] if isinstance(name, str) else map_table(*name)
