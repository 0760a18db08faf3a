"""Recordings that are more than memory: one table on disk, found again, of which windows are places.

A table ``NAME-KEY.values`` holds all steps in single precision, one recording after the other; ``NAME-KEY.cache``
beside it says the rest, as ``cache`` keeps it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cache import load_dataset, save_dataset, written_whole
from .mapped import can_be_removed, map_table, path_of
from .sequences import SequenceDataset
from .source import Source
from .spool import CURRENT, Spool, room_for

# Of values, 256 MB: fewer are trained from memory, unless the user says otherwise.
MOST_IN_MEMORY = 1 << 26
# Tables that are kept besides those in use.
MOST_TABLES = 3
# After so long nobody writes a file any more.
TORN_SECONDS = 7 * 86_400
FOLDER = "tables"


def is_streamed(source: Source, n_values: int) -> bool:
    """Whether recordings of so many values are one table of which windows are places, cut out a batch at a time."""
    return source.storage in ("table", "disk") or (source.storage == "auto" and n_values > MOST_IN_MEMORY)


def joined(tables: Sequence[NDArray[np.float32]], streamed: bool) -> Tensor:
    """Recordings one after the other; of a streamed data set in a mapped file, within ``on_disk``.

    Raises:
        CacheError: If there is no room for the file.
    """
    spool = CURRENT.get()
    if spool is None or not streamed:
        return torch.from_numpy(np.concatenate(tables))
    with room_for(spool.table.parent), written_whole(spool.table) as file:
        spool.write(tables, file)
    return map_table(spool.table, tables[0].shape[1])


def on_disk(source: Source, name: str, build: Callable[[], SequenceDataset]) -> SequenceDataset:
    """The data set that ``build`` reads from the user's files; what is over memory lies on disk, and is found again.

    It is known by the names, sizes and times of the files, by the settings, and by the code that reads them.

    Raises:
        CacheError: If it cannot be written.
        DataError: As ``build`` does.
    """
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
        token = CURRENT.set(spool)
        try:
            dataset = build()
        finally:
            CURRENT.reset(token)
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
