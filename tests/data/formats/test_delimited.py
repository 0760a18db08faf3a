from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.formats import delimited
from data.formats.delimited import NumberChunk, TextChunk, TextTable, is_header, parse_numbers, sniff_delimiter
from data.formats.regular import LARGEST_BYTES


def table_of(folder: Path, content: str | bytes) -> TextTable:
    path = folder / "one.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return TextTable(path, "wave/one.csv")


def numbers_of(table: TextTable, as_numbers: bool = False) -> list[list[float]]:
    return [
        row
        for chunk in table.chunks(as_numbers)
        for row in np.stack([chunk.numbers(k) for k in range(table.n_columns)], axis=1).tolist()
    ]


@pytest.mark.parametrize(
    "content",
    [
        "ax,ay\n1,2.5\n3,-4e1\n",
        "\ufeffax,ay\r\n1,2.5\r\n3,-4e1\r\n\r\n",
        "ax,ay\r\n1,2.5\r\n3,-4e1\r\n".encode("utf-16"),
        "ax;ay\n1;2.5\n3;-4e1",
        "ax\tay\n1\t2.5\n3\t-4e1\n",
        "ax|ay\n1|2.5\n3|-4e1\n",
        "ax ay\n1   2.5\n 3 -4e1\n",
        '"ax","ay"\n"1","2.5"\n"3","-4e1"\n',
        "ax, ay\r1, 2.5\r3, -4e1\r",
        "# ax,ay\n1.0e0,2.5e0\n3,-4e1\n",
        "ax;ay\n1,0;2,5\n3;-4e1\n",
        "ax,ay,\n1,2.5,\n3,-4e1,\n",
        "ax,ay\n1,2.5,\n3,-4e1,\n",
        "ax;ay;\n1,0;2,5; \n3;-4e1;\n",
    ],
)
def test_every_common_way_of_writing_a_table(tmp_path: Path, content: str | bytes) -> None:
    table = table_of(tmp_path, content)
    assert table.columns == ("ax", "ay")
    assert numbers_of(table) == [[1, 2.5], [3, -40]]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("t,x,who\ns,m/s^2,\n1,2,anna\n3,4,anna\n", ("t (s)", "x (m/s^2)", "who")),
        ("t,x,\ns,no units,\n1,2,\n3,4,\n", ("t (s)", "x (no units)")),
        ("sep=;\nt;x\n;g\n1;2,0\n3;4,0\n", ("t", "x (g)")),
    ],
)
def test_units_below_the_header(tmp_path: Path, content: str, columns: tuple[str, ...]) -> None:
    table = table_of(tmp_path, content)
    assert table.columns == columns
    (chunk,) = table.chunks()
    assert [chunk.numbers(k).tolist() for k in range(2)] == [[1, 3], [2, 4]]
    assert content.splitlines()[table.first_row - 1].startswith("1")


@pytest.mark.parametrize("row", ["1,two", "nan,x", ",", "a,b\na,b", "inf,-Infinity", '"1,5","2,5"', "1_000,٣", "-,x"])
def test_what_is_no_row_of_units_stays_a_row(tmp_path: Path, row: str) -> None:
    table = table_of(tmp_path, f"x,y\n{row}\n1,2\n3,4\n")
    assert (table.columns, table.first_row) == (("x", "y"), 2)


def test_without_a_header(tmp_path: Path) -> None:
    table = table_of(tmp_path, "1,2\n3,4\n")
    assert (table.has_header, table.columns) == (False, ("channel_1", "channel_2"))
    assert numbers_of(table) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("content", ["ax,ay\n1,2.5\r\n3,-4e1\n\n", "1 2.5\n3  -4e1", "1;2.5\n3;-4e1\n"])
def test_rows_of_plain_numbers_are_read_at_once(tmp_path: Path, content: str) -> None:
    table = table_of(tmp_path, content)
    assert [type(chunk) for chunk in table.chunks(as_numbers=True)] == [NumberChunk]
    assert numbers_of(table, as_numbers=True) == numbers_of(table) == [[1, 2.5], [3, -40]]


ROWS = ["1,", "1,nan", "1,x", "1,2\n\n3,4", "1,1e999", "1,2,3", '"1",2', "1e,2", ""]


@pytest.mark.parametrize("rows", ROWS)
def test_all_other_rows_are_looked_at_closely(tmp_path: Path, rows: str) -> None:
    table = table_of(tmp_path, f"ax,ay\n{rows}\n")
    with suppress(DataError):
        assert type(next(iter(table.chunks(as_numbers=True)))) is TextChunk


@pytest.mark.parametrize("n_above", range(6))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("rows", [*ROWS, "ax,ay\n5,6"])
def test_they_are_told_alike_behind_any_number_of_plain_rows(
    tmp_path: Path, rows: str, n_above: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 9)
    plain = [f"{k}.5,{k}" for k in range(n_above)]
    table = table_of(tmp_path, end.join(["ax,ay", *plain, *rows.split("\n"), "7,8", "", ""]))

    def told(as_numbers: bool) -> str:
        try:
            return f"{numbers_of(table, as_numbers)} {table.breaks}"
        except DataError as error:
            return str(error)

    assert told(as_numbers=True) == told(as_numbers=False)


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "NA", "null", "None", "?"])
def test_missing_values(tmp_path: Path, cell: str) -> None:
    (first, second), _ = numbers_of(table_of(tmp_path, f"a,b\n1,{cell}\n3,4\n"))
    assert first == 1
    assert np.isnan(second)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"one.csv is empty"),
        ("\n\n", r"one.csv is empty"),
        ("ax,ay\n", r"holds a header and no row below it"),
        ("ax,ay\n1,2\n3,abc\n", r"one.csv, row 3, column 'ay': 'abc' is not a number"),
        ("1,2\n3,abc\n", r"one.csv, row 2, column 'channel_2': 'abc' is not a number"),
        ("abc,1.5\n2,3\n", r"row 1, column 'channel_1': 'abc' is not a number"),
        ("ax,ay\n1,inf\n", r"row 2, column 'ay': 'inf' is not finite; leave the cell empty"),
        ("ax,ay\n1,-Infinity\n", r"row 2, column 'ay': '-Infinity' is not finite"),
        ("ax,ay\n1,1e39\n", r"row 2, column 'ay': '1e39' is too large"),
        ("ax,ay\n1,1_000\n", r"'1_000' is not a number"),
        ("ax,ay\n1,٣\n", r"'٣' is not a number"),
        ("ax;ay\n1.234,5;2\n", r"row 2, column 'ax': '1.234,5' is not a number"),
        ("ax|ay\n1,5|2\n", r"row 2, column 'ax': '1,5' has a decimal comma; write '1.5'"),
        ("ax,ay\n1,5,2,5\n", r"row 2: 4 fields where the header has 2; if these are decimal commas"),
        ("ax,ay\n1,2\n3\n", r"row 3: 1 fields where the header has 2"),
        ("1,2\n3,4,5\n", r"row 2: 3 fields where the first row has 2"),
        ("by hand,today\nax,ay,az\n1,2\n", r"row 2: 3 fields where the header has 2"),
        ("time,ax\n0,1,2\n0,1,2\n", r"row 2: 3 fields where the header has 2; if lines stand above the header"),
        ("# by hand\n\nax,ay\n1,2\n3,abc\n", r"row 5, column 'ay': 'abc' is not a number"),
        ("ax,ay\n1,2\n\n3,abc\n", r"row 4, column 'ay': 'abc' is not a number"),
        ("ax,ax\n1,2\n", r"names the column 'ax' twice"),
        ('ax,ay\n"1"2,3\n', r"one.csv, line 2: .* expected after"),
        ('ax,ay\n"1,2\n', r"one.csv, line 2: a quotation mark is opened and never closed"),
        ("ax,note\n1,good\n2,bad\n", r"column 'note' holds text such as 'good': take the column out, or give it"),
        (b"ax,ay\n1,2\0\n", r"line 2 holds a zero byte"),
        (b"ax \x81,ay\n1,2\n", r"line 1 is neither UTF-8 nor Windows-1252 text \(byte 0x81\): save it as 'CSV UTF-8'"),
    ],
)
def test_names_file_row_and_column(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        numbers_of(table_of(tmp_path, content))


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match=r"loop.csv cannot be read: Too many levels of symbolic links"):
        TextTable(loop, str(loop))


def test_an_absurdly_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(DataError, match=r"has 2,147,483,649 bytes: at most"):
        TextTable(path, "large.csv")


def test_rows_are_counted_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 2)
    table = table_of(tmp_path, "a,b\n" + "1,2\n" * 4 + "x,2\n")
    with pytest.raises(DataError, match="row 6, column 'a': 'x' is not a number"):
        numbers_of(table)
    assert len(numbers_of(table_of(tmp_path, "a,b\n" + "1,2\n" * 4))) == 4


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b", "1,2"], ","),
        (["acc|x,acc|y,acc|z", "1,2,3"], ","),
        (['"a;b",c', "1,2"], ","),
        (["1,5;2,5"], ";"),
        (["1,5\t2,5", "1,5\t2,5"], "\t"),
        (["1 2"], None),
        (["1"], None),
    ],
)
def test_the_delimiter(lines: list[str], delimiter: str | None) -> None:
    assert sniff_delimiter(lines) == delimiter


@pytest.mark.parametrize(
    ("first_row", "header"),
    [
        ("ax,ay", True),
        ("time,1,2", True),
        ("1,2", False),
        ("1.5,nan,", False),
        (",0,1", True),
        ("0,1,2", True),
        ("0,1", False),
        ("abc,2.5", False),
        ("x", True),
        ("-1", False),
    ],
)
def test_the_header(first_row: str, header: bool) -> None:
    assert is_header(first_row.split(",")) is header


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_numbers_survive(values: list[float]) -> None:
    assert parse_numbers([repr(value) for value in values], "f", "c", 1).tolist() == values


@given(st.lists(st.text(max_size=8), min_size=1))
def test_any_text_is_numbers_or_an_error(cells: list[str]) -> None:
    try:
        numbers = parse_numbers(cells, "f", "c", 1)
    except DataError:
        return
    assert not np.isinf(numbers).any()


def test_a_first_row_with_decimal_commas_is_no_header(tmp_path: Path) -> None:
    table = table_of(tmp_path, "0,5;1\n0,25;2\n")
    assert not table.has_header
    assert numbers_of(table) == [[0.5, 1.0], [0.25, 2.0]]


def test_the_line_that_is_no_text_is_named_however_far_down(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one.csv, line 5001 is neither UTF-8 nor Windows-1252 text \(byte 0x8d\)"):
        numbers_of(table_of(tmp_path, b"ax,ay\n" + b"1,2\n" * 4999 + b"1,\x8d\n"))


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-8", "utf-8-sig", "utf-16"])
def test_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Zeit;Übung ß;Winkel (°);a (m/s²)\n0;1,5;2;3\n1;2,5;2;3\n"
    table = table_of(tmp_path, text.encode(encoding))
    assert table.columns == ("Zeit", "Übung ß", "Winkel (°)", "a (m/s²)")
    assert numbers_of(table) == [[0, 1.5, 2, 3], [1, 2.5, 2, 3]]
    assert table.recoded == ([] if encoding.startswith("utf") else [1])


@pytest.mark.parametrize(
    ("above", "rows"),
    [
        ("\n", "ax,ay\n1,2\n3,4\n"),
        ("# by hand\n", "ax,ay\n1,2\n3,4\n"),
        ("# by hand, on a Tuesday\n% again\n", "ax,ay\n1,2\n3,4\n"),
        ("sep=;\n", "ax;ay\n1;2\n3;4\n"),
        ("Device: X\nRate: 50, or so, of 3\n\n", "ax,ay\n1,2\n3,4\n"),
        ("Device: X\n", "ax,ay\n1,2\n3,4\n"),
        ("Device,X,Y\n\n", "1,2\n3,4\n"),
        ("", "# ax,ay\n1,2\n3,4\n"),
    ],
)
def test_lines_above_the_table(tmp_path: Path, above: str, rows: str) -> None:
    table = table_of(tmp_path, above + rows)
    assert "".join(table.above) == above
    assert table.columns in (("ax", "ay"), ("channel_1", "channel_2"))
    assert numbers_of(table) == [[1, 2], [3, 4]]
    assert numbers_of(table, as_numbers=True) == [[1, 2], [3, 4]]


def test_blocks_between_empty_lines_and_repeated_headers(tmp_path: Path) -> None:
    table = table_of(tmp_path, "ax,ay\n1,2\n3,4\n\n5,6\nax,ay\n7,8\n\n")
    assert numbers_of(table) == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert table.breaks == [2, 3]
    assert [chunk.first_row for chunk in table.chunks()] == [2, 5, 7]
    every = table_of(tmp_path, "ax,ay\n1,2\n\n3,4\n\n5,6\n")
    assert (numbers_of(every), every.breaks) == ([[1, 2], [3, 4], [5, 6]], [])
