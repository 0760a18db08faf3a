import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.formats.tables import read_table


def test_reads_numbers_between_any_blanks() -> None:
    table = read_table(b"  1.5 -2e-003\t3\r\n4 5 6\n\n", 3, "file")
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, np.array([[1.5, -0.002, 3], [4, 5, 6]], dtype=np.float32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "file is empty"),
        (b" \n\n", "file is empty"),
        (b"1 2\n3\n", "line 2: 1 columns where 2 belong"),
        (b"1 2\n\n3 4\n", "line 2: 0 columns where 2 belong"),
        (b"1 2 3\n", "line 1: 3 columns where 2 belong"),
        (b"1 2\n3 x4\n", "line 2: 'x4' is not a finite number"),
        (b"1 2\n3 nan\n", "line 2: 'nan' is not a finite number"),
        (b"1 2\n3 -inf\n", "line 2: '-inf' is not a finite number"),
        (b"1 2\n3 1e39\n", "line 2: '1e39' is not a finite number"),
        (b"1 2\n3 1_0\n", "line 2: '1_0' is not a finite number"),
        (b"1 2\n3 4-5\n", "line 2: '4-5' is not a finite number"),
        (b"1 2\n3 \xff\x1b[2J\n", r"line 2: '\\\\xff\\x1b\[2J' is not"),
        (b"1 2\n3 " + 99 * b"z", "line 2: '" + 40 * "z" + "' is not"),
        (b"1 2\r3 4", "file: it should hold lines of 2 numbers"),
    ],
)
def test_names_the_line_that_is_wrong(text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(text, 2, "file")


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1)
)
def test_reads_what_was_written(rows: list[list[float]]) -> None:
    text = "\n".join(" ".join(map(repr, row)) for row in rows).encode()
    np.testing.assert_array_equal(read_table(text, 3, "file"), np.array(rows, dtype=np.float32))


@settings(deadline=None)
@given(st.binary() | st.text(alphabet="0123456789+-.eE \t\r\nnaif_#\"'").map(str.encode))
@example(b"\x1c")
@example(b"1\x1c2")
@example(b"3.4028235677973367e38 0")
def test_any_bytes_are_numbers_or_an_error(text: bytes) -> None:
    try:
        table = read_table(text, 2, "file")
    except DataError:
        return
    assert all(math.isfinite(number) for number in table.flat)
    np.testing.assert_allclose(table.flat, [float(field) for field in text.split()], rtol=1e-6, atol=1e-37)
