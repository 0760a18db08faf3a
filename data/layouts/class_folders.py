"""A folder a class, a table a sequence: ``wave/01.csv``, with the people or the parts of a split as a further level.

Understood are ``<class>/<file>``; ``<class>/<person>/<file>`` and ``<person>/<class>/<file>``, where the names of one
level are those of people (``p01``, ``subject_3``, ``person-anna``); ``<class>/<take>/<file>``; and any of these below
folders ``train``, ``test`` and, if there is one, ``val``. Without folders for people, file names that all begin with
one (``p01_wave.csv``) tell them. Whatever else could be meant is asked, not guessed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from ..formats.columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES, find_roles, open_table
from ..formats.npy import ARRAY_SUFFIX
from ..recording import CHECK, PARTS, TRAIN, Layout, Recording
from ..spool import each
from .class_column import FOLDER, Told, settle
from .clips import natural_order
from .contents import LEFT_OUT, read_contents, without_clocks
from .label_list import Listing
from .people import PERSON_FOLDER, people_in_names, perhaps_people, without_number, without_person
from .pieces import Pieces, share_takes
from .sensors import PASSED_OVER, group_sensors, join_sensors
from .ts_archive import PART

DEEPEST = 6
MAX_FILES = 200_000
MAX_FOLDERS = 50_000
TABLES = PARQUET_SUFFIXES | TEXT_SUFFIXES | STREAM_SUFFIXES
# Clips as well.
CLIPS = TABLES | {ARRAY_SUFFIX}

TAKE_FOLDER = re.compile(
    r"((take|trial|rec|recording|session|seq|sequence|sample|run|rep|clip)[ _-]?)?\d+", re.IGNORECASE
)
# As apps call their recordings: 1557877157028, of which ten digits are seconds, 2023-05-01_10-00-00, 20230501T100000Z.
DATE = re.compile(
    r"(?<!\d)[12]\d{9}(\d{3}){0,3}(?!\d)|"
    r"(?<!\d)(19|20)\d\d([-_.]?)\d\d\3\d\d([ _T-]+\d\d[-_.:h]?\d\d([-_.:m]?\d\d(\.\d{1,9})?)?Z?)?(?!\d)",
    re.ASCII,
)
FOLDERS_AS_CLASSES = "the folders are taken for classes, although they are called like people"


class Sample(NamedTuple):
    """One take and what its place says.

    Attributes:
        path: Below the folder that the user named: its file, or the folder of its files.
        label: Name of its class; empty where the place does not say.
        person: Who performed it; None where the place does not say.
        part: Of the split that folders give; None without one.
        sensors: Its files by their sensors; empty for a single file.
        is_flat: Whether there is no folder, and the class is in the file's name.
    """

    path: Path
    label: str
    person: str | None
    part: int | None
    sensors: Mapping[str, Path] = {}
    is_flat: bool = False


def find_samples(root: Path, label_from: str = "auto") -> tuple[list[Sample], list[str]]:
    """Every recording in the folder, in the natural order of their names, and notes on how the folders were read.

    Args:
        root: The folder.
        label_from: ``folder`` never takes the class from the names of takes or files within folders of people.

    Raises:
        DataError: If there is none, or the folders can be read in more than one way.
    """
    found = table_files(root)
    files = [path for path in found if len(path.parts) > 1]
    if not files:
        return _flat(root, found)
    # walk-1 and walk-2, with a file a sensor.
    outer = {path.parts[0] for path in files}
    named = {class_in_name(name) for name in outer}
    are_takes = "" not in named and 1 < len(named) < len(outer) and not named & outer
    takes, about_sensors = group_sensors(files, are_takes)
    beside = [path for path in found if len(path.parts) == 1]
    files = files if takes is None else list(takes)
    depths = {len(path.parts): path for path in reversed(files)}
    if len(depths) > 1:
        shallow, deep = depths[min(depths)], depths[max(depths)]
        raise DataError(f"{root} holds {str(shallow)!r} and {str(deep)!r}: all files must lie equally deep")
    part_of = {path: PARTS.get(path.parts[0].lower()) for path in files}
    parts = set(part_of.values())
    below = 1 if None not in parts and TRAIN in parts and len(parts) > 1 else 0
    # Windows knows no blank at the end of a name, and zips of other systems have some.
    levels = [tuple(part.strip() for part in path.parts[below:-1]) for path in files]
    notes = ["the folders train, test (and val) are taken as the split"] if below else []
    if beside:
        are = "table beside the folders is" if len(beside) == 1 else "tables beside the folders are"
        notes.append(f"{len(beside)} {are} not read, such as {str(beside[0])!r}")
    notes += about_sensors
    labels, people = [class_in_name(path.name if path in (takes or ()) else path.stem) for path in files], None
    # Of a person's sessions the names of files tell the class.
    are_sessions = len(levels[0]) > 1 and all(TAKE_FOLDER.fullmatch(names[-1]) for names in levels)
    outside = [names[:-1] for names in levels] if are_sessions else levels
    around = None if label_from == "folder" else _around(outside, labels, is_takes=takes is not None)
    if (any(levels) and around is None) or not all(labels):
        labels, people = _classes_and_people(root, levels, notes)
    else:
        notes.append(f"{CHECK}the class is taken from the names, {labels[0]!r} from {files[0].name!r}")
        people = around or None
        if people:
            notes[-1] += f", and the folders, such as {people[0]!r}, are taken for people; {FOLDER} takes the folders"
    if people is None:
        stems = [path.stem for path in files]
        people, about_people = people_in_names(stems)
        notes += about_people or perhaps_people(stems, labels)
    samples = [
        Sample(
            path,
            label,
            None if people is None else people[k],
            part_of[path] if below else None,
            {} if takes is None else takes[path],
        )
        for k, (path, label) in enumerate(zip(files, labels, strict=True))
    ]
    return samples, notes


def _flat(root: Path, files: Sequence[Path]) -> tuple[list[Sample], list[str]]:
    """Files without folders, whose names begin with the class: ``walk.csv``, ``walk_2.csv``, ``walk.p01.csv``."""
    labels = [class_in_name(path.stem) for path in files]
    if not is_flat(path.stem for path in files):
        first = open_table(root / files[0], str(root / files[0]))
        find_roles(first.columns, first.place)  # Two columns that could each be the label say more.
        names = ", ".join(path.name for path in files[:5]) + (", …" if len(files) > 5 else "")
        raise DataError(
            f"{root} holds several files to read ({names}): name one of them, or put the recordings of each class "
            "into a folder with the name of the class"
        )
    people, notes = people_in_names([path.stem for path in files])
    notes = [
        f"{CHECK}the class is taken from the names of the files: {labels[0]!r} for {files[0].name!r}, "
        f"{labels[-1]!r} for {files[-1].name!r}",
        *notes,
    ]
    return [
        Sample(path, label, None if people is None else people[k], None, is_flat=True)
        for k, (path, label) in enumerate(zip(files, labels, strict=True))
    ], notes


def _listed(listing: Listing) -> tuple[list[Sample], list[str]]:
    """The recordings that lists name; people whom these do not tell by folders or names."""
    takes, about_sensors = group_sensors([*listing.entries], are_takes=True)
    entries = listing.entries if takes is None else {one: listing.entries[min(takes[one].values())] for one in takes}
    told = [
        entry.person or next(filter(PERSON_FOLDER.fullmatch, path.parts[:-1]), None) for path, entry in entries.items()
    ]
    people, about_people = (told, []) if any(told) else people_in_names([path.stem for path in entries])
    parts = [PARTS.get(path.parts[0].lower()) if entry.part is None else entry.part for path, entry in entries.items()]
    split = TRAIN in parts and None not in parts and len(set(parts)) > 1
    return [
        Sample(
            path, entry.label, people[k] if people else None, parts[k] if split else None, takes[path] if takes else {}
        )
        for k, (path, entry) in enumerate(entries.items())
    ], [*listing.notes, *about_sensors, *about_people]


def is_flat(stems: Iterable[str]) -> bool:
    """Whether the names of files are those of several classes."""
    labels = {class_in_name(stem) for stem in stems}
    return len(labels) > 1 and "" not in labels and not {label.lower() for label in labels} <= set(PARTS)


def class_in_name(stem: str) -> str:
    """The class in a name: what is no person and, at its end, no number, before a date or behind it, up to a point."""
    parts = [part for part in DATE.sub("\0", stem).split("\0") if part.strip(" _-.")]
    plain = without_person(parts[0] if parts else "").partition(".")[0]
    return without_number(plain).strip(" _-")


def read_folder(
    root: Path, name: str, label_from: str = "auto", listing: Listing | None = None
) -> tuple[Layout, list[Recording]]:
    """Reads every recording.

    Args:
        root: The folder.
        name: Of the data set.
        label_from: One of ``class_column.LABEL_FROM``: what names the class where folder and column both could.
        listing: What lists beside the recordings say of them, instead of folders and names.

    Raises:
        DataError: If one cannot be read, its columns are not those of the others, or it is not clear what its class
            is; the message names file and row.
    """
    samples, notes = find_samples(root, label_from) if listing is None else _listed(listing)
    if samples[0].sensors:
        sensors = {one: read_contents(root, [each.sensors[one] for each in samples]) for one in samples[0].sensors}
        sensors = {one: without_clocks(contents) for one, contents in sensors.items()}
        contents = join_sensors([str(root / sample.path) for sample in samples], sensors)
    else:
        contents = without_clocks(read_contents(root, [sample.path for sample in samples]))
        if contents.label is not None and listing is None:
            # A column says more surely than names of files what the class is.
            samples, notes = find_samples(root, "folder")
    told = [
        Told(content.place, sample.label, sample.person or content.person, content.labels or {})
        for sample, content in zip(samples, contents.files, strict=True)
    ]
    labels, people, about_labels = settle(told, contents.label, label_from)
    pieces = Pieces(contents.clock)
    recordings: list[Recording] = []
    for k, (sample, content) in enumerate(each(zip(samples, contents.files, strict=True))):
        whole = Recording(content.place, labels[k], content.values, people[k], sample.part)
        recordings += pieces.of(whole, content.times, content.rows, content.breaks)
    n_recordings = len(recordings)
    recordings, about_takes = share_takes(recordings) if samples[0].is_flat else (recordings, [])
    steps = [one.step_seconds for one in recordings if one.step_seconds]
    about_pieces = pieces.notes(contents.clock.unit_seconds(steps))
    layout = Layout(
        name,
        str(root),
        contents.channels,
        (
            f"{root} is read as {_spoken(samples[0], contents.label if about_labels else None, listing)}",
            *(note for note in notes if not (about_labels and FOLDERS_AS_CLASSES in note)),
            *(note for note in contents.notes if note != f"{LEFT_OUT}{contents.label!r}" or not about_labels),
            *(*about_labels, *about_pieces, *about_takes),
        ),
        is_stream=len(recordings) > n_recordings,
    )
    return layout, contents.clock.measured(recordings)


def _spoken(sample: Sample, column: str | None, listing: Listing | None) -> str:
    if listing is not None:
        return f"a {'folder of sensors' if sample.sensors else 'file'} a sequence, with a list of their classes"
    if column is not None:
        return f"a file a sequence, with its class in the column {column!r}"
    if sample.is_flat:
        return "files that are called after their class"
    what = f"a {'folder of sensors' if sample.sensors else 'file'} a sequence"
    in_folder = sample.label in (part.strip() for part in sample.path.parts)
    return f"a folder a class, {what}" if in_folder else f"{what}, called after its class"


def table_files(root: Path) -> list[Path]:
    """Tables below a folder, relative to it: CSV, TSV and Parquet, or else clips, or else text of any kind.

    Raises:
        DataError: If a folder cannot be looked into, holds itself through a link, or there are too many files or
            folders.
    """
    found = table_paths(root, CLIPS)
    told = [path for path in found if not any(map(PASSED_OVER.fullmatch, (*path.parts[:-1], path.stem)))]
    by_kind: dict[str, list[Path]] = {kind: [] for kind in ("table", ARRAY_SUFFIX, ".txt", "stream")}
    for path in told or found:
        suffix = path.suffix.lower()
        kind = "stream" if suffix in STREAM_SUFFIXES else suffix if suffix in by_kind else "table"
        if kind != ".txt" or len(path.parts) > 1 or PART.search(path.stem):
            by_kind[kind].append(path)
    tables, clips, *texts = by_kind.values()
    if clips and all(len(path.parts) == 1 for path in tables):
        # A table beside clips is about them.
        return [*tables, *clips] if any(len(path.parts) > 1 for path in clips) else clips
    return next(filter(None, (tables, *texts)), [])


def table_paths(root: Path, suffixes: frozenset[str] = TABLES) -> list[Path]:
    """Everything below a folder that may be a table, relative to it, in the natural order of the names.

    Raises:
        DataError: As ``table_files``.
    """
    found = (path for path in _walk(root, Path(), set(), count()) if path.suffix.lower() in suffixes)
    return sorted(found, key=lambda path: [natural_order(part) for part in path.parts])


def _walk(root: Path, below: Path, above: set[tuple[int, int]], folders: Iterator[int]) -> Iterator[Path]:
    folder = root / below
    # Links to folders that hold links to folders multiply.
    if next(folders) > MAX_FOLDERS:
        raise DataError(f"{root} holds more than {MAX_FOLDERS:,} folders: is this the folder that is meant?")
    try:
        status = folder.stat()
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be looked into: {error.strerror}") from error
    if (real := (status.st_dev, status.st_ino)) in above:
        raise DataError(f"{folder} is a link to a folder that holds it: take it out")
    n_files = 0
    for entry in entries:
        if entry.name.startswith((".", "__MACOSX")):
            continue
        if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry)):
            if len(below.parts) + 1 < DEEPEST:
                yield from _walk(root, below / entry.name, above | {real}, folders)
        elif os.path.splitext(entry.name)[1].lower() in CLIPS:
            if os.path.exists(entry) and not os.path.isfile(entry):
                raise DataError(f"{entry.path} is no plain file: take it out")
            n_files += 1
            if n_files > MAX_FILES:
                raise DataError(f"{folder} holds more than {MAX_FILES:,} tables: is this the folder that is meant?")
            yield below / entry.name


def _around(levels: Sequence[tuple[str, ...]], labels: Sequence[str], is_takes: bool) -> list[str] | None:
    """The people whose folders lie around takes or files with the class in their names; none where one folder does.

    None where folders may be the classes.
    """
    if not all(labels) or len(set(labels)) < 2 or not levels[0]:
        return None
    people = [names[-1] for names in levels]
    if len({names[:-1] for names in levels}) > 1:
        return None
    if len(set(people)) == 1:
        return [] if is_takes else None
    performed = {label: {one for one, own in zip(people, labels, strict=True) if own == label} for label in labels}
    # Not all: somebody may have a gesture of their own.
    several = sum(len(found) > 1 for found in performed.values()) > len(performed) / 2
    return people if several and all(map(PERSON_FOLDER.fullmatch, people)) else None


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
        raise DataError(f"{root}: below train and test there must be a folder a class, or names such as walk.01.csv")
    if n_levels == 1:
        dated = next((name for (name,) in levels if DATE.fullmatch(name)), None)
        if dated is not None:
            raise DataError(
                f"{root}: the folder {dated!r} tells when and not what: put the class in front of it (walk-{dated}), "
                f"or the folders of each class into one (walk/{dated})"
            )
        if all(PERSON_FOLDER.fullmatch(name) for (name,) in levels):
            notes.append(f"{CHECK}{FOLDERS_AS_CLASSES}: {levels[0][0]!r}")
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


def _are_people_or_takes(levels: Sequence[tuple[str, ...]], level: int) -> bool:
    names = {folders[level] for folders in levels}
    return any(all(kind.fullmatch(name) for name in names) for kind in (PERSON_FOLDER, TAKE_FOLDER))
