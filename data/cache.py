"""Parsed data sets on disk, so that text is parsed once.

A file holds the SHA-256 of what follows and then a NumPy archive without pickles. Whatever does not fit (a torn write,
a flipped bit, an older format) counts as not there, and the data set is parsed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from .mapped import map_table, path_of
from .sequences import SequenceDataset
from .timeline import Timeline

FORMAT_VERSION = 1
# Before the names of what a timeline holds.
TIMELINE = "timeline."
N_DIGEST_BYTES = hashlib.sha256().digest_size


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that appears under its name only when everything has been written, and otherwise not at all.

    Several processes may write one file at once: the last one to finish wins, and a reader never sees a mixture.

    Raises:
        OSError: If the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def cached(
    folder: Path,
    name: str,
    key: Sequence[str | int | float],
    build: Callable[[], SequenceDataset],
) -> SequenceDataset:
    """The data set that ``build`` returns, from ``folder`` if it was built before.

    Args:
        folder: Made if it does not exist. If it cannot be written to, the data set says so in its notes.
        name: Registered name of the data set.
        key: All that the result depends on: the source's SHA-256, the reader's version, the options.
        build: Reads the data set from its source.
    """
    identity = json.dumps([FORMAT_VERSION, name, *key])
    path = folder / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.cache"
    dataset = load_dataset(path, identity)
    if dataset is not None:
        return dataset
    dataset = build()
    try:
        save_dataset(path, identity, dataset)
    except OSError as error:
        note = f"{folder} cannot be written to ({error.strerror}): the data set will be parsed again every time"
        return replace(dataset, notes=(*dataset.notes, note))
    return dataset


def save_dataset(path: Path, identity: str, dataset: SequenceDataset) -> None:
    """Writes a data set; values that lie in a mapped table stay there, and the rest is written.

    Raises:
        OSError: If it cannot be written.
    """
    content = {field.name: getattr(dataset, field.name) for field in fields(dataset)}
    if path_of(dataset.values) is not None:
        content |= {"values": len(dataset.values), "fingerprint": dataset.fingerprint}
    if dataset.timeline is not None:
        content |= {TIMELINE + field.name: getattr(dataset.timeline, field.name) for field in fields(dataset.timeline)}
    content["timeline"] = None
    arrays: dict[str, Any] = {
        name: np.asarray(value) for name, value in content.items() if isinstance(value, Tensor | np.ndarray)
    }
    rest = {name: value for name, value in content.items() if name not in arrays and value is not None}
    buffer = io.BytesIO()
    header = np.frombuffer(json.dumps({"identity": identity, "fields": rest}).encode(), dtype=np.uint8)
    np.savez(buffer, header=header, **arrays)
    with written_whole(path) as file:
        file.write(hashlib.sha256(buffer.getbuffer()).digest())
        file.write(buffer.getbuffer())


def load_dataset(path: Path, identity: str, table: Path | None = None) -> SequenceDataset | None:
    """What ``save_dataset`` wrote, with values from a mapped ``table``; None where it is not whole or another."""
    try:
        stored = memoryview(path.read_bytes())
        digest, payload = stored[:N_DIGEST_BYTES], stored[N_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != digest:
            return None
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            if header["identity"] != identity:
                return None
            content: dict[str, Any] = {name: arrays[name] for name in arrays.files if name != "header"}
        content |= header["fields"]
        timeline = {name.removeprefix(TIMELINE): content.pop(name) for name in [*content] if name.startswith(TIMELINE)}
        content = {
            name: torch.from_numpy(value)
            if isinstance(value, np.ndarray)
            else tuple(value)
            if isinstance(value, list)
            else value
            for name, value in content.items()
        }
        if timeline:
            starts, streams = (torch.from_numpy(timeline.pop(name)) for name in ("starts", "streams"))
            content["timeline"] = Timeline(streams, starts, **timeline)
        fingerprint = content.pop("fingerprint", None)
        if table is not None:
            n_steps, content["values"] = content["values"], map_table(table, len(content["channel_names"]))
            if len(content["values"]) != n_steps:
                return None
        dataset = SequenceDataset(**content)
        if fingerprint is not None:
            dataset.__dict__["fingerprint"] = fingerprint
        return dataset
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
