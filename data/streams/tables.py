"""Tables of streams: what a file is by its first lines, and all of it as a pandas frame.

A stream may have millions of rows, which pandas reads many at a time; what is wrong with a cell is told with its row.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import (
    LABEL_NAMES,
    PARQUET_SUFFIXES,
    Chunk,
    Roles,
    find_roles,
    is_time,
    iso_date,
    label_of_steps,
    open_table,
    unit_seconds,
)
from ..formats.delimited import (
    CHUNK_ROWS,
    MISSING,
    NUMBER,
    is_header,
    lines_of,
    n_lines_above,
    parse_numbers,
    refuse_columns,
    sniff_delimiter,
    units_below,
)
from ..formats.tables import LARGEST
from ..layouts.time_axis import guess_unit_seconds, spacing, steps_between
from .headerless import BY_WIDTH, Published

if TYPE_CHECKING:
    import pandas

# What a table is.
ROWS, ANNOTATIONS, LABELS, PLAIN, OTHER = "rows", "annotations", "labels", "plain", "other"

START_NAMES = frozenset(
    {"start", "begin", "onset", "from", "tmin", "starttime", "begintime", "timestart", "beginn", "anfang"}
)
END_NAMES = frozenset({"end", "stop", "finish", "to", "tmax", "endtime", "stoptime", "timeend", "offset", "ende"})
LENGTH_NAMES = frozenset({"duration", "length", "dauer"})
# A y beside them is an axis.
LABELLED = frozenset(name.replace("_", "") for name in LABEL_NAMES[:-1])
# Of a start that counts rows of the stream.
SAMPLE_WORDS = frozenset({"sample", "samples", "index", "row", "rows", "frame", "frames", "step", "steps", "idx"})
N_LOOKED_AT = 40
ROWS_AT_ONCE = 1 << 18


class Clockwork(NamedTuple):
    """The time of a stream: in the column's unit, and in seconds."""

    stamps: NDArray[np.float64]
    unit: float


class Head(NamedTuple):
    """What the first lines of a table tell.

    Attributes:
        path: Of the file.
        columns: Their names; of a file without a header ``channel_1`` and so on.
        delimiter: None for blanks.
        has_header: Whether the first line names the columns.
        kind: ``ROWS`` measured and labelled, ``ANNOTATIONS`` (start, end, label), ``LABELS`` alone, ``PLAIN``
            measurements, or ``OTHER``.
        published: The data set that it is a file of.
        text: Columns that hold words; only looked at without a header.
        above: Lines above the table, which are passed over.
        recoded: See ``delimited.TextTable``; ``frames_of`` adds to it.
        has_units: Whether a row of units, which are part of the names, stands below the header.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str | None
    has_header: bool
    kind: str
    published: Published | None = None
    text: tuple[int, ...] = ()
    above: tuple[str, ...] = ()
    recoded: list[int] | None = None
    has_units: bool = False

    @property
    def place(self) -> str:
        """How errors name the file."""
        return str(self.path)


def look(path: Path) -> Head:
    """What a table is by its first lines; ``OTHER`` where it cannot be read, which other readers tell of."""
    try:
        if path.suffix.lower() in PARQUET_SUFFIXES:
            columns = open_table(path, str(path)).columns
            names = _with_label(columns)
            return Head(path, names, None, True, _kind(names, str(path)))
        recoded: list[int] = []
        lines = list(islice(lines_of(path, str(path), recoded=recoded), N_LOOKED_AT))
        above = tuple(lines[: n_lines_above(lines)])
        return _with_units(path, lines[len(above) :])._replace(above=above, recoded=recoded)
    except (DataError, csv.Error):
        return Head(path, (), None, False, OTHER)


def _with_units(path: Path, raw: Sequence[str]) -> Head:
    """What a table is, of which a row of units may stand below the header."""
    lines = [line for line in _records(raw) if line.strip()]
    if not lines:
        return Head(path, (), None, False, OTHER)
    delimiter = sniff_delimiter(lines[:2])
    rows = [_fields(line, delimiter) for line in lines]
    if delimiter == ";":
        rows = [rows[0], *([field.replace(",", ".") for field in row] for row in rows[1:])]
    is_table = len(rows) > 2 and len(rows[0]) == len(rows[1]) == len(rows[2])
    units = units_below(rows[0], rows[1], rows[2], decimal_comma=False) if is_table and is_header(rows[0]) else None
    if units is None:
        return _look_at(path, rows, delimiter)
    return _look_at(path, [units, *rows[2:]], delimiter)._replace(has_units=True)


def _look_at(path: Path, rows: Sequence[list[str]], delimiter: str | None) -> Head:
    first, width = rows[0], len(rows[0])
    rest = [row for row in rows[1:] if len(row) == width]
    numeric = [all(_is_number(row[k]) for row in rest) for k in range(width)] if rest else []
    # Beside words, several numbers above numbers are measurements, though whole ones could be names.
    is_row = sum(bool(NUMBER.fullmatch(field)) for field in first) >= 2 and not all(map(NUMBER.fullmatch, first))
    if is_header(first) and not is_row:
        names = tuple(name.removeprefix("# ") for name in first)
        if len(set(names)) < len(names):
            return Head(path, names, delimiter, True, OTHER)  # As the legends of labels that lie beside streams.
        names = _with_label(names)
        kind = _kind(names, str(path))
        measured = find_roles(names, str(path)).channels if kind == ROWS else ()
        if measured and rest and not any(_is_number(row[k]) for row in rest for k in measured):
            kind = OTHER  # A legend of classes, or a list of something else.
        return Head(path, names, delimiter, True, kind)
    text = tuple(k for k in range(width) if numeric and not numeric[k])
    columns = tuple(f"channel_{k + 1}" for k in range(width))
    published = BY_WIDTH.get(width) if not text else None
    if published is not None and published.rate_hz is not None and path.suffix.lower() != ".log":
        published = None
    if published is not None:
        return Head(path, published.columns, delimiter, False, ROWS, published)
    kind = OTHER if not numeric else PLAIN if not text else OTHER
    # A word in front of each row is of a whole sequence.
    if len(text) == 1 and text[0] > 0 and width >= 4:
        kind = ROWS
    # As Audacity exports its labels.
    if text == (2,) and width == 3 and all(float(row[0]) <= float(row[1]) for row in rest):
        return Head(path, ("start", "end", "label"), delimiter, False, ANNOTATIONS)
    return Head(path, columns, delimiter, False, kind, text=text)


def plain_name(name: str) -> str:
    """A column's name without its unit, blanks and capitals."""
    words = re.findall(r"[^\W_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", re.split(r"[(\[]", name)[0]).lower())
    units = SAMPLE_WORDS | {"s", "sec", "seconds", "ms", "milliseconds", "us", "ns", "time", "timestamp"}
    return "".join([word for word in words if word not in units] or words)


def _with_label(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns; what stands alone beside a start and an end is the label, whatever it is called."""
    plain = [plain_name(name) for name in columns]
    times = {
        next((k for k, name in enumerate(plain) if name in role), -1)
        for role in (START_NAMES, END_NAMES | LENGTH_NAMES)
    }
    rest = {*range(len(columns))} - times
    if -1 in times or len(times) < 2 or len(rest) > 1 or set(plain) & LABELLED:
        return columns
    return tuple("label" if k in rest else name for k, name in enumerate(columns))


def _kind(columns: Sequence[str], place: str) -> str:
    if label_of_steps(columns) is not None:
        return OTHER
    plain = [plain_name(name) for name in columns]
    labels = [name for name in plain if name in LABELLED]
    if len(labels) == 1:
        if set(plain) & START_NAMES and set(plain) & (END_NAMES | LENGTH_NAMES):
            return ANNOTATIONS
        if len(columns) <= 2 and sum(map(is_time, columns)) == len(columns) - 1:
            return LABELS
    roles = find_roles(columns, place)
    if roles.sequence is not None:
        return OTHER
    return PLAIN if roles.label is None else ROWS


def read_frame(head: Head, words: frozenset[str] = frozenset()) -> pandas.DataFrame:
    """All rows of a table; see ``frames_of``."""
    import pandas as pd

    return pd.concat([*frames_of(head, words)])


def frames_of(head: Head, words: frozenset[str] = frozenset()) -> Iterator[pandas.DataFrame]:
    """The rows of a table, many at a time: columns by their names and rows by their numbers in the file.

    Args:
        head: Of the table.
        words: Columns that are kept as text, empty where there is none.

    Raises:
        DataError: If it cannot be read; the message names file and row.
    """
    import pandas as pd

    path, place = head.path, str(head.path)
    refuse_columns(len(head.columns), place)
    if path.suffix.lower() in PARQUET_SUFFIXES:
        chunks = open_table(path, place).chunks()
        while some := [*islice(chunks, ROWS_AT_ONCE // CHUNK_ROWS)]:
            cells = {
                name: np.concatenate([_cells(chunk, k, name in words) for chunk in some])
                for k, name in enumerate(head.columns)
            }
            frame = pd.DataFrame(cells)
            yield frame.set_axis(range(some[0].first_row, some[0].first_row + len(frame)))
        return
    above, rows, records = len(head.above), [], []
    begins, is_open = head.has_header + head.has_units, False
    for row, line in enumerate(islice(lines_of(path, place, recoded=head.recoded), above, None), above + 1):
        if "\0" in line:
            raise DataError(f"{place} holds a zero byte: this is not delimited text")
        for record in filter(None, _records([line])):
            rows.append(row)
            records.append(record)
        # A cell between quotes may hold ends of lines.
        is_open ^= line.count('"') % 2 == 1
        if len(rows) >= ROWS_AT_ONCE and not is_open:
            yield _frame(head, words, rows, records, begins)
            rows, records, begins = [], [], 0
    if rows or begins:
        yield _frame(head, words, rows, records, begins)


def _frame(head: Head, words: frozenset[str], rows: list[int], records: list[str], begins: int) -> pandas.DataFrame:
    """Records that stand in these rows, so many of them the header, where the table ``begins`` here."""
    import pandas as pd

    place = str(head.path)
    missing = sorted({spelled for one in MISSING for spelled in (one, one.upper(), one.capitalize(), "NaN")})
    try:
        with warnings.catch_warnings():
            # Of columns that mix numbers and words, which are told below.
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO("\n".join(records)),
                sep=head.delimiter or r"\s+",
                header=None,
                skiprows=begins,
                names=list(head.columns),
                index_col=False,
                dtype=dict.fromkeys(words, str),
                na_values={name: missing for name in head.columns if name not in words},
                keep_default_na=False,
                skipinitialspace=True,
                decimal="," if head.delimiter == ";" else ".",
            )
            # Rows below such a cell are counted without its ends of lines.
            return frame.set_axis(rows[begins:][: len(frame)])
    except pd.errors.ParserWarning as error:
        what = "the header" if head.has_header else "the first row"
        raise DataError(f"{place}: rows have more fields than {what}, which has {len(head.columns)}") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{place} holds a header and no row below it") from error
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise DataError(f"{place} cannot be read as a table: {error}") from error
        row = rows[min(int(found[2]), len(rows)) - 1]
        raise DataError(f"{place}, row {row}: {found[3]} fields where the first row has {found[1]}") from error


def _cells(chunk: Chunk, column: int, as_text: bool) -> NDArray[np.float64] | list[str]:
    try:
        return chunk.texts(column) if as_text else chunk.numbers(column)
    except DataError:
        # Dates, of which Parquet has a type.
        if not is_time(chunk.columns[column]):
            raise
        return chunk.texts(column)


def words_in(head: Head) -> frozenset[str]:
    """Columns that are read as text."""
    if not head.has_header and head.published is None:
        return frozenset(head.columns[k] for k in head.text)
    roles = find_roles(head.columns, str(head.path))
    return frozenset(head.columns[k] for k in (roles.label, roles.person, roles.sequence) if k is not None)


def roles_in(head: Head, frame: pandas.DataFrame, fewest: int = N_LOOKED_AT) -> tuple[Head, Roles]:
    """What the columns are, by their names and, where these do not tell, by what is in them if it has so many rows."""
    if head.published is not None:
        roles = find_roles(head.columns, str(head.path))
        out = [k for k in roles.channels if head.columns[k] in head.published.left_out]
        return head, roles._replace(channels=tuple(k for k in roles.channels if k not in out))
    ticking = [head.columns.index(name) for name in clocks(frame, head.columns, fewest)]
    if head.columns[0] == "channel_1":
        label = next(iter(head.text), None)
        person = None if label is None else _tells_people(frame, label, {*ticking, label})
        rest = [k for k in range(len(head.columns)) if k not in (person, label, *ticking)]
        if not rest:
            raise DataError(f"{head.path} holds no measurement")
        named = dict(zip(rest, "xyz", strict=True)) if len(rest) == 3 else {}
        named |= {
            k: word
            for k, word in ((person, "person"), (label, "label"), (next(iter(ticking), None), "time"))
            if k is not None
        }
        columns = tuple(named.get(k, name) for k, name in enumerate(head.columns))
        roles = Roles(None, label, person, next(iter(ticking), None), tuple(rest), tuple(ticking[1:]))
        return head._replace(columns=columns), roles
    roles = find_roles(head.columns, str(head.path))
    time = roles.time if roles.time is not None else next((k for k in ticking if k in roles.channels), None)
    counting = tuple(k for k in ticking if k in roles.channels and k != time)
    channels = tuple(k for k in roles.channels if k != time and k not in counting)
    return head, roles._replace(time=time, channels=channels, left_out=(*roles.left_out, *counting))


def _tells_people(frame: pandas.DataFrame, label: int, others: set[int]) -> int | None:
    """The first column of whole numbers that change no more often than the label."""

    def n_changes(column: int) -> int:
        cells = frame.iloc[:, column].to_numpy()
        return int((cells[1:] != cells[:-1]).sum())

    whole = [k for k in range(frame.shape[1]) if k not in others and frame.iloc[:, k].dtype.kind in "iu"]
    return next((k for k in whole if n_changes(k) <= n_changes(label)), None)


def numbers(frame: pandas.DataFrame, head: Head, column: str) -> NDArray[np.float64]:
    """A column as numbers, NaN where one is missing.

    Raises:
        DataError: If a cell is neither a finite number nor empty; the message names file, row and column.
    """
    place, cells = str(head.path), frame[column]
    if cells.dtype.kind not in "iufb":
        texts = ["" if cell != cell else str(cell) for cell in cells]
        try:
            return parse_numbers(texts, place, column, 0)
        except DataError:
            for row, text in zip(frame.index, texts, strict=True):
                parse_numbers([text], place, column, int(row))
            raise
    values: NDArray[np.float64] = cells.to_numpy(np.float64)
    wrong = np.flatnonzero(~(np.isnan(values) | (np.abs(values) <= LARGEST)))
    if len(wrong):
        raise DataError(f"{place}, row {frame.index[wrong[0]]}, column {column!r}: {values[wrong[0]]} is too large")
    return values


def times(frame: pandas.DataFrame, head: Head, column: str) -> tuple[NDArray[np.float64], bool]:
    """A column of times as numbers, and whether it was written as dates, which become seconds.

    Raises:
        DataError: If a cell is neither a number nor a date nor a time of day; the message names file and row.
    """
    import pandas as pd

    cells = frame[column]
    if cells.dtype.kind in "iufb":
        return numbers(frame, head, column), False
    known = cells.notna()
    if known.any() and NUMBER.fullmatch(str(cells[known].iloc[0])):
        return numbers(frame, head, column), False
    if known.any() and re.fullmatch(r"\d{1,3}:\d\d(:\d\d(\.\d+)?)?", str(cells[known].iloc[0])):
        read = pd.to_timedelta(cells, errors="coerce") / pd.Timedelta(seconds=1)
    else:
        dates = pd.to_datetime(cells.map(iso_date, na_action="ignore"), errors="coerce", format="ISO8601", utc=True)
        read = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    wrong = np.flatnonzero(known & read.isna())
    if len(wrong):
        raise DataError(
            f"{head.path}, row {frame.index[wrong[0]]}, column {column!r}: {str(cells.iloc[wrong[0]])[:40]!r} "
            "is neither a number nor a time such as 2026-01-31T12:00:00.25 or 12:00:00.25"
        )
    return np.asarray(read, np.float64), True


def clock_of(stamps: NDArray[np.float64], as_dates: bool, column: str) -> Clockwork | None:
    """The clock of a column of ``times``; None where it counts rows."""
    found = [steps[:: spacing(stamps)] for _, steps in steps_between(stamps)]
    forward = np.concatenate([steps[steps > 0] for steps in found]) if found else np.empty(0)
    if not len(forward):
        return None
    unit = 1.0 if as_dates else unit_seconds(column) or guess_unit_seconds(float(np.median(forward)))
    return None if unit is None else Clockwork(stamps, unit)


def clocks(frame: pandas.DataFrame, columns: Sequence[str], fewest: int = N_LOOKED_AT) -> list[str]:
    """Columns that only ever grow, but where a clock is set: no measurement does."""
    found = []
    for name in columns:
        if frame[name].dtype.kind in "iuf" and len(frame) >= fewest:
            steps = np.diff(frame[name].to_numpy(np.float64))
            if (steps >= 0).mean() >= 0.98 and (steps > 0).mean() >= 0.5:
                found.append(name)
    return found


def _records(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    """Lines as records: WISDM ends each with a semicolon, and has two on some lines."""
    for line in lines:
        text = line.strip("\r\n ")
        if text.endswith(";") and "," in text:
            yield from (one.rstrip(", ").lstrip() for one in text.rstrip(";").split(";"))
        else:
            yield text


def _fields(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [field.strip() for field in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]


def _is_number(field: str) -> bool:
    return field.lower() in MISSING or bool(NUMBER.fullmatch(field))
