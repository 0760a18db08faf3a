"""Tables of recordings whatever their format, and what each of their columns is by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .delimited import MISSING, NUMBER, TextTable
from .npy import ARRAY_SUFFIX, ArrayTable
from .parquet import ParquetTable

PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
# Of text that is a stream, or nothing that is read.
STREAM_SUFFIXES = frozenset({".dat", ".log"})

# A role's first name is the one to use where several columns could have the role.
SEQUENCE_NAMES = (
    *("sequence_id", "sequence", "seq_id", "series_id", "series", "id", "recording_id", "recording", "trial_id"),
    *("trial", "take_id", "take", "clip_id", "clip", "sample_id", "segment_id", "segment", "window_id", "window"),
    *("episode_id", "episode", "gesture_id", "aufnahme", "sequenz"),
)
LABEL_NAMES = (
    "label",
    "labels",
    "class",
    "class_name",
    "target",
    "gesture",
    "activity",
    "sign",
    "gloss",
    "trial_type",
    "exercise",
    "movement",
    "action",
    "behavior",
    "behaviour",
    "klasse",
    "aktivität",
    "geste",
    "übung",
    "bewegung",
    "y",
)
PERSON_NAMES = (
    *("person", "person_id", "subject", "subject_id", "user", "user_id", "participant", "participant_id"),
    *("signer", "signer_id", "volunteer", "group", "group_id", "proband", "teilnehmer", "nutzer", "versuchsperson"),
)
# Beside an x or a z, y is an axis.
AXES = frozenset({"x", "z"})

TIME_WORDS = frozenset(
    {"time", "timestamp", "timestamps", "t", "ts", "elapsed", "datetime", "unix", "epoch", "utc"}
    | {"zeit", "zeitstempel", "uhrzeit"}
)
SECONDS_IN = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sekunden"), 1.0),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds", "millisekunden"), 1e-3),
    **dict.fromkeys(("us", "µs", "micros", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), 1e-9),
}
# As 31.01.2026 12:00:00, which no other country writes so.
GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})[ T]+(?=\d)", re.ASCII)
# As 12:00:00:250, which some loggers write.
COLON_BEFORE_FRACTION = re.compile(r"(?<=:[0-5]\d:[0-5]\d):(?=\d{3,9}\Z)", re.ASCII)
CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?", re.ASCII)
# Of a table with a sequence a row; of fewer columns, or others that count, each is a channel more often.
STEP = re.compile(r"(|t|time|step|timestep|att|v|val|value|sample|x|f|feature|col)[ _-]?(\d{1,6})", re.IGNORECASE)
FEWEST_STEP_COLUMNS = 20
# What pandas calls the row numbers that it writes.
ROW_NUMBER = re.compile(r"unnamed: ?\d+|__index_level_\d+__", re.IGNORECASE)
# Alone these may be anything, s a position and us a country.
NO_TIME_ALONE = frozenset({"s", "us", "ns"})


class Chunk(Protocol):
    """Some rows of a table, a column at a time; see ``delimited.TextChunk``."""

    @property
    def place(self) -> str:
        """How errors name the file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""

    @property
    def first_row(self) -> int:
        """Row of the file that the chunk begins with, the first being 1."""

    def numbers(self, column: int) -> NDArray[np.float64]:
        """A column as numbers, NaN where one is missing."""

    def texts(self, column: int) -> list[str]:
        """A column as text."""


class Table(Protocol):
    """A file of rows whose columns are known; see ``delimited.TextTable``."""

    place: str
    columns: tuple[str, ...]
    has_header: bool
    above: tuple[str, ...]
    breaks: list[int]
    recoded: list[int]

    @property
    def first_row(self) -> int:
        """Row of the file in which the values begin, the first being 1."""

    def chunks(self, as_numbers: bool = False) -> Iterator[Chunk]:
        """All rows, in order; ``as_numbers`` where no text is asked for, which may be quicker."""


class Roles(NamedTuple):
    """What the columns of a table are, by their positions.

    Attributes:
        sequence: Which sequence a row belongs to; None where no column says so.
        label: Class of the sequence.
        person: Who performed it.
        time: When the row was measured.
        channels: What was measured.
        left_out: Neither, and no measurement by its name.
    """

    sequence: int | None
    label: int | None
    person: int | None
    time: int | None
    channels: tuple[int, ...]
    left_out: tuple[int, ...]


def open_table(path: Path, place: str) -> Table:
    """Opens a table by the suffix of its name.

    Raises:
        DataError: If it cannot be opened.
    """
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return ParquetTable(path, place)
    return ArrayTable(path, place) if suffix == ARRAY_SUFFIX else TextTable(path, place)


def find_roles(columns: Sequence[str], place: str) -> Roles:
    """Tells by their names what the columns are.

    Raises:
        DataError: If two columns could have one role, or nothing is left that was measured.
    """
    plainly = [plain(name) for name in columns]
    sequence = column_of("sequence", SEQUENCE_NAMES, columns, place)
    person = column_of("person", PERSON_NAMES, columns, place)
    labels = LABEL_NAMES[:-1] if AXES & set(plainly) or set(plainly) & set(LABEL_NAMES[:-1]) else LABEL_NAMES
    label = column_of("label", labels, columns, place)
    times = [k for k, name in enumerate(columns) if is_time(name)]
    with_unit = [k for k in times if unit_seconds(columns[k]) is not None]
    time = next(iter(with_unit or times), None)
    roles = {sequence, person, label, time}
    known = {plain(name) for names in (SEQUENCE_NAMES, PERSON_NAMES, labels) for name in names}
    left_out = tuple(
        k
        for k, name in enumerate(plainly)
        if k not in roles
        and (
            k in times
            or name in known
            or (k == 0 and not name)
            or ROW_NUMBER.fullmatch(columns[k])
            or words_of(columns[k])[-1:] == ["id"]
        )
    )
    channels = tuple(k for k in range(len(columns)) if k not in roles and k not in left_out)
    nameless = next((k for k in channels if not columns[k]), None)
    if nameless is not None:
        raise DataError(f"{place}: column {nameless + 1} of {len(columns)} has no name in the header: give it one")
    if not channels:
        raise DataError(f"{place} holds no measurement: its columns are {', '.join(map(repr, columns))}")
    return Roles(sequence, label, person, time, channels, left_out)


def label_of_steps(columns: Sequence[str]) -> int | None:
    """The column with the class where all others are the steps of a sequence (``label,t0,t1,…``); else None."""
    labels = [k for k, name in enumerate(columns) if plain(name) in {plain(one) for one in LABEL_NAMES}]
    steps = [STEP.fullmatch(name.strip()) for k, name in enumerate(columns) if k not in labels]
    if len(labels) != 1 or len(steps) < FEWEST_STEP_COLUMNS:
        return None
    numbers = [int(step[2]) for step in steps if step]
    in_order = len({step[1].lower() for step in steps if step}) == 1 and numbers == list(
        range(numbers[0], numbers[0] + len(steps))
    )
    return labels[0] if in_order else None


def is_time(name: str) -> bool:
    """Whether a column of this name says when its row was measured."""
    words = words_of(name)
    if not words or not all(word in TIME_WORDS or word in SECONDS_IN for word in words):
        return False
    return not (len(words) == 1 and words[0] in NO_TIME_ALONE)


def unit_seconds(name: str) -> float | None:
    """Seconds in the unit that a time column's name gives; None if it gives none."""
    return next((SECONDS_IN[word] for word in reversed(words_of(name)) if word in SECONDS_IN), None)


def read_times(chunk: Chunk, column: int) -> tuple[NDArray[np.float64], bool]:
    """A time column as numbers, and whether it was written as dates, which become seconds.

    Raises:
        DataError: If a cell is neither a number, nor a date in the form 2026-01-31T12:00:00, nor a time of day.
    """
    try:
        return chunk.numbers(column), False
    except DataError:
        first = next((text for text in chunk.texts(column) if text.lower() not in MISSING), "")
        if NUMBER.fullmatch(first):
            raise
        return np.array([_seconds(text, chunk, column, k) for k, text in enumerate(chunk.texts(column))]), True


def iso_date(text: str) -> str:
    """A date with its day first and points between, or a colon before its fraction, as ISO 8601 has it."""
    text = COLON_BEFORE_FRACTION.sub(".", text)
    return GERMAN_DATE.sub(lambda date: f"{date[3]}-{date[2]:0>2}-{date[1]:0>2} ", text).replace(",", ".")


def _seconds(text: str, chunk: Chunk, column: int, index: int) -> float:
    if text.lower() in MISSING:
        return float("nan")
    clock = CLOCK.fullmatch(COLON_BEFORE_FRACTION.sub(".", text))
    if clock is not None:
        return 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3] or 0)
    try:
        date = datetime.fromisoformat(iso_date(text))
    except ValueError as error:
        raise DataError(
            f"{chunk.place}, row {chunk.first_row + index}, column {chunk.columns[column]!r}: {text[:40]!r} is neither "
            "a number nor a time such as 2026-01-31T12:00:00.25 or 12:00:00.25: write it so, or take the column out"
        ) from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def column_of(role: str, names: Sequence[str], columns: Sequence[str], place: str) -> int | None:
    """The position of the column with a role, by the names that it may have; None without one.

    Raises:
        DataError: If there are several, and none is called by the first of the names.
    """
    wanted = {plain(name) for name in names}
    matching = [k for k, name in enumerate(columns) if plain(name) in wanted]
    exact = [k for k in matching if columns[k].lower() == names[0]]
    if len(matching) > 1 and len(exact) != 1:
        listed = " and ".join(repr(columns[k]) for k in matching)
        raise DataError(f"{place}: {listed} could each be the {role}: call the one that is meant {names[0]!r}")
    return next(iter(exact or matching), None)


def plain(name: str) -> str:
    """A name in small letters, without what is no letter and no digit."""
    return re.sub(r"[\W_]", "", name.lower())


def words_of(name: str) -> list[str]:
    """The words in a column's name: ``timestampMs`` and ``Time (ms)`` both end in the word ``ms``."""
    return re.findall(r"[^\W_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
