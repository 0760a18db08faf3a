"""A list beside recordings that gives a class to each file or folder, and perhaps a person and a part of a split.

Which column names the files is told by what is in it: names with or without their endings, with or without folders.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import DataError, some
from ..formats.columns import (
    LABEL_NAMES,
    PARQUET_SUFFIXES,
    PERSON_NAMES,
    STREAM_SUFFIXES,
    TEXT_SUFFIXES,
    Table,
    column_of,
    open_table,
    plain,
    words_of,
)
from ..formats.npy import ARRAY_SUFFIX
from ..recording import CHECK, PARTS
from .class_column import FOLDER
from .contents import text_notes

if TYPE_CHECKING:
    import pandas

LIST = re.compile(
    r"label|annot|meta|target|truth|class|activit|gesture|index|info|list|overview|manifest|train|test|val|klasse|"
    r"subject|participant|person|user|recording|file|^y(?![a-z])",
    re.IGNORECASE,
)
PART_NAMES = frozenset({"split", "part", "partition", "subset", "set"})
# Of lists that are about parts of a file.
SPANS = frozenset({"start", "end", "begin", "stop", "onset", "duration"})
MOST_COLUMNS = 100
# More names that differ by their numbers alone are those of recordings.
MOST_ALIKE = 3
N_LOOKED_AT = 100


SUFFIXES = TEXT_SUFFIXES | PARQUET_SUFFIXES | STREAM_SUFFIXES | {ARRAY_SUFFIX}
PERSONS = frozenset(map(plain, PERSON_NAMES))

# Files and folders by what they may be called.
Names = Mapping[str, set[Path]]


class Entry(NamedTuple):
    """What a list says of a file: its class, its person and its part of the split; None where it does not say."""

    label: str
    person: str | None
    part: int | None


class Listing(NamedTuple):
    """What lists say of files, and notes."""

    entries: dict[Path, Entry]
    notes: list[str]


def find_listing(root: Path, paths: Sequence[Path]) -> Listing | None:
    """The classes of files by the lists that lie among them; None without a list.

    Args:
        root: The folder.
        paths: Of all tables below it.

    Raises:
        DataError: If a list gives one file two classes, or two of its columns could be the class.
    """
    alike = Counter((path.parent, re.sub(r"\d+", "0", path.stem)) for path in paths)
    top = min((len(path.parts) for path in paths), default=0)
    alone = sum(len(path.parts) == top for path in paths) == 1
    perhaps = [
        path
        for path in paths
        if path.suffix.lower() != ARRAY_SUFFIX
        and alike[path.parent, re.sub(r"\d+", "0", path.stem)] <= MOST_ALIKE
        and (LIST.search(path.stem) or (alone and len(path.parts) == top))
    ]
    may_be = set(perhaps)
    files = [path for path in paths if path not in may_be]
    names = _names(paths) if perhaps else {}
    said: dict[Path, Entry] = {}
    notes: list[str] = []
    for path in perhaps:
        read = _read(root / path, names)
        if read is None or not _take(read[0], path, str(root / path), names, said, notes):
            files.append(path)
        else:
            notes += text_notes([read[1]])
    told = {path: next((one for one in (path, *path.parents) if one in said), None) for path in files}
    entries = {path: said[one] for path, one in told.items() if one is not None}
    if entries and len(entries) < len(files):
        without = [str(path) for path in files if path not in entries]
        notes.append(f"{CHECK}without a class in the list, and not read: {some(without, 3)}")
    return Listing(entries, notes) if entries else None


def _take(
    frame: pandas.DataFrame, path: Path, place: str, names: Names, said: dict[Path, Entry], notes: list[str]
) -> bool:
    """Adds what a table says of files, if it is a list."""
    named = [[_named(text, cells, names, path) for text in cells] for cells in frame.itertuples(index=False, name=None)]
    targets = max(zip(*named, strict=True), key=lambda column: len(set(column) - {None}))
    columns = [str(name) for name in frame]
    file = columns[[*zip(*named, strict=True)].index(targets)]
    are_spans = any(SPANS & set(words_of(name)) for name in columns)
    if 2 * sum(one is not None for one in targets) < len(frame) or are_spans:
        return False
    rest = [name for name in columns if name != file]
    person = next((name for name in rest if plain(name) in PERSONS), None)
    part = next((one for one in rest if plain(one) in PART_NAMES and set(frame[one].str.casefold()) <= {*PARTS}), None)
    known = column_of("label", LABEL_NAMES, rest, place)
    left = [name for name in rest if name not in (person, part)]
    label = rest[known] if known is not None else left[0] if len(left) == 1 else None
    if label is None:
        return False
    # With a class for every folder it is a legend of them, and a column without a name has to repeat its words.
    are_folders = not any(one.suffix.lower() in SUFFIXES for one in targets if one is not None)
    n_classes = frame[label].nunique()
    if (are_folders and n_classes == len(frame)) or (known is None and n_classes > len(frame) / 2):
        return False
    rows: dict[Path, int] = {}
    for target, row, cells in zip(targets, frame.index.tolist(), frame.to_dict("records"), strict=True):
        if target is None or not cells[label]:
            continue
        who, which = (cells[person] or None) if person else None, PARTS[cells[part].casefold()] if part else None
        entry = said.setdefault(target, Entry(cells[label], who, which))
        if entry.label != cells[label]:
            raise DataError(
                f"{place}, row {row}: {cells[file]!r} is {cells[label]!r} here and {entry.label!r} in row "
                f"{rows.get(target, 'of another list')}: a file has one class, or the list a start and an end of each"
            )
        rows.setdefault(target, row)
    spoken = {"file": file, "class": label, "person": person, "part": part}
    told = ", ".join(f"{what} is {name!r}" for what, name in spoken.items() if name)
    notes.append(f"the class of each file is taken from {str(path)!r}: {told}; {FOLDER} takes its place or name")
    absent = [text for target, text in zip(targets, frame[file], strict=True) if target is None]
    if absent:
        notes.append(f"{CHECK}named in {str(path)!r}, and not there: {some(absent, 3)}")
    return True


def _read(path: Path, names: Names) -> tuple[pandas.DataFrame, Table] | None:
    """The cells of a table as text, with the numbers of its rows; None where its first rows name no file."""
    import pandas as pd

    cells: list[tuple[str, ...]] = []
    try:
        table = open_table(path, str(path))
        columns, first_row = list(table.columns), table.first_row
        if len(columns) > MOST_COLUMNS:
            return None
        if table.has_header and any(_tails(name) & names.keys() for name in columns):
            cells, first_row = [tuple(columns)], first_row - 1
            columns = [f"column {k + 1}" for k in range(len(columns))]
        for chunk in table.chunks():
            cells += zip(*(chunk.texts(k) for k in range(len(columns))), strict=True)
            if not any(_tails(text) & names.keys() for row in cells[:N_LOOKED_AT] for text in row):
                return None
    except DataError:
        return None  # Perhaps a recording, of which its reader tells what is wrong.
    return (pd.DataFrame(cells, range(first_row, first_row + len(cells)), columns), table) if len(columns) > 1 else None


def _names(files: Sequence[Path]) -> Names:
    """Files, and the folders that they lie in, by each end of their path, with and without the ending of the name."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path in {one for file in files for one in (file, *file.parents) if one.name}:
        for tail in _tails(str(path)) | _tails(str(path.with_suffix(""))):
            found[tail].add(path)
    return found


def _tails(name: str) -> set[str]:
    parts = [part for part in name.strip().casefold().replace("\\", "/").split("/") if part not in ("", ".")]
    # Spreadsheets write 001 as 1.
    numbers = {str(int(part)) for part in parts[-1:] if part.isascii() and part.isdigit()}
    return {"/".join(parts[k:]) for k in range(len(parts))} | numbers


def _named(text: str, cells: Sequence[str], names: Names, path: Path) -> Path | None:
    """What a cell of a list names; None where that is nothing, or not clear."""
    for tail in sorted(_tails(text) & names.keys(), key=len, reverse=True):
        near = {one for one in names[tail] if one.is_relative_to(path.parent)}
        # Of P01/take1 and P02/take1 the row may tell the person in another cell.
        others = {cell.strip().casefold() for cell in cells} - {text.strip().casefold()}
        told = {one for one in near if others & {part.casefold() for part in one.parts[:-1]}}
        for found in (names[tail], near, told):
            if len(found) == 1:
                return next(iter(found))
    return None
