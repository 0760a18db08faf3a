"""Streams as they lie on disk: a label in every row, or beside the stream a list of start, end and label.

A file of measurements may have a column with the label of every row (``user,activity,timestamp,x,y,z``; WISDM, PAMAP2,
mHealth, HARTH, Opportunity), or a file beside it says when what was done (``start,end,label``), or what at which time
(``time,label``). A file is of one person, unless a column tells people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import PARQUET_SUFFIXES, STREAM_SUFFIXES, TEXT_SUFFIXES, Roles, find_roles
from ..formats.measured import Rounded, without_counters
from ..layouts.class_column import COLUMN, FOLDER
from ..layouts.class_folders import table_paths
from ..layouts.contents import text_notes
from ..layouts.people import PERSON_FOLDER, TOKENS, one_spelling
from ..layouts.sensors import NAMED
from ..recording import CHECK, Layout
from ..sequences import SequenceDataset
from ..source import Source, is_file
from ..spool import Column, kept
from .labels import Found, Spans, about_spans, labels_beside, rows_about, stem
from .null_class import NULL
from .tables import (
    ANNOTATIONS,
    LABELS,
    PLAIN,
    ROWS,
    Head,
    clock_of,
    frames_of,
    look,
    numbers,
    read_frame,
    roles_in,
    times,
    words_in,
)
from .windows import Stream, assemble_streams

if TYPE_CHECKING:
    import pandas

FILE = re.compile(r"file|stream|recording|session|subject|person|participant", re.IGNORECASE)
BESIDE = re.compile(r"annotat|label|event|segment|marker|truth|activit", re.IGNORECASE)
PERSON = re.compile(
    r"(?<![a-z0-9])(?:subject|subj|person|user|participant|signer|volunteer|p|u|s)[ _-]?\d+", re.IGNORECASE
)
# Of channels that were worked out of a whole window.
FEATURE = re.compile(
    r"(?<![a-z])(mean|std|mad|median|variance|rms|energy|entropy|skewness|kurtosis)(?![a-z])", re.IGNORECASE
)
# Of a folder that holds other recordings, so many files are looked at.
N_LOOKED_AT = 3
FEWEST_PEOPLE = 3
# Of one person, on average; else people were measured at once.
FEWEST_ROWS_AT_ONCE = 4


def find_streams(path: Path) -> list[Found]:
    """The streams at a path; none where other recordings lie there, or nothing."""
    if is_file(path):
        if path.suffix.lower() not in PARQUET_SUFFIXES | TEXT_SUFFIXES | STREAM_SUFFIXES:
            return []
        head = look(path)
        if head.kind == ROWS:
            return [Found(head, None)]
        return (
            [one for one in _with_annotations(_siblings(path)) if one.head.path == path] if head.kind == PLAIN else []
        )
    if not path.is_dir():
        return []
    files = [path / one for one in table_paths(path)]
    if any(map(_may_be_labels, files)) and (found := _with_annotations(files)):
        return found
    first = [look(one) for one in files[: 2 * N_LOOKED_AT]]
    labelled = [head for head in first if head.kind == ROWS]
    if len(files) > 1 and not any(map(_changes_label, labelled[:N_LOOKED_AT])):
        return []
    return [Found(head, None) for head in map(look, files) if head.kind == ROWS]


def read_streams(root: Path, found: Sequence[Found], name: str, source: Source) -> SequenceDataset:
    """Reads streams as windows.

    Raises:
        DataError: If something cannot be read, or columns differ; the message names file and row.
    """
    notes: list[str] = []
    texts = [head for one in found for head in one[:2] if head is not None]
    found, about_bare = _annotated(found)
    streams: list[Stream] = []
    owners: list[int] = []
    channels: tuple[str, ...] = ()
    names: dict[str, int] = {}
    rounded = Rounded()
    spans: list[Spans] = []
    for k, one in enumerate(found):
        frames = frames_of(one.head, words_in(one.head))
        first = next(frames)
        head, roles = roles_in(one.head, first)
        mine = tuple(head.columns[k] for k in roles.channels)
        if channels and set(mine) != set(channels):
            raise DataError(
                f"{head.path} has the channels {', '.join(mine[:8])} and {found[0].head.path} "
                f"{', '.join(channels[:8])}: all files must have the same; take out what is no recording"
            )
        channels = channels or mine
        known = Known(channels, names, rounded, spans, notes)
        streams += _streams(one, head, chain([first], frames), roles, known)
        owners += [k] * (len(streams) - len(owners))
        if one is found[0]:
            notes = [*_read_as(root, found, head, roles), *notes]
    if not all(stream.person for stream in streams):
        people, about_people = _people([one.head.path for one in found], root, names, source.label_from)
        streams = [replace(one, person=one.person or people[k]) for one, k in zip(streams, owners, strict=True)]
        notes += [] if found[0].beside else about_people
    spelled, about_spelling = one_spelling([stream.person for stream in streams])
    streams = [replace(one, person=person or "") for one, person in zip(streams, spelled, strict=True)]
    notes = list(dict.fromkeys([*notes, *text_notes(texts), *about_bare, *about_spelling]))
    chosen, about_counters = without_counters([(one.place, one.values) for one in streams], channels, rounded)
    if len(chosen) < len(channels):
        streams = [replace(stream, values=kept(stream.values[:, chosen])) for stream in streams]
    channels = tuple(channels[k] for k in chosen)
    notes += about_counters
    silent = np.all([np.isnan(stream.values).all(axis=0) for stream in streams], axis=0)
    if silent.all():
        raise DataError(f"{root} holds no value in {', '.join(map(repr, channels[:8]))}: take it out")
    if silent.any():
        without = [name for name, nothing in zip(channels, silent, strict=True) if nothing]
        notes.append(f"left out, since they hold no value: {', '.join(map(repr, without))}")
        streams = [replace(stream, values=kept(stream.values[:, ~silent])) for stream in streams]
        channels = tuple(name for name in channels if name not in without)
    # With fewer nobody can be held out for validation and test, and runs can be shared out.
    several = len({stream.person for stream in streams}) >= FEWEST_PEOPLE
    label = source.window_label
    if label == "auto":
        label = "majority" if several and any(one.beside for one in found) else "run"
    elif label != "run" and len(streams) < 3:
        raise DataError(
            f"data.window_label is {label!r}, and {root} is {len(streams)} stream(s): windows across changes of label "
            "cannot be split between training and test then; leave it out, or take 'run'"
        )
    notes += [*_features(channels), *_between(streams, names), *about_spans(spans), *_measured_at_once(streams)]
    layout = Layout(name, str(root), channels, tuple(notes))
    return assemble_streams(layout, streams, tuple(names), replace(source, window_label=label))


def _siblings(path: Path) -> list[Path]:
    return [path.parent / one for one in table_paths(path.parent) if len(one.parts) == 1]


def _with_annotations(files: Sequence[Path]) -> list[Found]:
    """Streams that a file with their labels lies beside, in one folder."""
    found = []
    for folder in dict.fromkeys(one.parent for one in files):
        here = [one for one in files if one.parent == folder]
        beside = [
            head
            for head in (look(one) for one in here if BESIDE.search(one.stem))
            if head.kind in (ANNOTATIONS, LABELS)
        ]
        rest = [one for one in here if one not in [head.path for head in beside]]
        for labels in beside:
            if (column := _naming(labels, rest)) is not None:
                found += [Found(look(one), labels, column) for one in rest if look(one).kind in (PLAIN, ROWS)]
                continue
            called = labels.path.stem.lower()
            mine = [one for one in rest if called.startswith(one.stem.lower()) or called.endswith(one.stem.lower())]
            if len(beside) == 1 and not mine:
                # The whole session is longer than what was cut from it.
                mine = sorted(rest, key=lambda one: -one.stat().st_size)[:1]
            head = look(max(mine, key=lambda one: len(one.stem))) if mine else None
            if head is None or head.kind not in (PLAIN, ROWS):
                continue
            alike = (look(one) for one in rest[:N_LOOKED_AT] if one != head.path)
            borrowed = [] if head.has_header else [one for one in alike if one.has_header]
            if borrowed and len(borrowed[0].columns) == len(head.columns):
                head = head._replace(columns=borrowed[0].columns)
            found.append(Found(head, labels))
    return found


def _naming(labels: Head, streams: Sequence[Path]) -> str | None:
    """The column of a list of annotations that names the stream of each; None without one."""
    columns = [name for name in labels.columns if FILE.search(name)] if labels.kind == ANNOTATIONS else []
    if not columns or len(streams) < 2:
        return None
    named = set(read_frame(labels, frozenset(columns[:1]))[columns[0]].map(stem))
    return columns[0] if named and named <= {stem(one.name) for one in streams} else None


def _may_be_labels(path: Path) -> bool:
    return bool(BESIDE.search(path.stem))


def _changes_label(head: Head) -> bool:
    """Whether one file has several labels, as a stream has and a sequence has not."""
    if head.published is not None or not head.has_header:
        return True
    try:
        label = find_roles(head.columns, str(head.path)).label
        seen: set[str] = set()
        for frame in frames_of(head, words_in(head)) if label is not None else ():
            seen |= set(frame[head.columns[label or 0]].dropna())
            if len(seen) > 1:
                return True
        return False
    except DataError:
        return True


class Known(NamedTuple):
    """What streams have in common: their channels, and what was found in those that were read before."""

    channels: tuple[str, ...]
    names: dict[str, int]
    rounded: Rounded
    spans: list[Spans]
    notes: list[str]


def _streams(one: Found, head: Head, frames: Iterable[pandas.DataFrame], roles: Roles, known: Known) -> list[Stream]:
    """The stream of each person that a column tells."""
    measured, stamps, codes = Column(), Column(), Column()
    person, time, label = (None if k is None else head.columns[k] for k in (roles.person, roles.time, roles.label))
    runs: list[tuple[int, str]] = []
    n_rows, as_dates = 0, False
    for frame in frames:
        frame.columns = list(head.columns)
        values = np.stack([numbers(frame, head, column) for column in known.channels], axis=1)
        known.rounded.look_at(values)
        measured.add(values.astype(np.float32))
        if time is not None:
            own, as_dates = times(frame, head, time)
            stamps.add(own)
        if one.beside is None:
            assert label is not None
            called = {} if head.published is None else head.published.class_names
            texts = frame[label].fillna("").astype(str).str.strip()
            codes.add(_numbered(texts.map(lambda text, called=called: called.get(text, text) or NULL), known.names))
        if person is not None:
            known.notes.extend(_spell_alike(frame, person))
            people = frame[person].to_numpy()
            changes = np.flatnonzero(people[1:] != people[:-1]) + 1
            begins = [(n_rows + k, str(people[k])) for k in (0, *changes.tolist())]
            runs += begins[1:] if runs and runs[-1][1] == begins[0][1] else begins
        n_rows += len(frame)
    whole, order = measured.whole(), None
    if len(runs) > n_rows / FEWEST_ROWS_AT_ONCE:
        known.notes.append(
            f"{CHECK}the rows of several people alternate in {head.path}: they are put in order by person"
        )
        names = sorted({name for _, name in runs})
        rows = np.diff([*(begin for begin, _ in runs), n_rows])
        owners = np.repeat([names.index(name) for _, name in runs], rows)
        order = np.argsort(owners, kind="stable")
        runs = [*zip(np.searchsorted(owners[order], np.arange(len(names))).tolist(), names, strict=True)]
        whole = kept(whole[order])
    clockwork = None if time is None else clock_of(_in_order(stamps, order), as_dates, time)
    if one.beside is None:
        labels = _in_order(codes, order)
    else:
        labels = kept(_numbered(labels_beside(one, head, clockwork, n_rows, known.spans), known.names))
    seconds = None if clockwork is None else kept(clockwork.stamps * clockwork.unit)
    rate = None if head.published is None else head.published.rate_hz
    if person is None:
        return [Stream(str(head.path), "", whole, labels, seconds, rate)]
    return [
        Stream(f"{head.path}, {name}", name, whole[a:b], labels[a:b], None if seconds is None else seconds[a:b], rate)
        for (a, name), (b, _) in pairwise([*runs, (n_rows, "")])
    ]


def _in_order(column: Column, order: NDArray[np.int64] | None) -> NDArray[Any]:
    return column.whole() if order is None else kept(column.whole()[order])


def _numbered(labels: Iterable[str], names: dict[str, int]) -> NDArray[np.int64]:
    """Labels as their numbers among all names, which grow."""
    return np.fromiter((names.setdefault(name, len(names)) for name in labels), np.int64)


def _annotated(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """The streams that somebody labelled; an empty list of annotations does not say that nothing happened.

    Raises:
        DataError: If there is none.
    """
    bare = [one for one in found if one.beside is not None and rows_about(one).empty]
    listed = {one.head.path: one.beside.path for one in bare if one.beside is not None}
    if len(bare) == len(found):
        raise DataError(f"{next(iter(listed.values()))} holds a header and no annotation below it")
    kept = [one for one in found if one.head.path not in listed]
    return kept, [
        f"{CHECK}{beside} holds no annotation of {one.name}, which is not read" for one, beside in listed.items()
    ]


def _spell_alike(frame: pandas.DataFrame, column: str) -> list[str]:
    """Gives each person in a column one spelling."""
    people = frame[column].astype(str).str.strip()
    spelled, notes = one_spelling(people.unique().tolist())
    frame[column] = people.map(dict(zip(people.unique(), spelled, strict=True)))
    return notes


def _people(files: Sequence[Path], root: Path, classes: Iterable[str], label_from: str) -> tuple[list[str], list[str]]:
    """Who each file is of: by a folder that is called like a person, else by its name, else by any folder; and notes.

    Raises:
        DataError: If folders are called like the classes, and it is not said which of the two is meant.
    """
    below = root if root.is_dir() else root.parent
    levels = [names for names in zip(*(one.relative_to(below).parts[:-1] for one in files), strict=False)]
    called = {name.casefold().strip() for name in classes}
    of_classes = [names for names in levels if called & {name.casefold().strip() for name in names}]
    if of_classes and label_from == "auto":
        raise DataError(
            f"{files[0]}: its label changes, and its folder is {of_classes[0][0]!r}, which is a class too: say which "
            f"is the class ({FOLDER}, or {COLUMN} for what is in the file)"
        )
    levels = [names for names in levels if len(set(names)) > 1 and names not in of_classes]
    people = next((names for names in levels if all(map(PERSON_FOLDER.fullmatch, names))), None)
    if people is not None:
        return list(people), []
    spelled_out = [TOKENS[0].search(one.stem) for one in files]
    if levels and not all(spelled_out):
        note = f"{CHECK}the folders, such as {levels[0][0]!r}, are taken for people; {FOLDER} takes them for classes"
        return list(levels[0]), [note]
    told = [match or PERSON.search(one.stem) for match, one in zip(spelled_out, files, strict=True)]
    return [
        match[0].strip(" _.-").lower() if match is not None and all(told) else one.stem
        for match, one in zip(told, files, strict=True)
    ], []


def _read_as(root: Path, found: Sequence[Found], head: Head, roles: Roles) -> list[str]:
    """What was understood, in sentences."""
    what = f"{len(found)} streams" if len(found) > 1 else "a stream"
    beside = found[0].beside
    if head.published is not None:
        how = f"as {head.published.title} has it, a label in every row"
    elif beside is None:
        how = f"a label in every row ({head.columns[roles.label or 0]!r})"
    else:
        how = f"each with its labels in a file beside it, such as {beside.path.name!r} beside {head.path.name!r}"
    named = {"person": roles.person, "time": roles.time}
    columns = ", ".join(f"{what} is {head.columns[k]!r}" for what, k in named.items() if k is not None)
    notes = [f"{root} is read as {what}, {how}{'; ' if columns else ''}{columns}"]
    if root.is_dir():
        notes += _not_read(root, found, notes)
    left_out = [head.columns[k] for k in roles.left_out]
    if left_out:
        shown = ", ".join(map(repr, left_out[:6])) + (f", … ({len(left_out)} in all)" if len(left_out) > 6 else "")
        notes.append(f"left out, since they are no measurements: {shown}")
    return notes


def _not_read(root: Path, found: Sequence[Found], read_as: list[str]) -> list[str]:
    """Says which other tables there are; beside annotated streams, where they are sensors of the same take."""
    taken = {one.path for pair in found for one in pair[:2] if one is not None}
    others = [one for one in (root / path for path in table_paths(root)) if one not in taken]
    if not others:
        return []
    sensors = [one for one in others if NAMED.search(one.stem.replace("_", " "))]
    if found[0].beside is None or sensors:
        one = (sensors or others)[0]
        return [
            f"{CHECK}{len(others):,} other {'table is' if len(others) == 1 else 'tables are'} not read, such as {one}"
        ]
    read_as[0] += f" ({len(others):,} other tables are not read)"
    return []


def _measured_at_once(streams: Sequence[Stream]) -> list[str]:
    """Says where streams of one person are sensors of one take, by their names and by their times."""
    by_person: dict[str, list[tuple[str, float, float, set[str]]]] = {}
    for one in streams:
        known = np.empty(0) if one.seconds is None else one.seconds[~np.isnan(one.seconds)]
        sensors = {word.lower() for word in NAMED.findall(re.sub(r"[\W_]+", " ", one.place))}
        if len(known) and sensors:
            by_person.setdefault(one.person, []).append((one.place, float(known.min()), float(known.max()), sensors))
    pairs = [
        (a[0], b[0])
        for mine in by_person.values()
        for a, b in combinations(mine, 2)
        if a[3] != b[3] and min(a[2], b[2]) > max(a[1], b[1])
    ]
    if not pairs:
        return []
    return [
        f"{CHECK}{pairs[0][0]} and {pairs[0][1]} are of one person at one time, as are {len(pairs):,} pairs like them: "
        "each sensor is read as a stream of its own; name the folder of one sensor, or join them into one table"
    ]


def _features(channels: Sequence[str]) -> list[str]:
    """Says where rows may be whole windows by the names of most channels, as in the tables of features of UCI HAR."""
    called = [name for name in channels if FEATURE.search(name)]
    if 2 * len(called) <= len(channels):
        return []
    return [
        f"{CHECK}channels are called like features of whole windows, such as {called[0]!r}: rows are read as steps one "
        "after the other; if each is a window, name the recordings that they were worked out of"
    ]


def _between(streams: Sequence[Stream], names: dict[str, int]) -> list[str]:
    """How much of the time is of the null class."""
    code = names.get(NULL)
    if code is None:
        return []
    n_null = sum(int((stream.labels == code).sum()) for stream in streams)
    share = n_null / sum(len(stream.labels) for stream in streams)
    return [f"where nothing is labelled it is the class {NULL!r}: {share:.0%} of the time"]
