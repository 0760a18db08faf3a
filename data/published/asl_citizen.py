"""ASL Citizen's own metadata: 83,399 videos of 2,731 signs of American Sign Language, by 52 people.

A. Desai et al., "ASL Citizen: a community-sourced dataset for advancing isolated sign language recognition", NeurIPS
2023 Datasets and Benchmarks, arXiv:2304.05934. ``train.csv``, ``val.csv`` and ``test.csv`` lie in one folder; nobody is
in two of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath

from ..errors import DataError
from ..layouts.clips import Listed, Listing, Tree, listing_of
from ..recording import TEST, TRAIN, VALIDATION

TRAIN_FILE = "train.csv"
FILES = {TRAIN_FILE: TRAIN, "val.csv": VALIDATION, "test.csv": TEST}
COLUMNS = ("Participant ID", "Video file", "Gloss")


def list_asl_citizen(tree: Tree) -> Listing | None:
    """What the metadata lists; None where there is none.

    Raises:
        DataError: If the metadata cannot be understood; the message names file and line.
    """
    for member in tree.members:
        folder, slash, name = member.rpartition("/")
        if name == TRAIN_FILE and _rows(tree, member) is not None:
            files = [(folder + slash + one, part) for one, part in FILES.items()]
            listed = (_read(tree, file, part) for file, part in files if file in tree.members)
            return listing_of(member, chain.from_iterable(listed))
    return None


def _read(tree: Tree, member: str, part: int) -> Iterator[Listed]:
    """The recordings of one file."""
    rows = _rows(tree, member)
    if rows is None:
        raise DataError(f"{tree.place(member)}: the first line should begin with {','.join(COLUMNS)}")
    for line_number, row in rows:
        place = f"{tree.place(member)}, line {line_number}"
        participant, video, gloss = (field.strip() for field in (*row, "", "", "")[: len(COLUMNS)])
        if not participant or not video or not gloss:
            raise DataError(f"{place}: {', '.join(COLUMNS)} must all be there")
        yield Listed(PurePosixPath(video).stem, gloss.lower(), part, f"asl-citizen-{participant}")


def _rows(tree: Tree, member: str) -> Iterator[tuple[int, list[str]]] | None:
    """Line number and fields of each row that is not empty; None if the columns are not those of ASL Citizen."""
    text = tree.read(member).decode("utf-8-sig", "replace")
    header = text.partition("\n")[0].split(",")[: len(COLUMNS)]
    return _parsed(tree, member, text) if [field.strip() for field in header] == list(COLUMNS) else None


def _parsed(tree: Tree, member: str, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        next(reader)
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise DataError(f"{tree.place(member)}, line {reader.line_num}: {error}") from error
