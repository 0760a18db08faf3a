"""Recordings that are more than memory: spooled to files while they are read, then one table on disk, found again.

A table ``NAME-KEY.values`` holds all steps in single precision, one recording after the other; ``NAME-KEY.cache``
beside it says the rest, as ``cache`` keeps it.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import CacheError
from .source import Source

# Imported where it is used: whoever classifies with an ONNX file reads recordings by way of this module, without torch.
if TYPE_CHECKING:
    from torch import Tensor

    from .sequences import SequenceDataset

Item = TypeVar("Item")
Number = TypeVar("Number", bound=np.generic)
# Of values, 256 MB: fewer are trained from memory, unless the user says otherwise.
MOST_IN_MEMORY = 1 << 26
# What is read before anything is put into a file, and what is put into one file.
HELD_BYTES, SEGMENT_BYTES = 1 << 27, 1 << 30
# Tables that are kept besides those in use.
MOST_TABLES = 3
# After so long nobody writes a file any more.
TORN_SECONDS = 7 * 86_400
FOLDER = "tables"


def is_streamed(source: Source, n_values: int) -> bool:
    """Whether recordings of so many values are one table of which windows are places, cut out a batch at a time."""
    return source.storage in ("table", "disk") or (source.storage == "auto" and n_values > MOST_IN_MEMORY)


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
        if self._file is not None:
            self._file.close()

    def _begin(self, n_bytes: int) -> None:
        self.close()
        with room_for(self.table.parent):
            self.table.parent.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self.table.parent)  # noqa: SIM115 - as long as its pages
            self._file.truncate(n_bytes)
            self._pages = mmap.mmap(self._file.fileno(), n_bytes, access=mmap.ACCESS_COPY)
            self._all_pages.append(self._pages)
            self._n_used = 0

    def release(self) -> None:
        """Leaves the pages that were read to the system."""
        for pages in self._all_pages if hasattr(mmap, "MADV_DONTNEED") else ():
            pages.madvise(mmap.MADV_DONTNEED)

    def write(self, tables: Sequence[NDArray[np.float32]]) -> Tensor:
        """Writes recordings one after the other to ``table``, and maps them.

        Raises:
            CacheError: If there is no room for them.
        """
        from .cache import written_whole
        from .mapped import map_table

        with room_for(self.table.parent), written_whole(self.table) as file:
            for table in tables:
                file.write(np.ascontiguousarray(table).data.cast("B"))
                self.release()
        return map_table(self.table, tables[0].shape[1])


_spool: ContextVar[Spool | None] = ContextVar("spool", default=None)


def each(recordings: Iterable[Item]) -> Iterator[Item]:
    """One recording after the other, of which none stays in memory for the sake of the next."""
    spool = _spool.get()
    for one in recordings:
        yield one
        if spool is not None:
            spool.release()


def kept(values: NDArray[Number]) -> NDArray[Number]:
    """The same values, in a file where much has been read before; see ``Spool.keep``."""
    spool = _spool.get()
    return values if spool is None else spool.keep(values)


def joined(tables: Sequence[NDArray[np.float32]], streamed: bool) -> Tensor:
    """Recordings one after the other; of a streamed data set in a mapped file, within ``on_disk``."""
    import torch

    spool = _spool.get()
    return torch.from_numpy(np.concatenate(tables)) if spool is None or not streamed else spool.write(tables)


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


def on_disk(source: Source, name: str, build: Callable[[], SequenceDataset]) -> SequenceDataset:
    """The data set that ``build`` reads from the user's files; what is over memory lies on disk, and is found again.

    It is known by the names, sizes and times of the files, by the settings, and by the code that reads them.

    Raises:
        CacheError: If it cannot be written.
        DataError: As ``build`` does.
    """
    from .cache import load_dataset, save_dataset
    from .mapped import path_of

    if source.data_path is None or source.storage not in ("auto", "disk"):
        return build()
    identity = f"{name} {asdict(source) | {'cache_folder': None}} {_files(source)} {_code()}"
    folder = (source.cache_folder / FOLDER).absolute()
    table = folder / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.values"
    described = table.with_suffix(".cache")
    if (dataset := load_dataset(described, identity, table)) is not None:
        with suppress(OSError):
            os.utime(table)
        return dataset
    with closing(Spool(table)) as spool:
        token = _spool.set(spool)
        try:
            dataset = build()
        finally:
            _spool.reset(token)
    if path_of(dataset.values) is None:
        return dataset
    dataset = dataset.with_notes(
        f"{dataset.values.nbytes / 1e9:.3g} GB of values lie in {folder} and are read as they are needed (data.storage "
        "memory holds them); near copies and odd channels are looked for in evenly spaced sequences"
    )
    with room_for(folder):
        save_dataset(described, identity, dataset)
    _remove_others(table)
    return dataset


def _files(source: Source) -> list[tuple[str, int, int]]:
    """Every file that the user named, with its size and when it was written."""
    assert source.data_path is not None
    cache, listed = source.cache_folder.absolute(), []
    below = (Path(folder, name).absolute() for folder, _, names in os.walk(source.data_path) for name in names)
    for one in (source.data_path, *below):
        with suppress(OSError, ValueError):
            status = one.stat()
            if cache not in one.parents and not stat.S_ISDIR(status.st_mode):
                listed.append((str(one.absolute()), status.st_size, status.st_mtime_ns))
    return sorted(listed)


def _code() -> str:
    """A digest of the code that reads recordings: another version may understand them otherwise."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _remove_others(table: Path) -> None:
    """Removes the tables that were not used for longest, but for ``MOST_TABLES`` and those in use."""
    from .mapped import can_be_removed

    with suppress(OSError):
        others = [one for one in table.parent.glob("*.values") if one != table]
        for other in sorted(others, key=lambda one: -one.stat().st_mtime)[MOST_TABLES - 1 :]:
            if can_be_removed(other):
                other.with_suffix(".cache").unlink(missing_ok=True)
                other.unlink()
        # Left by a process that was killed while it wrote.
        for torn in table.parent.glob(".*.values.*"):
            if time.time() - torn.stat().st_mtime > TORN_SECONDS:
                torn.unlink()
