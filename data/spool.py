"""Where recordings go while they are read that may be more than memory: files without a name.

Without torch, which whoever classifies with an ONNX file does not have.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from .errors import CacheError

Item = TypeVar("Item")
Number = TypeVar("Number", bound=np.generic)
# What is read before anything is put into a file, and what is put into one file.
HELD_BYTES, SEGMENT_BYTES = 1 << 25, 1 << 30
# Of one file, that are held while more of it is read.
PIECE_BYTES = 1 << 23
# Of a file that is shared, room can be given back to the disk.
_ACCESS = mmap.ACCESS_WRITE if hasattr(mmap, "MADV_REMOVE") else mmap.ACCESS_COPY
# As many times the size that fits into memory may be read.
MORE_THAN_MEMORY = 64


class Spool:
    """Takes arrays in while recordings are read; what is over ``held_bytes`` lies in files without a name.

    Args:
        table: Where all of the values are to be written in the end.
        held_bytes: That are kept in memory before anything is put into a file.
        segment_bytes: Of a file.
    """

    def __init__(self, table: Path, held_bytes: int = HELD_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.table, self._held_bytes, self._segment_bytes = table, held_bytes, segment_bytes
        self._n_held = self._n_used = 0
        self._files: list[BinaryIO] = []
        self._file: BinaryIO | None = None
        self._pages: mmap.mmap | None = None
        self._all_pages: list[mmap.mmap] = []

    def keep(self, values: NDArray[Number]) -> NDArray[Number]:
        """The same values, to be read only.

        Raises:
            CacheError: If there is no room for them.
        """
        self._n_held += values.nbytes
        if self._n_held <= self._held_bytes or not values.nbytes:
            return values
        if self._pages is None or self._n_used + values.nbytes > len(self._pages):
            self._begin(max(self._segment_bytes, values.nbytes))
        assert self._file is not None
        assert self._pages is not None
        with room_for(self.table.parent):
            self._file.seek(self._n_used)
            self._file.write(np.ascontiguousarray(values).data.cast("B"))
            self._file.flush()
        kept = np.frombuffer(self._pages, values.dtype, values.size, self._n_used).reshape(values.shape)
        # What is released would be lost if it were changed.
        kept.flags.writeable = False
        # Of numbers of eight bytes none begins within another.
        self._n_used += -(-values.nbytes // 8) * 8
        return kept

    def close(self) -> None:
        """Takes nothing in any more; what was taken in stays until nobody holds it."""
        for file in self._files:
            file.close()

    def nameless(self) -> BinaryIO:
        """A file without a name, open until the end at the latest.

        Raises:
            CacheError: If there is no room for it.
        """
        self._files = [file for file in self._files if not file.closed]
        with room_for(self.table.parent):
            self.table.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(tempfile.TemporaryFile(dir=self.table.parent))  # noqa: SIM115
        return self._files[-1]

    def _begin(self, n_bytes: int) -> None:
        if self._file is not None:
            self._file.close()
        with room_for(self.table.parent):
            self._file = self.nameless()
            self._file.truncate(n_bytes)
            self._pages = mmap.mmap(self._file.fileno(), n_bytes, access=_ACCESS)
            self._all_pages.append(self._pages)
            self._n_used = 0

    def release(self) -> None:
        """Leaves the pages that were read to the system."""
        for pages in self._all_pages if hasattr(mmap, "MADV_DONTNEED") else ():
            pages.madvise(mmap.MADV_DONTNEED)

    def write(self, tables: Sequence[NDArray[np.float32]], file: BinaryIO) -> None:
        """Writes recordings one after the other; what they were read from is zeros then, where that makes room.

        Else as much again would be needed on the disk as there are values.
        """
        bounds = [byte_bounds(table) for table in tables]
        are_apart = all(end <= begin for (_, end), (begin, _) in pairwise(sorted(bounds)))
        for table, (begin, end) in zip(tables, bounds, strict=True):
            file.write(np.ascontiguousarray(table).data.cast("B"))
            self.release()
            if are_apart and table.flags.c_contiguous:
                self._forget(begin, end)

    def _forget(self, begin: int, end: int) -> None:
        """Takes from the disk the pages between two addresses, where that is known here."""
        for pages in self._all_pages if hasattr(mmap, "MADV_REMOVE") else ():
            base = np.frombuffer(pages, np.uint8).ctypes.data
            if base <= begin and end <= base + len(pages):
                first = -(-(begin - base) // mmap.PAGESIZE) * mmap.PAGESIZE
                n_bytes = (end - base) // mmap.PAGESIZE * mmap.PAGESIZE - first
                with suppress(OSError):  # Not every file system can.
                    if n_bytes > 0:
                        pages.madvise(mmap.MADV_REMOVE, first, n_bytes)
                return


class Column:
    """Rows of a file that are read a piece at a time; beyond ``PIECE_BYTES`` they go to a file without a name."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[Any]] = []
        self._n_bytes = 0
        self._file: BinaryIO | None = None

    def add(self, rows: NDArray[Any]) -> None:
        """Takes further rows of the same width.

        Raises:
            CacheError: If there is no room for them.
        """
        self._pieces.append(rows)
        self._n_bytes += rows.nbytes
        if (spool := CURRENT.get()) is not None and self._n_bytes > PIECE_BYTES:
            self._write(spool)

    def whole(self) -> NDArray[Any]:
        """All rows that were taken, of which there is one at least; see ``kept``."""
        spool = CURRENT.get()
        if spool is None or self._file is None:
            return kept(np.concatenate(self._pieces))
        dtype, width = self._pieces[0].dtype, self._pieces[0].shape[1:]
        self._write(spool)
        pages = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file.close()
        return kept(np.frombuffer(pages, dtype).reshape(-1, *width))

    def _write(self, spool: Spool) -> None:
        self._file = spool.nameless() if self._file is None else self._file
        with room_for(spool.table.parent):
            for piece in filter(len, self._pieces):
                self._file.write(np.ascontiguousarray(piece).data.cast("B"))
            self._file.flush()
        # Says of what type and width they are.
        self._pieces, self._n_bytes = [self._pieces[-1][:0]], 0


# That takes in what is read just now.
CURRENT: ContextVar[Spool | None] = ContextVar("spool", default=None)


def each(recordings: Iterable[Item]) -> Iterator[Item]:
    """One recording after the other, of which none stays in memory for the sake of the next."""
    spool = CURRENT.get()
    for one in recordings:
        yield one
        if spool is not None:
            spool.release()


def kept(values: NDArray[Number]) -> NDArray[Number]:
    """The same values, in a file where much has been read before; see ``Spool.keep``."""
    spool = CURRENT.get()
    return values if spool is None else spool.keep(values)


def most(limit: int) -> int:
    """How much of one file may be read where so much fits into memory."""
    return limit if CURRENT.get() is None else limit * MORE_THAN_MEMORY


@contextmanager
def room_for(folder: Path) -> Iterator[None]:
    """Says what to do where a file cannot be written.

    Raises:
        CacheError: Then.
    """
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"{folder} has to hold what is more than memory, and cannot be written to ({error.strerror}): make room "
            "there (everything in it may be deleted), or keep the recordings in memory (data.storage memory)"
        ) from error
