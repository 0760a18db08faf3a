"""Every data set by its name, and how to read one of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from . import files
from .errors import DataError
from .published import signs, smartwatch, uci_har, watch
from .sequences import SequenceDataset
from .source import Source

__all__ = ["DATASETS", "DataError", "DatasetEntry", "SequenceDataset", "Source", "load"]


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be asked for by name.

    Attributes:
        load: Reads it.
        kind: As in ``SequenceDataset``; those that are possible, where the recordings decide.
        summary: One line on what it is.
        needs: What the user has to do to have it.
    """

    load: Callable[[Source], SequenceDataset]
    kind: str
    summary: str
    needs: str


# A new data set is one file in published/ and one entry here.
DATASETS: dict[str, DatasetEntry] = {
    watch.NAME: DatasetEntry(
        load=watch.load,
        kind=watch.KIND,
        summary="7 shoulder exercises of 10 people with a smartwatch, in windows of 4 s",
        needs="nothing: it comes with the installation",
    ),
    smartwatch.NAME: DatasetEntry(
        load=smartwatch.load,
        kind=smartwatch.KIND,
        summary="20 gestures drawn in the air by 8 people with a smartwatch, 3,250 sequences",
        needs="nothing: it is downloaded once (2 MB); offline, gestures-dataset.zip in --data-path",
    ),
    uci_har.NAME: DatasetEntry(
        load=uci_har.load,
        kind=uci_har.KIND,
        summary="6 everyday activities of 30 people with a smartphone, 10,299 windows, official split",
        needs="'UCI HAR Dataset.zip' in --data-path, or unpacked (not for commercial use)",
    ),
    signs.NAME: DatasetEntry(
        load=signs.load,
        kind=signs.KIND,
        summary="sign language as MediaPipe landmarks: your own recordings, WLASL, ASL Citizen",
        needs="landmark files (.npy) in a folder or zip in --data-path, a folder a sign or with metadata",
    ),
    files.NAME: DatasetEntry(
        load=files.load,
        kind=files.KIND,
        summary="your own recordings: a folder a class, a long table, streams with labels, arrays, zips and more",
        needs="--data-path FOLDER_OR_FILE; `datasets --data-path FOLDER_OR_FILE` says what is understood",
    ),
}


def load(name: str, source: Source) -> SequenceDataset:
    """Reads a data set by its name in ``DATASETS``.

    Raises:
        DataError: If there is none of that name, or it cannot be read.
    """
    if name not in DATASETS:
        nearest = difflib.get_close_matches(name.lower().replace("_", "-"), DATASETS, n=1, cutoff=0.0)[0]
        raise DataError(f"there is no data set {name!r} (did you mean {nearest!r}?): there are {', '.join(DATASETS)}")
    return DATASETS[name].load(source)
