import sys
from pathlib import Path
from typing import Any

import pytest

from data.errors import DataError
from data.files import load
from data.source import Source


def test_the_missing_extra_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "mine.parquet").touch()
    with pytest.raises(DataError, match=r"mine.parquet is a Parquet file, .* \.venv/bin/python -m pip install pyarrow"):
        load(Source(tmp_path / "mine.parquet", tmp_path))


@pytest.fixture
def pa() -> Any:
    return pytest.importorskip("pyarrow")


class TestWithPyarrow:
    """What needs the extra."""

    def write(self, path: Path, pa: Any, **columns: Any) -> Path:
        from pyarrow import parquet

        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table(columns), path)
        return path

    def test_a_long_table(self, tmp_path: Path, pa: Any) -> None:
        path = self.write(tmp_path / "mine.parquet", pa, id=[1, 1, 2], label=["a", "a", "b"], ax=[1.5, None, 3.0])
        dataset = load(Source(path, tmp_path))
        assert dataset.class_names == ("a", "b")
        assert dataset.values.tolist() == [[1.5], [3.0]]

    def test_a_folder_a_class(self, tmp_path: Path, pa: Any) -> None:
        from datetime import UTC, datetime

        times = [datetime(2026, 1, 1, 0, 0, 0, 20_000 * k, tzinfo=UTC) for k in range(3)]
        for name in "ab":
            self.write(tmp_path / "mine" / name / "1.parquet", pa, time=times, ax=[1, 2, 3])
        dataset = load(Source(tmp_path / "mine", tmp_path))
        assert dataset.sample_rate_hz == pytest.approx(50)
        assert dataset.lengths.tolist() == [3, 3]

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([1.0, float("inf")], "row 2, column 'ax': inf is not finite"),
            (["1", "x"], "row 2, column 'ax': 'x' is not a number"),
            ([[1], [2]], "column 'ax' holds list"),
            ([], "is empty"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, tmp_path: Path, pa: Any, values: list[Any], message: str) -> None:
        labels = ["a", "b"][: len(values)]
        path = self.write(tmp_path / "mine.parquet", pa, id=labels, label=labels, ax=values)
        with pytest.raises(DataError, match=message):
            load(Source(path, tmp_path))

    def test_a_damaged_file(self, tmp_path: Path, pa: Any) -> None:
        (tmp_path / "mine.parquet").write_bytes(b"PAR1 and nothing else")
        with pytest.raises(DataError, match=r"mine.parquet is not a Parquet file, or is damaged"):
            load(Source(tmp_path / "mine.parquet", tmp_path))

    def test_dates_are_seconds_whatever_the_column_is_called(self, tmp_path: Path, pa: Any) -> None:
        from datetime import UTC, datetime, timedelta

        for times in ([datetime(2026, 1, 1, 0, 0, 2 * k, tzinfo=UTC) for k in range(4)], [2 * k for k in range(4)]):
            column = times if isinstance(times[0], datetime) else [timedelta(seconds=second) for second in times]
            columns = {"id": [1, 1, 2, 2], "label": ["a", "a", "b", "b"], "time_ms": column, "ax": [1, 2, 3, 5]}
            dataset = load(Source(self.write(tmp_path / "mine.parquet", pa, **columns), tmp_path))
            assert dataset.sample_rate_hz == pytest.approx(0.5)

    def test_a_label_that_is_not_a_number_is_missing(self, tmp_path: Path, pa: Any) -> None:
        path = self.write(tmp_path / "mine.parquet", pa, id=[1, 2], label=[1.0, float("nan")], ax=[1, 2])
        with pytest.raises(DataError, match="row 2 names no label"):
            load(Source(path, tmp_path))
