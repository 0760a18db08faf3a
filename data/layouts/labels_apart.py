"""Sequences in one table and their classes in another: ``X_train.csv`` with ``y_train.csv``, and so for the test set.

A row is a whole sequence where the columns count steps (``t0, t1, …``; of several channels ``ax_0, ax_1, …, ay_0, …``),
or a step of one where a column names the sequence. Where neither is known a row may be either, and it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError, some
from ..formats.arrays import NAMES, part_of
from ..formats.columns import (
    FEWEST_STEP_COLUMNS,
    LABEL_NAMES,
    PARQUET_SUFFIXES,
    PERSON_NAMES,
    SEQUENCE_NAMES,
    Table,
    column_of,
    find_roles,
    open_table,
    plain,
)
from ..formats.delimited import lines_of
from ..recording import CHECK, MAX_VALUES, TRAIN, Layout, Recording
from .label_first import class_of
from .long_table import read_long_table

SUFFIXES = PARQUET_SUFFIXES | {".csv", ".tsv"}
STEP_OF_CHANNEL = re.compile(r"(\D*?)[ _.-]?(\d{1,6})")
STEP_WORDS = frozenset({"", "t", "time", "step", "timestep", "v", "val", "value", "x"})


class Classes(NamedTuple):
    """What a table tells of sequences: a class each, perhaps a person, perhaps which sequence it is."""

    place: str
    labels: list[str]
    people: list[str] | None = None
    ids: list[str] | None = None

    def of(self, *counts: int) -> Classes:
        """The same for one of these counts, without what stands above the classes and is none, as the 0 of pandas."""
        is_header = len(self.labels) - 1 in counts and self.labels[0] not in self.labels[1:]
        return self._replace(labels=self.labels[1:]) if is_header else self


def tables_apart(folder: Path) -> dict[int | None, dict[str, Path]]:
    """Tables of sequences and those of their classes by their part of a split; nothing where these do not lie there.

    Raises:
        DataError: If the folder cannot be looked into, or two tables could be one of them.
    """
    found: dict[int | None, dict[str, Path]] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be looked into: {error.strerror}") from error
    for path in (one for one in entries if one.suffix.lower() in SUFFIXES):
        part, rest = part_of(path.stem)
        for what in ("values", "labels", "people"):
            if rest.lower() in NAMES[what] and found.setdefault(part, {}).setdefault(what, path) != path:
                raise DataError(f"{path} and {found[part][what].name} could each be the {what}: keep one of them")
    return found if any({"values", "labels"} <= {*own} for own in found.values()) else {}


def read_apart(folder: Path, name: str) -> tuple[Layout, list[Recording]]:
    """Reads the sequences of every part.

    Raises:
        DataError: If it is not known what a row is, or tables do not fit together.
    """
    layouts: list[Layout] = []
    recordings: list[Recording] = []
    notes: list[str] = []
    parts = tables_apart(folder)
    for part, own in sorted(parts.items(), key=lambda one: one[0] or TRAIN):
        if not {"values", "labels"} <= {*own}:
            missing = "values" if "labels" in own else "classes"
            notes.append(f"{CHECK}{next(iter(own.values())).name} has no table of its {missing} beside it: not read")
            continue
        layout, of_part = _read(own, name)
        if layouts and layout.channel_names != layouts[0].channel_names:
            raise DataError(
                f"{layout.place} has the channels {some(layout.channel_names, 5)}, and {layouts[0].place} "
                f"{some(layouts[0].channel_names, 5)}: they must be the same"
            )
        layouts.append(layout)
        recordings += [replace(one, part=part) for one in of_part]
    if len(layouts) == 1:
        recordings = [replace(one, part=None) for one in recordings]
    notes = [*(note for layout in layouts for note in layout.notes), *notes]
    return Layout(name, str(folder), layouts[0].channel_names, tuple(dict.fromkeys(notes))), recordings


def _read(own: dict[str, Path], name: str) -> tuple[Layout, list[Recording]]:
    table = open_table(own["values"], str(own["values"]))
    classes = _classes(own["labels"])
    sequence, people, channels = None, None, tuple(range(len(table.columns)))
    if table.has_header:
        sequence, _, people, _, channels, _ = find_roles(table.columns, table.place)
    steps = _steps([table.columns[k] for k in channels]) if table.has_header else {}
    if not table.has_header and len(channels) >= FEWEST_STEP_COLUMNS:
        steps = {"channel_1": [*range(len(channels))]}
    if not steps and sequence is None:
        raise DataError(
            f"{table.place}: whether a row is a step or a whole sequence is not known by its {len(channels)} columns "
            f"({some(table.columns, 3)}). Of whole sequences call them t0, t1, … (of several channels ax_0, ax_1, …, "
            "ay_0, …); of steps add a column 'sequence_id' to both tables, or put the classes into a column 'label' of "
            "this one, which is a stream then"
        )
    texts = {k: _texts(table, k) for k in (sequence, people) if k is not None}
    ids = None if sequence is None else texts[sequence]
    told = None if people is None else Classes(table.place, texts[people])
    if "people" in own:
        told = _classes(own["people"], NAMES["people"])
    if steps:
        columns = {called: [channels[k] for k in of_channel] for called, of_channel in steps.items()}
        return _whole_sequences(table, columns, classes, ids, told, name)
    beside = _by_sequence(classes, ids or [], told if people is None else None, table.place)
    layout, recordings = read_long_table(own["values"], name, beside)
    how = f"; the class of each sequence is taken from {own['labels'].name}"
    return replace(layout, notes=(layout.notes[0] + how, *layout.notes[1:])), recordings


def _classes(path: Path, names: Sequence[str] = LABEL_NAMES) -> Classes:
    table = open_table(path, str(path))
    columns = table.columns
    if len(columns) == 1 and path.suffix.lower() not in PARQUET_SUFFIXES:
        # Its first line is a class or a name, of which the number of rows tells.
        lines = [line.strip().strip('"') for line in lines_of(path, table.place)][len(table.above) :]
        named = plain(columns[0]) in {plain(one) for one in names}
        return Classes(table.place, _named([line for line in lines if line][int(named) :], table.place))
    sequence = column_of("sequence", SEQUENCE_NAMES, columns, table.place) if len(columns) > 1 else None
    person = column_of("person", PERSON_NAMES, columns, table.place) if len(columns) > 1 else None
    label = column_of("label", names, columns, table.place)
    rest = [
        k
        for k in range(len(columns))
        if k not in (sequence, person) and columns[k] and "unnamed" not in columns[k].lower()
    ]
    if label is None and len(rest) != 1:
        raise DataError(f"{table.place}: no column is the label among {', '.join(map(repr, columns))}: call it 'label'")
    label = rest[0] if label is None else label
    people, ids = (None if k is None else _texts(table, k) for k in (person, sequence))
    return Classes(table.place, _named(_texts(table, label), table.place), people, ids)


def _named(texts: Sequence[str], place: str) -> list[str]:
    """Classes as they are written, whole numbers without a fraction."""
    labels = [class_of(text) for text in texts]
    odd = next((text for text, label in zip(texts, labels, strict=True) if text and label is None), None)
    if odd is not None:
        raise DataError(f"{place}: {odd[:40]!r} is no class, which is a word or a whole number")
    return [label or "" for label in labels]


def _texts(table: Table, column: int) -> list[str]:
    return [text for chunk in table.chunks() for text in chunk.texts(column)]


def _steps(names: Sequence[str]) -> dict[str, list[int]]:
    """The columns of each channel in the order of their steps; nothing where they do not count steps."""
    counted = [STEP_OF_CHANNEL.fullmatch(name.strip()) for name in names]
    found: dict[str, dict[int, int]] = {}
    for k, match in enumerate(counted):
        if match is None:
            return {}
        found.setdefault(match[1], {})[int(match[2])] = k
    numbers = [sorted(own) for own in found.values()]
    n_steps = len(numbers[0])
    as_counted = [*range(numbers[0][0], numbers[0][0] + n_steps)]
    if n_steps < FEWEST_STEP_COLUMNS or any(own != as_counted for own in numbers) or n_steps * len(found) != len(names):
        return {}
    steps = {channel: [own[number] for number in as_counted] for channel, own in found.items()}
    lone = len(steps) == 1 and next(iter(steps)).lower() in STEP_WORDS
    return {"channel_1": next(iter(steps.values()))} if lone else steps


def _whole_sequences(
    table: Table,
    steps: dict[str, list[int]],
    classes: Classes,
    ids: list[str] | None,
    people: Classes | None,
    name: str,
) -> tuple[Layout, list[Recording]]:
    """A sequence a row."""
    n_steps = len(next(iter(steps.values())))
    order = [k for own in steps.values() for k in own]
    rows: list[int] = []
    values = []
    n_values = 0
    for chunk in table.chunks(as_numbers=True):
        values.append(np.stack([chunk.numbers(k) for k in order], axis=1).astype(np.float32))
        rows += range(chunk.first_row, chunk.first_row + len(values[-1]))
        n_values += values[-1].size
        if n_values > MAX_VALUES:
            raise DataError(f"{table.place} holds more than {MAX_VALUES:,} values: take fewer rows")
    whole = np.concatenate(values).reshape(len(rows), len(steps), n_steps).swapaxes(1, 2)
    told = _by_sequence(classes, ids or [str(row) for row in rows], people, table.place)
    recordings = [
        Recording(f"{table.place}, row {row}", told[one][0], values, told[one][1] or None)
        for one, row, values in zip(ids or map(str, rows), rows, whole, strict=True)
    ]
    check = "" if table.has_header else CHECK
    channels = "a channel" if len(steps) == 1 else f"{len(steps)} channels"
    how = f"{check}a row of {table.place} is a sequence of {n_steps} steps of {channels}, its class in {classes.place}"
    return Layout(name, table.place, tuple(steps), (how,)), recordings


def _by_sequence(
    classes: Classes, ids: Sequence[str], people: Classes | None, place: str
) -> dict[str, tuple[str, str]]:
    """The class and the person of each sequence, told by its name, in each of its rows, or in their order."""
    known = list(dict.fromkeys(ids))
    if classes.ids is not None:
        keys = classes.ids
    else:
        classes = classes.of(len(ids), len(known))
        keys = _aligned(len(classes.labels), "classes", ids, known, place)
    who: dict[str, str] = {}
    if people is not None:
        names = people.of(len(ids), len(known)).labels
        who = dict(zip(_aligned(len(names), "people", ids, known, place), names, strict=True))
    told: dict[str, tuple[str, str]] = {}
    for one, label, person in zip(keys, classes.labels, classes.people or map(who.get, keys), strict=True):
        person = person or ""
        if told.setdefault(one, (label, person)) != (label, person):
            raise DataError(f"{classes.place}: sequence {one!r} is {label!r} and {told[one][0]!r}: it has one class")
    missing = [one for one in known if not told.get(one, ("", ""))[0]]
    if missing:
        raise DataError(f"{classes.place} has no class of {some(missing, 3)}, which {place} holds: fill it in")
    return told


def _aligned(n_told: int, what: str, ids: Sequence[str], known: Sequence[str], place: str) -> list[str]:
    """The sequence that each of so many is told of: the one of each row, or each in their order."""
    for keys in (ids, known):
        if len(keys) == n_told:
            return list(keys)
    of = f" of {len(known):,} sequences" if len(known) < len(ids) else ""
    raise DataError(
        f"{place} has {len(ids):,} rows{of}, and there are {n_told:,} {what} beside it: one for each is needed"
    )
