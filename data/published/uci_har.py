"""UCI HAR: six everyday activities of 30 people with a smartphone at the waist, in windows of 2.56 s.

D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz, "A public domain dataset for human activity recognition
using smartphones", ESANN 2013. The archive is read as the publisher packed it, or unpacked; its terms forbid
commercial use.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..cache import cached
from ..errors import DataError
from ..formats.archive import Archive, Limits, open_binary, sha256_of
from ..formats.folder import Folder
from ..formats.tables import read_table
from ..layouts.clips import Tree
from ..recording import TEST, TRAIN
from ..sequences import SequenceDataset
from ..source import Source, first_file

NAME = "uci-har"
KIND = "activity"
READER_VERSION = 1  # Raise it whenever the same archive is read into another data set.

# The second is a common renaming, the third what the repository's page hands out: an archive around the archive.
FILE_NAMES = (
    "UCI HAR Dataset.zip",
    "UCI_HAR_Dataset.zip",
    "human+activity+recognition+using+smartphones.zip",
)
URL = "https://archive.ics.uci.edu/dataset/240/human+activity+recognition+using+smartphones"
LIMITS = Limits(archive_bytes=128 << 20, unpacked_bytes=1 << 30, n_members=1000)

ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
LABELS_FILE = "activity_labels.txt"
SIGNALS_FOLDER = "Inertial Signals"
# Below the folder that the user named; unpacking a copy from elsewhere makes folders around it.
DEEPEST = 3
UNITS = {"body_acc": "g", "body_gyro": "rad/s", "total_acc": "g"}
SIGNALS = tuple(f"{sensor}_{axis}" for sensor in UNITS for axis in "xyz")
CHANNELS = tuple(f"{sensor}_{axis} ({unit})" for sensor, unit in UNITS.items() for axis in "xyz")
WINDOW_STEPS = 128
SAMPLE_RATE_HZ = 50.0
HIGHEST_PERSON = 30


class Part(NamedTuple):
    """One official part.

    Attributes:
        values: Windows, [windows, steps, channels].
        activities: Activity of each window, from 1.
        people: Who performed it, from 1.
    """

    values: NDArray[np.float32]
    activities: NDArray[np.int64]
    people: NDArray[np.int64]


def load(source: Source) -> SequenceDataset:
    """Reads the archive that the user named, or unpacked into the folder, else the one in the cache folder.

    Raises:
        DataError: If there is none, or it cannot be read to the last number.
    """
    path = source.named_file(*FILE_NAMES)
    if path is None and source.data_path is not None and (place := unpacked(source.data_path)) is not None:
        folder = Folder(place)
        identity = (folder.name, folder.fingerprint(".txt"), READER_VERSION)
        return cached(source.cache_folder, NAME, identity, lambda: read(folder))
    path = path or first_file(source.cache_folder, *FILE_NAMES)
    if path is None:
        raise DataError(
            f"there is no {FILE_NAMES[0]!r} in {source.data_path or source.cache_folder}: download it from {URL} and "
            "name the file or its folder with --data-path or the setting SEQTUNE_DATA; it is read as it is"
        )
    with open_binary(path, LIMITS.archive_bytes) as file:
        key = (sha256_of(file), READER_VERSION)
        return cached(source.cache_folder, NAME, key, lambda: read(Archive(file, str(path), LIMITS)))


def unpacked(folder: Path) -> Path | None:
    """Where the archive lies unpacked, in a folder or a few levels below it; None where it does not."""
    levels = ("", *("*/" * depth for depth in range(1, DEEPEST + 1)))
    lists = (one for level in levels for one in sorted(folder.glob(level + LABELS_FILE)))
    return next((one.parent for one in lists if (one.parent / "train" / SIGNALS_FOLDER).is_dir()), None)


def read(archive: Tree) -> SequenceDataset:
    """Reads both official parts, training people first.

    Raises:
        DataError: If a file is missing, a number is wrong, the files disagree, or a person is in both parts; the
            message names archive, member and line.
    """
    if isinstance(archive, Archive) and FILE_NAMES[0] in archive.members:
        archive = archive.nested(FILE_NAMES[0])
    root = _root(archive)
    train, test = _read_part(archive, root, "train"), _read_part(archive, root, "test")
    in_both = np.intersect1d(train.people, test.people)
    if len(in_both):
        raise DataError(f"{archive.name}: person {in_both[0]} is in the training and in the test set")
    values = np.concatenate([train.values, test.values])
    activities = np.concatenate([train.activities, test.activities])
    people = np.concatenate([train.people, test.people])
    # Neighbouring windows of one person and activity overlap by half: they are one recording.
    changes = (np.diff(people) != 0) | (np.diff(activities) != 0)
    names, groups = np.unique(people, return_inverse=True)
    return SequenceDataset(
        name=NAME,
        kind=KIND,
        values=torch.from_numpy(values.reshape(-1, len(CHANNELS))),
        lengths=torch.full((len(values),), WINDOW_STEPS),
        labels=torch.from_numpy(activities - 1),
        class_names=tuple(activity.lower().replace("_", "-") for activity in ACTIVITIES),
        channel_names=CHANNELS,
        groups=torch.from_numpy(groups),
        group_names=tuple(str(name) for name in names),
        recordings=torch.from_numpy(np.concatenate([[0], changes.cumsum()])),
        official=torch.tensor([TRAIN] * len(train.people) + [TEST] * len(test.people)),
        sample_rate_hz=SAMPLE_RATE_HZ,
    )


def _root(archive: Tree) -> str:
    """The folder that holds everything; checks the list of activities in it."""
    members = [member for member in archive.members if f"/{member}".endswith(f"/{LABELS_FILE}")]
    if len(members) != 1:
        raise DataError(f"{archive.name} holds {len(members)} files {LABELS_FILE!r}: UCI HAR has one")
    lines = archive.read(members[0]).decode("ascii", "replace").strip().splitlines()
    expected = [f"{number} {activity}" for number, activity in enumerate(ACTIVITIES, start=1)]
    for line_number, (line, right) in enumerate(zip_longest(lines, expected, fillvalue=""), start=1):
        if line.split() != right.split():
            raise DataError(f"{archive.place(members[0])}, line {line_number}: {line[:40]!r} should be {right!r}")
    return members[0].removesuffix(LABELS_FILE)


def _read_part(archive: Tree, root: str, part: str) -> Part:
    activities = _read_numbers(archive, f"{root}{part}/y_{part}.txt", len(ACTIVITIES))
    people = _read_numbers(archive, f"{root}{part}/subject_{part}.txt", HIGHEST_PERSON)
    _check_rows(archive, f"{root}{part}/subject_{part}.txt", len(people), len(activities))
    tables = []
    for signal in SIGNALS:
        member = f"{root}{part}/{SIGNALS_FOLDER}/{signal}_{part}.txt"
        table = read_table(archive.read(member), WINDOW_STEPS, archive.place(member))
        _check_rows(archive, member, len(table), len(activities))
        tables.append(table)
    return Part(np.stack(tables, axis=2), activities, people)


def _read_numbers(archive: Tree, member: str, highest: int) -> NDArray[np.int64]:
    """A column of whole numbers in 1..highest."""
    column = read_table(archive.read(member), 1, archive.place(member))[:, 0]
    wrong = np.flatnonzero(~np.isin(column, np.arange(1, highest + 1)))
    if len(wrong):
        place = f"{archive.place(member)}, line {wrong[0] + 1}"
        raise DataError(f"{place}: {column[wrong[0]]:g} is not a whole number from 1 to {highest}")
    return column.astype(np.int64)


def _check_rows(archive: Tree, member: str, n_rows: int, n_activities: int) -> None:
    if n_rows != n_activities:
        raise DataError(f"{archive.place(member)} has {n_rows:,} lines for {n_activities:,} activities")
