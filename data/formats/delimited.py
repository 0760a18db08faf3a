"""Delimited text (CSV, TSV) from strangers: one rule for delimiter and header, strict cells, pieces of bounded size."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..spool import most
from .regular import LARGEST_BYTES, open_regular
from .tables import ALPHABET, LARGEST

# A decimal comma needs another delimiter: what can stand in a number comes after what cannot.
DELIMITERS = ("\t", ";", "|", ",")
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?"})
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
INFINITE = frozenset({"inf", "infinity"})
UNIT = re.compile(r"[^\d\s+.,-]")
CHUNK_ROWS = 1 << 14
BLOCK_BYTES = 4 << 20
LONGEST_LINE = 1 << 20
MOST_COLUMNS = 10_000
# So many lines are looked at for where the table begins.
MOST_ABOVE = 32
# As Python reads a byte that is no UTF-8.
ESCAPED = re.compile("[\udc80-\udcff]")
COMMENT = ("#", "%", "//")


@dataclass(frozen=True, eq=False)
class TextChunk:
    """Some rows of a table, a column at a time.

    Attributes:
        place: How errors name the file.
        columns: Names of all columns.
        first_row: Row of the file that the chunk begins with, the first being 1 (as in a spreadsheet).
        cells: The text of each column.
        decimal_comma: Whether 1,5 may stand for 1.5, since the delimiter is another.
    """

    place: str
    columns: tuple[str, ...]
    first_row: int
    cells: Sequence[tuple[str, ...]]
    decimal_comma: bool = False

    def numbers(self, column: int) -> NDArray[np.float64]:
        """A column as numbers, NaN where one is missing.

        Raises:
            DataError: If a cell is neither a finite number nor empty; the message names file, row and column.
        """
        cells = self.cells[column]
        # A point beside commas may be either sign: then the cells stay as they are, and are refused.
        if self.decimal_comma and not any("." in cell for cell in cells):
            cells = tuple(cell.replace(",", ".") for cell in cells)
        return parse_numbers(cells, self.place, self.columns[column], self.first_row)

    def texts(self, column: int) -> list[str]:
        """A column as text, without blanks around it."""
        return [cell.strip() for cell in self.cells[column]]


class NumberChunk(NamedTuple):
    """Some rows of a table that are nothing but finite numbers; see ``TextChunk``."""

    place: str
    columns: tuple[str, ...]
    first_row: int
    table: NDArray[np.float64]

    def numbers(self, column: int) -> NDArray[np.float64]:
        """A column."""
        numbers: NDArray[np.float64] = self.table[:, column]
        return numbers

    def texts(self, column: int) -> list[str]:
        """A column as such numbers are written in short."""
        return [f"{one:.15g}" for one in self.table[:, column]]


class TextTable:
    """A delimited text file with its delimiter and header known, and its rows not yet read.

    The delimiter is the first of tab, semicolon, bar and comma that the first line holds and that gives the second
    line as many fields; else blanks. The first line is a header unless all of its fields are numbers. Between
    semicolons, which spreadsheets write where the comma is the decimal sign, 1,5 is read as 1.5. What programs write
    above that (``sep=,``, comments, ``Device: X``) is passed over, and so are delimiters at the ends of lines. A row of
    units below the header becomes part of the names, as in ``x (g)``.

    Args:
        path: The file, in an encoding that ``lines_of`` reads.
        place: How errors name it.

    Attributes:
        above: Lines above the first one that is read.
        breaks: How many rows come before each empty line, or repeated header, between two of them; known once the rows
            have been read.
        recoded: The first line that was read as Windows-1252, if there is one; known once it has been read.

    Raises:
        DataError: If it cannot be opened, is empty, too large, no text, or has a header that names a column twice.
    """

    def __init__(self, path: Path, place: str) -> None:
        self.path, self.place = path, place
        self.above: tuple[str, ...] = ()
        self.breaks: list[int] = []
        self.recoded: list[int] = []
        lines = list(islice(self._lines(), MOST_ABOVE))
        self.above, lines = tuple(lines[: (n_above := n_lines_above(lines))]), lines[n_above:]
        if not any(line.strip() for line in lines):
            raise DataError(f"{place} is empty: it should hold a row for every step")
        self.delimiter = sniff_delimiter([line for line in lines[:2] if line.strip()])
        begin = list(islice(self._records(len(self.above)), 3))
        self._first = first = begin[0]
        self.decimal_comma = self.delimiter == ";"
        self.has_header = is_header([name.replace(",", ".") for name in first] if self.decimal_comma else first)
        ends_empty = len(first) > 2 and all(len(row) == len(first) and not row[-1].strip() for row in begin)
        self.n_columns = len(first) - ends_empty
        refuse_columns(self.n_columns, place)
        # NumPy's savetxt puts a comment sign before the header.
        names = [name.strip().removeprefix("# ") for name in first] if self.has_header else []
        if ends_empty:
            del names[-1:]
        below = [self._without_end(record) for record in begin[1:]]
        is_table = [len(record) for record in below] == 2 * [self.n_columns]
        units = units_below(names, *below, decimal_comma=self.decimal_comma) if names and is_table else None
        self.has_units = units is not None
        names = units or names
        self.columns = tuple(names) if names else tuple(f"channel_{k + 1}" for k in range(self.n_columns))
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"{place} names the column {twice!r} twice: give every column a name of its own")

    @property
    def first_row(self) -> int:
        """Row of the file in which the values begin, the first being 1."""
        return len(self.above) + 1 + self.has_header + self.has_units

    def chunks(self, as_numbers: bool = False) -> Iterator[TextChunk | NumberChunk]:
        """All rows below the header, in order; a chunk ends at an empty line.

        Args:
            as_numbers: Whether no text is asked for: then rows are read three times as fast, as long as every cell is
                a plain finite number.

        Raises:
            DataError: If a row has more or fewer fields than the first, or is no text.
        """
        rows: list[list[str]] = []
        self.breaks = []
        n_rows, first_row, is_cut = 0, self.first_row, False
        for table in self._tables() if as_numbers else ():
            yield NumberChunk(self.place, self.columns, first_row, table)
            n_rows += len(table)
            first_row += len(table)
        for row, record in enumerate(self._records(first_row - 1), start=first_row):
            is_blank = not record or (self.n_columns > 1 and len(record) == 1 and not record[0].strip())
            if is_blank or (self.has_header and record == self._first):
                is_cut = True
                continue
            record = self._without_end(record)
            if len(record) != self.n_columns:
                hint = "; if lines stand above the header, take them out" if row <= 3 else ""
                raise DataError(f"{self.place}, row {row}: {self._ragged(len(record))}{hint}")
            if is_cut and n_rows:
                self.breaks.append(n_rows)
            if is_cut or len(rows) == CHUNK_ROWS:
                if rows:
                    yield self._chunk(rows, first_row)
                rows, first_row, is_cut = [], row, False
            rows.append(record)
            n_rows += 1
        if rows:
            yield self._chunk(rows, first_row)
        if len(self.breaks) == n_rows - 1:  # an empty line behind every row
            self.breaks = []
        if not n_rows:
            raise DataError(f"{self.place} holds a header and no row below it")

    def _tables(self) -> Iterator[NDArray[np.float64]]:
        """Rows below the header, many at once, up to a cell that is no plain finite number or a line that is empty."""
        alphabet = ALPHABET + (self.delimiter or "").encode()
        with open_regular(self.path, most(LARGEST_BYTES)) as file:
            for _ in range(self.first_row - 1):
                file.readline(LONGEST_LINE)
            while text := file.read(BLOCK_BYTES) + file.readline(LONGEST_LINE):
                # What is empty at the end of the file is no row.
                text = text.rstrip() if len(text) < BLOCK_BYTES else text.removesuffix(b"\n").removesuffix(b"\r")
                if not text or max(map(len, io.BytesIO(text))) > LONGEST_LINE or text.translate(None, delete=alphabet):
                    return
                try:
                    table = np.loadtxt(
                        io.BytesIO(text), delimiter=self.delimiter, comments=None, ndmin=2, encoding="ascii"
                    )
                except ValueError:
                    return
                # Empty lines are skipped, and a number too large for its type is read as infinite.
                alike = table.shape == (text.count(b"\n") + 1, self.n_columns)
                if not alike or not (np.abs(table) <= LARGEST).all():
                    return
                yield table

    def _without_end(self, record: list[str]) -> list[str]:
        """A record without what stands behind a delimiter at its end, which is nothing."""
        return record[:-1] if len(record) == self.n_columns + 1 and not record[-1].strip() else record

    def _chunk(self, rows: list[list[str]], first_row: int) -> TextChunk:
        return TextChunk(self.place, self.columns, first_row, list(zip(*rows, strict=True)), self.decimal_comma)

    def _ragged(self, n_fields: int) -> str:
        sentence = (
            f"{n_fields} fields where {'the header' if self.has_header else 'the first row'} has {self.n_columns}"
        )
        if self.delimiter == "," and n_fields == 2 * self.n_columns:
            return f"{sentence}; if these are decimal commas, write points (1.5) instead"
        return sentence

    def _records(self, n_passed: int) -> Iterator[list[str]]:
        """Rows behind so many lines."""
        if self.delimiter is None:
            yield from (line.split() for line in islice(self._lines(), n_passed, None))
            return
        n_letters = 0

        def lines() -> Iterator[str]:
            """Lines, of which a row may take many between quotation marks."""
            nonlocal n_letters
            for line in islice(self._lines(), n_passed, None):
                n_letters += len(line)
                if n_letters > LONGEST_LINE:
                    raise DataError(f"{self.place} holds a row of more than {LONGEST_LINE:,} letters")
                yield line

        records = csv.reader(lines(), delimiter=self.delimiter, strict=True)
        try:
            for record in records:
                n_letters = 0
                yield record
        except csv.Error as error:
            why = "a quotation mark is opened and never closed" if "unexpected end" in str(error) else error
            raise DataError(f"{self.place}, line {n_passed + records.line_num}: {why}") from error

    def _lines(self) -> Iterator[str]:
        for row, line in enumerate(lines_of(self.path, self.place, recoded=self.recoded), start=1):
            if "\0" in line:
                raise DataError(f"{self.place}, line {row} holds a zero byte: this is not delimited text")
            yield line


def lines_of(path: Path, place: str, longest: int = LONGEST_LINE, recoded: list[int] | None = None) -> Iterator[str]:
    """The lines of a text in UTF-8, or in UTF-16 with a byte order mark; their ends stay as they are.

    Lines that are no UTF-8 are read as Windows-1252, of which Latin-1 is a part, as older spreadsheets write it.

    Args:
        path: The file.
        place: How errors name it.
        longest: Letters of a line.
        recoded: Is given the number of the first line that is no UTF-8.

    Raises:
        DataError: If it cannot be opened, is neither, or a line has more than ``longest`` letters.
    """
    row = 0
    try:
        opened = open_regular(path, most(LARGEST_BYTES))
        is_wide = opened.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        opened.seek(0)
        encoding, errors = ("utf-16", "strict") if is_wide else ("utf-8-sig", "surrogateescape")
        with io.TextIOWrapper(opened, encoding=encoding, errors=errors, newline="") as file:
            for row in count(1):
                line = file.readline(longest + 1)
                if not line:
                    return
                if len(line) > longest:
                    raise DataError(
                        f"{place}, line {row} has more than {longest:,} letters: write a row for every step"
                    )
                if not line.isascii() and ESCAPED.search(line):
                    line = line.encode("utf-8", "surrogateescape").decode("windows-1252")
                    if recoded == []:
                        recoded.append(row)
                yield line
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place}, line {row} is neither UTF-8 nor Windows-1252 text (byte {error.object[error.start]:#04x}): save "
            "it as 'CSV UTF-8'"
        ) from error
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror}") from error


def refuse_columns(n_columns: int, place: str) -> None:
    """Refuses a table that is too wide.

    Raises:
        DataError: If it has more than ``MOST_COLUMNS``.
    """
    if n_columns > MOST_COLUMNS:
        raise DataError(
            f"{place} has {n_columns:,} columns: at most {MOST_COLUMNS:,} are read; write a row for every step"
        )


def sniff_delimiter(lines: Sequence[str]) -> str | None:
    """The delimiter of a file that begins with these lines; None for blanks, or a single column."""
    present = [delimiter for delimiter in DELIMITERS if delimiter in lines[0]]
    for delimiter in present:
        n_fields = {_n_fields(line, delimiter) for line in lines}
        if len(n_fields) == 1 and n_fields != {1}:
            return delimiter
    return max(present, key=lambda delimiter: _n_fields(lines[0], delimiter), default=None)


def n_lines_above(lines: Sequence[str]) -> int:
    """How many lines stand above a table: for a spreadsheet, comments, or what a program says of itself.

    Such a line has other fields than the table below it, which begins with names, or behind an empty line.
    """
    start = 1 if lines and lines[0].lower().startswith("sep=") else 0
    filled = [k for k in range(start, len(lines)) if lines[k].strip()]
    while len(filled) > 1 and lines[filled[0]].startswith(COMMENT):
        below = sniff_delimiter([lines[filled[1]]])
        # NumPy's savetxt puts a comment sign before the header.
        if not _names(lines[filled[1]], below) and _n_fields(lines[filled[0]], below) == _n_fields(
            lines[filled[1]], below
        ):
            break
        del filled[0]
    for position, k in enumerate(filled[:-1]):
        delimiter = sniff_delimiter([lines[k], lines[filled[position + 1]]])
        n_fields = _n_fields(lines[k], delimiter)
        if n_fields < 2 or any(_n_fields(lines[j], delimiter) != n_fields for j in filled[position + 1 : position + 3]):
            continue
        above = filled[:position]
        begins = not lines[k - 1].strip() or _names(lines[k], delimiter)
        if all(_names(lines[j], delimiter) and _n_fields(lines[j], delimiter) != n_fields for j in above) and begins:
            return k
        break
    return filled[0] if filled else 0


def _names(line: str, delimiter: str | None) -> bool:
    """Whether a line holds words and no measured value."""
    fields = line.split(delimiter)
    return is_header(fields) and not all(NUMBER.fullmatch(field.strip()) for field in fields)


def is_header(fields: Sequence[str]) -> bool:
    """Whether a file's first row names the columns."""
    names = [field.strip() for field in fields]
    if all(NUMBER.fullmatch(name) or name.lower() in MISSING for name in names):
        # Tables written without names of their own are headed 0, 1, 2, below an empty name for the row number.
        counted = names[1:] if not names[0] else names
        return len(names) >= (3 if names[0] else 2) and counted == [str(k) for k in range(len(counted))]
    # A fraction stands among measurements, not among names: the word beside it is then a mistake to be told.
    return not any(NUMBER.fullmatch(name) and not name.isdigit() for name in names)


def units_below(
    names: Sequence[str], units: Sequence[str], values: Sequence[str], *, decimal_comma: bool
) -> list[str] | None:
    """The names of a header with the units that stand in the row below it; None where values stand there.

    Such a row has a word wherever the next one has a number, or nothing for what has no unit. What begins as a number
    does is a value that is written wrongly, and stays to be told of.
    """

    def is_number(cell: str) -> bool:
        return NUMBER.fullmatch(cell.strip().replace(",", ".") if decimal_comma else cell.strip()) is not None

    measured = [k for k, value in enumerate(values) if is_number(value)]
    cells = {k: units[k].strip() for k in measured}
    written = [one for one in cells.values() if one]
    if not written or not all(UNIT.match(one) and one.lower() not in MISSING | INFINITE for one in written):
        return None
    if not all(names[k] for k in measured):
        return None
    return [f"{name} ({cells[k]})" if cells.get(k) else name for k, name in enumerate(names)]


def parse_numbers(cells: Sequence[str], place: str, column: str, first_row: int) -> NDArray[np.float64]:
    """Text as numbers, NaN where one is missing.

    Raises:
        DataError: If a cell is neither a finite number nor empty; the message names the row.
    """
    try:
        numbers = np.array([float(cell) for cell in cells])
        # Python also reads 1_000 and the digits of other scripts.
        text = "".join(cells)
        if text.isascii() and "_" not in text and (np.abs(numbers) <= LARGEST).all():
            return numbers
    except ValueError:
        pass
    if len(cells) > 1 and all(_is_text(cell.strip()) for cell in cells):
        raise DataError(
            f"{place}, column {column!r} holds text such as {cells[0].strip()[:40]!r}: take the column out, or give it "
            "a name that says what it is (label, person, time)"
        )
    return np.array(
        [_number(cell.strip(), f"{place}, row {row}, column {column!r}") for row, cell in enumerate(cells, first_row)]
    )


def _number(cell: str, place: str) -> float:
    if cell.lower() in MISSING:
        return float("nan")
    if NUMBER.fullmatch(cell):
        if abs(float(cell)) <= LARGEST:
            return float(cell)
        raise DataError(f"{place}: {cell[:40]!r} is too large")
    if cell.lower().lstrip("+-") in INFINITE:
        raise DataError(f"{place}: {cell!r} is not finite; leave the cell empty where a value is missing")
    if DECIMAL_COMMA.fullmatch(cell):
        raise DataError(f"{place}: {cell[:40]!r} has a decimal comma; write {cell[:40].replace(',', '.')!r}")
    raise DataError(f"{place}: {cell[:40]!r} is not a number")


def _is_text(cell: str) -> bool:
    return bool(cell) and cell[0].isalpha() and cell.lower() not in MISSING | INFINITE


def _n_fields(line: str, delimiter: str | None) -> int:
    if delimiter is None:
        return len(line.split())
    try:
        return len(next(csv.reader([line], delimiter=delimiter)))
    except csv.Error:
        return 0
