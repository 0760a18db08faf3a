import numpy as np
import pytest

from data.errors import DataError
from data.formats.measured import Rounded, without_counters
from data.layouts.pieces import Pieces, share_takes
from data.layouts.time_axis import Clock
from data.recording import CHECK, Recording


def cut(times: list[float], values: list[float] | None = None) -> tuple[list[int], Pieces]:
    pieces = Pieces(Clock("time"))
    table = np.array(values or range(len(times)), dtype=np.float32)[:, None]
    found = pieces.of(Recording("one.csv", "a", table), np.array(times), np.arange(2, len(times) + 2))
    assert len({piece.take for piece in found}) == 1
    return [len(piece.values) for piece in found], pieces


def steps(n: int, start: float = 0.0) -> list[float]:
    return [start + 0.02 * k for k in range(n)]


def test_a_jump_in_time() -> None:
    lengths, pieces = cut(steps(100) + steps(50, 6.98))
    assert lengths == [100, 50]
    (note,) = pieces.notes(1.0)
    assert note.startswith(f"{CHECK}time jumps in 1 of the recordings, by up to 5 s (one.csv, row 102); these were cut")
    assert cut(steps(100) + steps(3, 6.98))[0] == [100]
    assert "by up to 5 (its unit is not known)" in pieces.notes(None)[0]


def test_what_is_no_jump() -> None:
    assert cut(steps(100) + steps(50, 2.1))[0] == [150]
    # Packets of ten share a stamp.
    assert cut([0.2 * (k // 10) for k in range(200)])[0] == [200]
    assert cut([0.0])[0] == [1]


def test_rows_of_the_same_time() -> None:
    times = steps(50)
    times[20] = times[19]
    lengths, pieces = cut(times)
    assert lengths == [50]
    assert "1 rows have the time of the row before and other values, the most in one.csv (1)" in pieces.notes(1.0)[0]
    values = [float(k) for k in range(50)]
    values[20] = values[19]
    lengths, pieces = cut(times, values)
    assert lengths == [49]
    assert pieces.notes(1.0) == ["1 rows that repeat the one before, the time included, were taken out"]


def test_a_single_file_a_class() -> None:
    table = np.zeros((2000, 1), dtype=np.float32)
    recordings = [Recording(f"{label}.csv", label, table) for label in "ab"]
    found, (note,) = share_takes(recordings)
    assert [len(one.values) for one in found] == [200] * 20
    assert note.startswith(f"{CHECK}there is one file of 'a'")
    several = [Recording(f"{label}{k}.csv", label, table) for label in "ab" for k in range(2)]
    assert share_takes(several) == (several, [])


def test_counters_clocks_and_numbers_that_single_precision_rounds() -> None:
    clock = 1.7e12 + 20 * np.arange(50.0)
    counter, acceleration = np.arange(50.0), np.sin(np.arange(50.0))
    table = np.stack([clock, counter, acceleration, 3e7 + acceleration], axis=1)
    rounded = Rounded()
    rounded.look_at(table)
    assert rounded.channels == {0, 3}
    names = ("ms of phone", "sample counter", "ax", "raw")
    single = table.astype(np.float32)
    with pytest.raises(
        DataError, match=r"one.csv, column 'raw' holds numbers up to 30,000,000, which single precision"
    ):
        without_counters([("one.csv", single)], names, rounded)
    rounded = Rounded()
    rounded.look_at(table[:, :3])
    kept, (note,) = without_counters([("one.csv", single[:, :3])], names[:3], rounded)
    assert kept == [2]
    assert note == "left out, since they count rows or tell the time: 'ms of phone', 'sample counter'"
    # By its values alone a slope is a measurement.
    assert without_counters([("one.csv", single[:, :3])], ("ms of phone", "angle", "ax"), rounded)[0] == [1, 2]
