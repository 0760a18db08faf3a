"""A folder a class, a table a sequence: ``wave/01.csv``, with the people or the parts of a split as a further level.

Understood are ``<class>/<file>``; ``<class>/<person>/<file>`` and ``<person>/<class>/<file>``, where the names of one
level are those of people (``p01``, ``subject_3``, ``person-anna``); ``<class>/<take>/<file>``; and any of these below
folders ``train``, ``test`` and, if there is one, ``val``. Without folders for people, file names that all begin with
one (``p01_wave.csv``) tell them. Whatever else could be meant is asked, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .clips import natural_order
from .columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES, Roles, Table, find_roles, open_table
from .errors import DataError
from .recording import MAX_VALUES, Layout, Recording
from .sequences import TEST, TRAIN, VALIDATION
from .time_axis import Clock

DEEPEST = 6
MAX_FILES = 200_000
MAX_FOLDERS = 50_000

PERSON_FOLDER = re.compile(
    r"(subject|subj|person|user|participant|signer|volunteer)[ _-]?\w+|[pus][ _-]?\d+", re.IGNORECASE
)
PERSON_PREFIX = re.compile(
    r"((?:subject|subj|person|user|participant|signer|volunteer|p|u|s)[_-]?\d+)[ _-]", re.IGNORECASE
)
TAKE_FOLDER = re.compile(
    r"((take|trial|rec|recording|session|seq|sequence|sample|run|rep|clip)[ _-]?)?\d+", re.IGNORECASE
)
SENSOR = re.compile(r"(?<![a-z])(acc|gyr|mag)(?:|el\w*|o|os\w*|net\w*)(?![a-z])", re.IGNORECASE)
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}


class Sample(NamedTuple):
    """One file and what its place says.

    Attributes:
        path: Below the folder that the user named.
        label: Name of its class.
        person: Who performed it; None where the place does not say.
        part: Of the split that folders give; None without one.
    """

    path: Path
    label: str
    person: str | None
    part: int | None


def find_samples(root: Path) -> tuple[list[Sample], list[str]]:
    """Every recording in the folder, in the natural order of their names, and notes on how the folders were read.

    Raises:
        DataError: If there is none, or the folders can be read in more than one way.
    """
    found = table_files(root)
    files = [path for path in found if len(path.parts) > 1]
    if not files:
        raise DataError(
            f"{root} holds files but no folder a class: put the recordings of each class into a folder with the "
            "name of the class, or name a single file"
        )
    _refuse_single_sensors(root, files)
    depths = {len(path.parts): path for path in reversed(files)}
    if len(depths) > 1:
        shallow, deep = depths[min(depths)], depths[max(depths)]
        raise DataError(f"{root} holds {str(shallow)!r} and {str(deep)!r}: all files must lie equally deep")
    part_of = {path: PARTS.get(path.parts[0].lower()) for path in files}
    parts = set(part_of.values())
    below = 1 if None not in parts and TRAIN in parts and len(parts) > 1 else 0
    levels = [path.parts[below:-1] for path in files]
    notes = ["the folders train, test (and val) are taken as the split"] if below else []
    if len(files) < len(found):
        beside = next(path for path in found if len(path.parts) == 1)
        n_beside = len(found) - len(files)
        are = "table beside the folders is" if n_beside == 1 else "tables beside the folders are"
        notes.append(f"{n_beside} {are} not read, such as {str(beside)!r}")
    labels, people = _classes_and_people(root, levels, notes)
    if people is None:
        people = _people_in_names(files)
        if people is not None:
            notes.append(f"people are taken from how file names begin, such as {people[0]!r} in {files[0].name!r}")
    samples = [
        Sample(path, label, None if people is None else people[k], part_of[path] if below else None)
        for k, (path, label) in enumerate(zip(files, labels, strict=True))
    ]
    return samples, notes


def read_folder(root: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads every recording.

    Raises:
        DataError: If one cannot be read, or its columns are not those of the others; the message names file and row.
    """
    samples, notes = find_samples(root)
    first = open_table(root / samples[0].path, str(root / samples[0].path))
    roles = find_roles(first.columns, first.place) if first.has_header else _all_channels(first)
    clock = Clock(None if roles.time is None else first.columns[roles.time])
    recordings = []
    n_values = 0
    for sample in samples:
        table = open_table(root / sample.path, str(root / sample.path))
        order = _same_columns(first, table)
        recording = _read(table, sample, roles, order, clock)
        recordings.append(recording)
        n_values += recording.values.size
        if n_values > MAX_VALUES:
            raise DataError(f"{root} holds more than {MAX_VALUES:,} values: take fewer files")
    left_out = [
        first.columns[k] or "row number" for k in (roles.sequence, roles.label, *roles.left_out) if k is not None
    ]
    if left_out:
        notes.append(f"left out, since by their names they are no measurements: {', '.join(map(repr, left_out))}")
    channels = tuple(first.columns[k] for k in roles.channels)
    layout = Layout(name, str(root), channels, (f"{root} is read as a folder a class, a file a sequence", *notes))
    return layout, clock.measured(recordings)


def table_files(root: Path) -> list[Path]:
    """Tables below a folder, relative to it; text of any kind only where there is no CSV, TSV or Parquet.

    Raises:
        DataError: If a folder cannot be looked into, holds itself through a link, or there are too many files or
            folders.
    """
    found = [path for path in table_paths(root) if path.suffix.lower() not in STREAM_SUFFIXES]
    plain = [path for path in found if path.suffix.lower() != ".txt"]
    return plain or [path for path in found if len(path.parts) > 1]


def table_paths(root: Path) -> list[Path]:
    """Everything below a folder that may be a table, relative to it, in the natural order of the names.

    Raises:
        DataError: As ``table_files``.
    """
    return sorted(_walk(root, Path(), set(), count()), key=lambda path: [natural_order(part) for part in path.parts])


def _walk(root: Path, below: Path, above: set[Path], folders: Iterator[int]) -> Iterator[Path]:
    folder = root / below
    # Links to folders that hold links to folders multiply.
    if next(folders) > MAX_FOLDERS:
        raise DataError(f"{root} holds more than {MAX_FOLDERS:,} folders: is this the folder that is meant?")
    try:
        real = folder.resolve()
        entries = sorted(folder.iterdir())
    except (OSError, RuntimeError) as error:
        raise DataError(f"{folder} cannot be looked into: {getattr(error, 'strerror', error)}") from error
    if real in above:
        raise DataError(f"{folder} is a link to a folder that holds it: take it out")
    n_files = 0
    for entry in entries:
        if entry.name.startswith((".", "__MACOSX")):
            continue
        if entry.is_dir():
            if len(below.parts) + 1 < DEEPEST:
                yield from _walk(root, below / entry.name, above | {real}, folders)
        elif entry.suffix.lower() in PARQUET_SUFFIXES | TEXT_SUFFIXES | STREAM_SUFFIXES:
            if entry.exists() and not entry.is_file():
                raise DataError(f"{entry} is no plain file: take it out")
            n_files += 1
            if n_files > MAX_FILES:
                raise DataError(f"{folder} holds more than {MAX_FILES:,} tables: is this the folder that is meant?")
            yield below / entry.name


def _classes_and_people(
    root: Path, levels: Sequence[tuple[str, ...]], notes: list[str]
) -> tuple[list[str], list[str] | None]:
    while len(levels[0]) > 1 and len({names[0] for names in levels}) == 1 and not _are_people_or_takes(levels, 1):
        notes.append(f"everything lies in the folder {levels[0][0]!r}, which is passed over")
        levels = [names[1:] for names in levels]
    if len(levels[0]) == 3 and all(TAKE_FOLDER.fullmatch(names[2]) for names in levels):
        notes.append(f"the innermost folders, such as {levels[0][2]!r}, are taken for takes and not looked at")
        levels = [names[:2] for names in levels]
    n_levels = len(levels[0])
    if n_levels == 0:
        raise DataError(f"{root}: below train and test there must be a folder a class")
    if n_levels == 1:
        if all(PERSON_FOLDER.fullmatch(name) for (name,) in levels):
            notes.append(f"the folders are taken for classes, although they are called like people: {levels[0][0]!r}")
        return [names[0] for names in levels], None
    if n_levels > 2:
        raise DataError(f"{root}: {'/'.join(levels[0])!r} are too many folders: class and person are understood")
    outer, inner = [names[0] for names in levels], [names[1] for names in levels]
    people_outside = all(PERSON_FOLDER.fullmatch(name) for name in outer)
    people_inside = all(PERSON_FOLDER.fullmatch(name) for name in inner)
    if people_inside and not people_outside:
        notes.append(f"the inner folders are taken for people, such as {inner[0]!r}")
        return outer, inner
    if people_outside and not people_inside:
        notes.append(f"the outer folders are taken for people, such as {outer[0]!r}")
        return inner, outer
    is_take = all(TAKE_FOLDER.fullmatch(name) for name in inner)
    if is_take or len(set(inner)) == len(set(levels)):
        notes.append(f"the outer folders are the classes; the inner ones, such as {inner[0]!r}, are not looked at")
        return outer, None
    raise DataError(
        f"{root}: in {'/'.join(levels[0])!r} it is not clear which folder is the class and which the person: call the "
        f"people's folders 'person_{inner[0]}' and so on, or leave that level out"
    )


def _refuse_single_sensors(root: Path, files: Sequence[Path]) -> None:
    """The sensors of one recording in files of their own would be sequences of their own, and straddle the split."""
    seen: dict[Path, Path] = {}
    for path in files:
        match = SENSOR.search(path.stem)
        first = seen.setdefault(path.parent, path) if match else path
        known = SENSOR.search(first.stem)
        if match and known and known[1].lower() != match[1].lower():
            raise DataError(
                f"{root}: {str(first)!r} and {path.name!r} seem to be two sensors of one recording: join them into one "
                "table with a column a channel, or keep the files of one sensor only"
            )


def _are_people_or_takes(levels: Sequence[tuple[str, ...]], level: int) -> bool:
    names = {folders[level] for folders in levels}
    return any(all(kind.fullmatch(name) for name in names) for kind in (PERSON_FOLDER, TAKE_FOLDER))


def _people_in_names(files: Sequence[Path]) -> list[str] | None:
    """The prefix of each file's name, if all have one and it groups them."""
    found = [PERSON_PREFIX.match(path.name) for path in files]
    people = [match[1].lower() for match in found if match is not None]
    return people if len(people) == len(files) and 2 * len(set(people)) <= len(files) else None


def _all_channels(table: Table) -> Roles:
    return Roles(None, None, None, None, tuple(range(len(table.columns))), ())


def _same_columns(first: Table, table: Table) -> list[int]:
    """Where each column of the first file is in this one."""
    if table.has_header != first.has_header:
        headed, bare = (table, first) if table.has_header else (first, table)
        raise DataError(
            f"{headed.place} has a header and {bare.place} has none: all files must be alike; take out what is no "
            "recording"
        )
    if set(table.columns) != set(first.columns):
        raise DataError(
            f"{table.place} has the columns {_listed(table, first)} and {first.place} {_listed(first, table)}: "
            "all files must have the same; take out what is no recording"
        )
    return [table.columns.index(name) for name in first.columns]


def _listed(table: Table, other: Table) -> str:
    """The columns; only those that differ, and how many there are, where there are many."""
    if len(table.columns) <= 12:
        return ", ".join(map(repr, table.columns))
    own = [name for name in table.columns if name not in other.columns][:5]
    return f"{', '.join(map(repr, own)) or 'fewer'} ({len(table.columns)} in all)"


def _read(table: Table, sample: Sample, roles: Roles, order: Sequence[int], clock: Clock) -> Recording:
    channels = [order[k] for k in roles.channels]
    pieces, times = [], []
    people: set[str] = set()
    matrix = table.matrix() if roles.person is None else None
    if matrix is not None:
        pieces.append(matrix[:, channels].astype(np.float32))
        if roles.time is not None:
            times.append(matrix[:, order[roles.time]])
    for chunk in table.chunks() if matrix is None else ():
        pieces.append(np.stack([chunk.numbers(k) for k in channels], axis=1).astype(np.float32))
        if roles.time is not None:
            times.append(clock.read(chunk, order[roles.time]))
        if roles.person is not None:
            people.update(chunk.texts(order[roles.person]))
    person = sample.person
    if person is None and roles.person is not None:
        if len(people) > 1:
            listed = " and ".join(map(repr, sorted(people)[:2]))
            raise DataError(
                f"{table.place} is of {listed} by its column {table.columns[order[roles.person]]!r}: "
                "a file must be one sequence of one person"
            )
        person = people.pop() or None
    step = None
    if times:
        stamps = np.concatenate(times)
        first_row = 2 if table.has_header else 1
        step = clock.step(stamps, table.place, np.arange(first_row, first_row + len(stamps)))
    return Recording(table.place, sample.label, np.concatenate(pieces), person, sample.part, step)
