"""SmartWatch gestures: 20 gestures drawn in the air by 8 people who wore an accelerometer on the wrist.

G. Costante, L. Porzi, O. Lanz, P. Valigi, E. Ricci, "Personalizing a smartwatch-based gesture interface with transfer
learning", EUSIPCO 2014. The archive holds ``U<person>/<gesture>/<take>.txt``; a line is three time stamps and the
acceleration along three axes in m/s².
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..cache import cached
from ..errors import DataError
from ..formats.archive import Archive, Limits, open_binary, sha256_of
from ..formats.tables import read_table
from ..sequences import SequenceDataset
from ..source import Source
from .download import Published, fetch

NAME = "smartwatch"
KIND = "gesture"
READER_VERSION = 1  # Raise it whenever the same archive is read into another data set.

PUBLISHED = Published(
    file_name="gestures-dataset.zip",
    url="https://github.com/raoulg/gestures/raw/main/gestures-dataset.zip",
    n_bytes=2_156_283,
    sha256="4a6c5ac1d408f8405d456e0404b424b905ea49425c663fb08f0c3ab341efd32d",
)
LIMITS = Limits(archive_bytes=32 << 20, unpacked_bytes=256 << 20, n_members=100_000)

# As drawn in gestures.png inside the archive, in its order (one list in circulation swaps the ninth and the tenth).
GESTURES = (
    "right",
    "left",
    "up",
    "down",
    "circle-clockwise",
    "circle-counterclockwise",
    "square-clockwise",
    "square-counterclockwise",
    "up-right",
    "up-left",
    "right-down",
    "left-down",
    "v-right",
    "v-left",
    "caret-right",
    "caret-left",
    "s-down",
    "mirrored-s-down",
    "s-up",
    "mirrored-s-up",
)
CHANNELS = ("ax (m/s²)", "ay (m/s²)", "az (m/s²)")
N_COLUMNS = 6
SAMPLE_RATE_HZ = 1000 / 110  # The event clock advances by 110 ms a step.

SAMPLE = re.compile(r"(?:.*/)?(U\d\d)/(\d\d)/(\d\d)\.txt")
INSIDE_PERSON = re.compile(r"(?:.*/)?U\d\d/.*")
N_COPIES_NAMED = 5


class Sample(NamedTuple):
    """One recording; sorts by person, gesture and take, whatever the order in the archive."""

    person: str
    gesture: int
    take: int
    member: str


def load(source: Source, published: Published = PUBLISHED) -> SequenceDataset:
    """Reads the archive that the user named, else the one in the cache folder, which is downloaded at need.

    Raises:
        DataError: If there is none and it cannot be fetched, or what is there cannot be read to the last number.
    """
    named = source.named_file(published.file_name)
    path = named or fetch(published, source.cache_folder)
    with open_binary(path) as file:
        sha256 = sha256_of(file)
        if named is None and sha256 != published.sha256:
            raise DataError(
                f"{path} is not what was published: its sha256 is {sha256} and should be {published.sha256}. "
                "Delete it to have it downloaded again, or name an archive of your own with --data-path"
            )
        dataset = cached(
            source.cache_folder,
            NAME,
            (sha256, READER_VERSION),
            lambda: read(Archive(file, str(path), LIMITS)),
        )
    return replace(dataset, notes=(*dataset.notes, *_origin_notes(source, named, sha256, published)))


def read(archive: Archive) -> SequenceDataset:
    """Reads every sample; one with the very bytes of an earlier one is dropped, whatever its label.

    Below a person's folder everything must be a sample; files elsewhere (a description, a picture) are passed over.

    Raises:
        DataError: If there is no sample or one cannot be used; the message names archive, member and line.
    """
    kept: list[Sample] = []
    tables = []
    first_with: dict[bytes, Sample] = {}
    copies: list[tuple[Sample, Sample]] = []
    for sample in _samples(archive):
        text = archive.read(sample.member)
        original = first_with.setdefault(text, sample)
        if original is not sample:
            copies.append((sample, original))
            continue
        tables.append(read_table(text, N_COLUMNS, archive.place(sample.member))[:, 3:])
        kept.append(sample)
    people = tuple(sorted({sample.person for sample in kept}))
    return SequenceDataset(
        name=NAME,
        kind=KIND,
        values=torch.from_numpy(np.concatenate(tables)),
        lengths=torch.tensor([len(table) for table in tables]),
        labels=torch.tensor([sample.gesture - 1 for sample in kept]),
        class_names=GESTURES,
        channel_names=CHANNELS,
        groups=torch.tensor([people.index(sample.person) for sample in kept]),
        group_names=people,
        sample_rate_hz=SAMPLE_RATE_HZ,
        notes=tuple(_copy_notes(copies)),
    )


def _samples(archive: Archive) -> list[Sample]:
    samples: dict[tuple[str, int, int], Sample] = {}
    for member in archive.members:
        match = SAMPLE.fullmatch(member)
        if match is None:
            if INSIDE_PERSON.fullmatch(member):
                raise DataError(f"{archive.place(member)} is not a sample: their names are U01/01/01.txt and so on")
            continue
        sample = Sample(match[1], int(match[2]), int(match[3]), member)
        if not 1 <= sample.gesture <= len(GESTURES):
            raise DataError(f"{archive.place(member)}: gesture {match[2]} is none of 01 to {len(GESTURES)}")
        first = samples.setdefault(sample[:3], sample)
        if first is not sample:
            raise DataError(f"{archive.place(member)} is the same take as {first.member!r}: keep one of them")
    if not samples:
        raise DataError(f"{archive.name} holds no gesture: samples are expected at U01/01/01.txt and so on")
    return sorted(samples.values())


def _copy_notes(copies: Sequence[tuple[Sample, Sample]]) -> Iterable[str]:
    for copy, original in copies[:N_COPIES_NAMED]:
        yield f"{copy.member!r} is a byte copy of {original.member!r} and was dropped"
    if len(copies) > N_COPIES_NAMED:
        yield f"{len(copies) - N_COPIES_NAMED} more byte copies were dropped"


def _origin_notes(source: Source, named: Path | None, sha256: str, published: Published) -> Iterable[str]:
    if sha256 != published.sha256:
        yield f"{named} is not the published archive: its sha256 is {sha256}"
    if source.data_path is not None and named is None:
        yield f"{source.data_path} holds no {published.file_name}: the copy in {source.cache_folder} was read"
