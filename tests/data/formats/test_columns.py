import numpy as np
import pytest

from data.errors import DataError
from data.formats.columns import find_roles, is_time, read_times, unit_seconds
from data.formats.delimited import TextChunk
from data.layouts.time_axis import Clock, guess_unit_seconds


def roles_of(*columns: str) -> dict[str, str]:
    roles = find_roles(columns, "t.csv")
    named = {"sequence": roles.sequence, "label": roles.label, "person": roles.person, "time": roles.time}
    found = {what: columns[k] for what, k in named.items() if k is not None}
    found["channels"] = " ".join(columns[k] for k in roles.channels)
    return found


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ("sequence_id label person time ax", "sequence_id label person time | ax"),
        ("Trial Gesture Subject_ID timestampMs ax", "Trial Gesture Subject_ID timestampMs | ax"),
        ("id y user ax ay", "id y user - | ax ay"),
        ("id x y z class", "id class - - | x y z"),
        ("id x y z", "id - - - | x y z"),
        ("id trial sequence_id label ax", "sequence_id label - - | ax"),
        ("time seconds_elapsed ax", "- - - seconds_elapsed | ax"),
    ],
)
def test_columns_are_known_by_their_usual_names(columns: str, roles: str) -> None:
    named, channels = roles.split(" | ")
    wanted = {
        what: name
        for what, name in zip(("sequence", "label", "person", "time"), named.split(), strict=True)
        if name != "-"
    }
    assert roles_of(*columns.split()) == {**wanted, "channels": channels}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id trial label ax", "'id' and 'trial' could each be the sequence: call the one that is meant 'sequence_id'"),
        ("id gesture activity ax", "'gesture' and 'activity' could each be the label"),
        ("id label time", "holds no measurement: its columns are 'id', 'label', 'time'"),
    ],
)
def test_what_could_be_two_things_is_asked(columns: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_roles(columns.split(), "t.csv")


def test_a_row_number_without_a_name_is_left_out_and_another_column_is_not() -> None:
    assert find_roles(("", "ax"), "t.csv").left_out == (0,)
    with pytest.raises(DataError, match="column 2 of 3 has no name"):
        find_roles(("ax", "", "az"), "t.csv")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("time", None),
        ("t", None),
        ("Time (s)", 1.0),
        ("time [ms]", 1e-3),
        ("timestampMs", 1e-3),
        ("elapsed_time_us", 1e-6),
        ("unix timestamp ns", 1e-9),
        ("millis", 1e-3),
        ("seconds", 1.0),
    ],
)
def test_names_of_time(name: str, seconds: float | None) -> None:
    assert is_time(name)
    assert unit_seconds(name) == seconds


@pytest.mark.parametrize("name", ["ax", "s", "us", "temperature", "time_domain_mean", "", "tx", "accel_s"])
def test_other_names(name: str) -> None:
    assert not is_time(name)


@pytest.mark.parametrize(("step", "seconds"), [(0.02, 1.0), (1, None), (20, 1e-3), (20_000, 1e-6), (2e7, 1e-9)])
def test_a_unit_that_is_not_named_is_guessed(step: float, seconds: float | None) -> None:
    assert guess_unit_seconds(step) == seconds


@pytest.mark.parametrize("day", ["", "2026-01-31 ", "31.01.2026 "])
def test_a_colon_may_stand_before_the_milliseconds(day: str) -> None:
    chunk = TextChunk("f", ("time",), 2, [(f"{day}12:00:00:250", f"{day}12:00:01:500", f"{day}12:00:02")])
    seconds, _ = read_times(chunk, 0)
    assert np.diff(seconds).tolist() == [1.25, 0.5]


def test_dates() -> None:
    cells = ("2026-01-31T12:00:00.25", "2026-01-31 12:00:00.5Z", "")
    times, as_dates = read_times(TextChunk("f", ("time",), 2, [cells]), 0)
    assert as_dates
    assert np.diff(times)[0] == 0.25
    assert np.isnan(times[2])
    with pytest.raises(DataError, match="f, row 3, column 'time': 'noon' is neither a number nor a time such as"):
        read_times(TextChunk("f", ("time",), 2, [("2026-01-31T12:00:00", "noon")]), 0)


def test_time_does_not_go_back() -> None:
    clock = Clock("time")
    assert clock.step(np.array([0, np.nan, 20, 40]), "f", np.arange(2, 6)) == 20
    assert clock.step(np.array([0.0, 0, 0, 1, 1, 1, 2, 2, 2]), "f", np.arange(9)) == 0.25
    assert clock.step(np.array([5.0]), "f", np.arange(1)) is None
    with pytest.raises(DataError, match=r"f, row 4, column 'time': time goes back from 20 to 10: sort the rows"):
        clock.step(np.array([0.0, 20, 10]), "f", np.arange(2, 5))


@pytest.mark.parametrize("cells", [("03:04:05.0", "03:04:05.02"), ("11184", "11184.02")])
def test_a_time_of_day(cells: tuple[str, ...]) -> None:
    times, _ = read_times(TextChunk("t.csv", ("time",), 2, [cells]), 0)
    assert times.tolist() == [11045, 11045.02] if ":" in cells[0] else [11184, 11184.02]


def test_a_wrong_cell_among_numbers_is_the_one_that_is_named() -> None:
    with pytest.raises(DataError, match=r"t.csv, row 3, column 'time': 'abc' is not a number"):
        read_times(TextChunk("t.csv", ("time",), 2, [("0", "abc")]), 0)
