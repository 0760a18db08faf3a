"""What files with the same columns hold, each of them a recording or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import ROW_NUMBER, Roles, Table, find_roles, open_table
from ..formats.measured import Rounded, without_counters
from ..formats.npy import ArrayTable
from ..spool import Column, kept
from .time_axis import Clock

LEFT_OUT = "left out, since by their names they are no measurements: "


@dataclass(frozen=True, eq=False)
class Content:
    """One file.

    Attributes:
        place: How errors name it.
        values: Steps by channels, NaN where a value is missing.
        times: Of the steps; None without a time column.
        rows: Of the file, in which the steps stand.
        breaks: Steps that begin a block of their own, behind an empty line.
        labels: The labels in its column, with the row where each is first.
        person: By its column; None without one.
    """

    place: str
    values: NDArray[np.float32]
    times: NDArray[np.float64] | None
    rows: NDArray[np.int64]
    breaks: tuple[int, ...] = ()
    labels: dict[str, int] | None = None
    person: str | None = None


class Contents(NamedTuple):
    """Files with the same columns.

    Attributes:
        files: What each of them holds.
        channels: Names of the channels.
        label: Name of the column that is the label; None without one.
        clock: Of the time column.
        rounded: Channels with numbers that single precision rounds.
        notes: What was passed over, in sentences.
    """

    files: list[Content]
    channels: tuple[str, ...]
    label: str | None
    clock: Clock
    rounded: Rounded
    notes: list[str]


def read_contents(root: Path, paths: Sequence[Path]) -> Contents:
    """Reads files whose columns are the same, in whatever order.

    Args:
        root: Folder that errors name.
        paths: Below it.

    Raises:
        DataError: If one cannot be read, or its columns are not those of the others; the message names file and row.
    """
    first = open_table(root / paths[0], str(root / paths[0]))
    roles = find_roles(first.columns, first.place) if first.has_header else all_channels(first)
    clock = Clock(None if roles.time is None else first.columns[roles.time])
    files: list[Content] = []
    rounded = Rounded()
    texts: list[Table] = []
    for path in paths:
        table = open_table(root / path, str(root / path))
        files.append(_read(table, roles, _same_columns(first, table), clock, rounded))
        texts += [table] if table.above or table.recoded else []
    notes = text_notes(texts)
    left_out = [
        first.columns[k] or "row number" for k in (roles.sequence, roles.label, *roles.left_out) if k is not None
    ]
    if left_out:
        notes.append(f"{LEFT_OUT}{', '.join(map(repr, left_out))}")
    channels = tuple(first.columns[k] for k in roles.channels)
    label = None if roles.label is None else first.columns[roles.label]
    return Contents(files, channels, label, clock, rounded, notes)


def without_clocks(contents: Contents) -> Contents:
    """The same files without the channels that count rows or tell the time, which is said.

    Raises:
        DataError: As ``measured.without_counters``.
    """
    blocks = [(one, block) for one in contents.files for block in np.split(one.values, one.breaks) if len(block)]
    chosen, notes = without_counters([(one.place, block) for one, block in blocks], contents.channels, contents.rounded)
    if not notes:
        return contents
    files = [replace(one, values=kept(one.values[:, chosen])) for one in contents.files]
    channels = tuple(contents.channels[k] for k in chosen)
    return contents._replace(files=files, channels=channels, notes=[*contents.notes, *notes])


class Text(Protocol):
    """A file of which lines may be passed over, or read in another encoding; see ``delimited.TextTable``."""

    @property
    def place(self) -> str:
        """How errors name it."""

    @property
    def above(self) -> tuple[str, ...]:
        """Lines above the table."""

    @property
    def recoded(self) -> list[int] | None:
        """The first line that was read as Windows-1252, if there is one."""


def text_notes(files: Sequence[Text]) -> list[str]:
    """Says which lines above tables were passed over, and what was read in another encoding than UTF-8."""
    said = [(file.place, line.strip()) for file in files for line in file.above if line.strip()]
    recoded = [(file.place, row) for file in files for row in file.recoded or ()]
    notes = []
    if said:
        notes.append(f"lines above the table are passed over{_in(said)}, such as {said[0][1][:40]!r} in {said[0][0]}")
    if recoded:
        notes.append(
            f"read as Windows-1252 (Latin-1), since it is no UTF-8{_in(recoded)}, such as line {recoded[0][1]:,} of "
            f"{recoded[0][0]}"
        )
    return notes


def _in(said: Sequence[tuple[str, object]]) -> str:
    n_files = len({place for place, _ in said})
    return f" in {n_files:,} files" if n_files > 1 else ""


def all_channels(table: Table) -> Roles:
    """The roles of a table without a header."""
    return Roles(None, None, None, None, tuple(range(len(table.columns))), ())


def _read(table: Table, roles: Roles, order: Sequence[int], clock: Clock, rounded: Rounded) -> Content:
    channels = [order[k] for k in roles.channels]
    values, times, rows = Column(), Column(), Column()
    people: dict[str, str] = {}
    labels: dict[str, int] = {}
    for chunk in table.chunks(as_numbers=roles.person is None and roles.label is None):
        piece = np.stack([chunk.numbers(k) for k in channels], axis=1)
        rounded.look_at(piece)
        values.add(piece.astype(np.float32))
        rows.add(np.arange(chunk.first_row, chunk.first_row + len(piece)))
        if roles.time is not None:
            times.add(clock.read(chunk, order[roles.time]))
        if roles.person is not None:
            people.update({"".join(one.casefold().split()): one for one in chunk.texts(order[roles.person])})
        if roles.label is not None:
            texts = chunk.texts(order[roles.label])
            for text in dict.fromkeys(texts):
                labels.setdefault(text, chunk.first_row + texts.index(text))
    if roles.person is not None and len(people) > 1:
        listed = " and ".join(map(repr, sorted(people.values())[:2]))
        raise DataError(
            f"{table.place} is of {listed} by its column {table.columns[order[roles.person]]!r}: "
            "a file must be one sequence of one person"
        )
    person = next(iter(people.values()), None) or None
    stamps = None if roles.time is None else times.whole()
    return Content(table.place, values.whole(), stamps, rows.whole(), tuple(table.breaks), labels, person)


def _same_columns(first: Table, table: Table) -> list[int]:
    """Where each column of the first file is in this one."""
    if table.has_header != first.has_header:
        headed, bare = (table, first) if table.has_header else (first, table)
        raise DataError(
            f"{headed.place} has a header and {bare.place} has none: all files must be alike; take out what is no "
            "recording"
        )
    if not first.has_header and len(table.columns) != len(first.columns):
        hint = "; clips are [steps, channels]: save others as clip.T" if isinstance(table, ArrayTable) else ""
        raise DataError(
            f"{table.place} has {len(table.columns):,} columns and {first.place} has {len(first.columns):,}: all files "
            f"must have the same; take out what is no recording{hint}"
        )
    # pandas keeps the rows' numbers of a table that was chosen from another, and not those of a whole one.
    numbers = [name for name in {*first.columns} ^ {*table.columns} if ROW_NUMBER.fullmatch(name)]
    if {*table.columns, *numbers} != {*first.columns, *numbers}:
        raise DataError(
            f"{table.place} has the columns {_listed(table, first)} and {first.place} {_listed(first, table)}: "
            "all files must have the same; take out what is no recording"
        )
    return [-1 if name in numbers else table.columns.index(name) for name in first.columns]


def _listed(table: Table, other: Table) -> str:
    """The columns; only those that differ, and how many there are, where there are many."""
    if len(table.columns) <= 12:
        return ", ".join(map(repr, table.columns))
    own = [name for name in table.columns if name not in other.columns][:5]
    return f"{', '.join(map(repr, own)) or 'fewer'} ({len(table.columns)} in all)"
