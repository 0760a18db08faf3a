import subprocess
import sys
from pathlib import Path

import pytest
import torch

import data
from data.errors import DataError
from data.source import Source

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(("name", "nearest"), [("smart-watch", "smartwatch"), ("UCI_HAR", "uci-har"), ("", "watch")])
def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path, name: str, nearest: str) -> None:
    with pytest.raises(DataError, match=f"no data set '{name}' .*'{nearest}'.*: there are watch, smartwatch, uci-har"):
        data.load(name, Source(None, tmp_path))


@pytest.mark.parametrize("name", data.DATASETS)
def test_every_entry_can_be_shown(name: str) -> None:
    entry = data.DATASETS[name]
    assert set(entry.kind.split(" or ")) <= {"gesture", "activity", "landmarks"}
    for line in (entry.summary, entry.needs):
        assert 10 <= len(line) <= 100
        assert "\n" not in line


# One's own recordings are whatever one records: see test_files.py.
@pytest.mark.real_data
@pytest.mark.parametrize("name", [name for name in data.DATASETS if name != "files"])
def test_every_data_set_keeps_the_contract(real_data: Path, tmp_path: Path, name: str) -> None:
    dataset = data.load(name, Source(real_data, tmp_path))
    entry = data.DATASETS[name]
    assert (dataset.name, dataset.kind) == (name, entry.kind)
    assert dataset.values.dtype == torch.float32
    assert torch.isfinite(dataset.values).all()
    parts = (dataset.lengths, dataset.labels, dataset.groups, dataset.recordings, dataset.official)
    assert all(part is None or part.dtype == torch.int64 for part in parts)
    assert set(dataset.labels.tolist()) == set(range(dataset.n_classes))
    assert len(set(dataset.class_names)) == dataset.n_classes
    assert len(set(dataset.channel_names)) == dataset.n_channels
    if dataset.groups is None:
        assert (name, dataset.group_names) == ("signs", ())
    else:
        assert set(dataset.groups.tolist()) == set(range(len(dataset.group_names)))
    assert dataset.sample_rate_hz is not None or entry.kind == "landmarks"
    if dataset.recordings is not None and dataset.groups is not None:
        columns = (dataset.recordings.tolist(), dataset.groups.tolist(), dataset.labels.tolist())
        n_recordings = len(set(columns[0]))
        assert len(set(zip(*columns, strict=True))) == n_recordings, "a recording has one person and one class"


def test_importing_reads_no_data_and_imports_no_data_package() -> None:
    script = "import sys, data; sys.exit(any(m in sys.modules for m in ('seglearn', 'pandas', 'sklearn', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=120, check=False).returncode == 0


class TestNamedFile:
    """What ``--data-path`` may be."""

    def test_nothing(self, tmp_path: Path) -> None:
        assert Source(None, tmp_path).named_file("a.zip") is None

    def test_a_file_of_any_name(self, tmp_path: Path) -> None:
        (tmp_path / "mine.zip").touch()
        assert Source(tmp_path / "mine.zip", tmp_path).named_file("a.zip") == tmp_path / "mine.zip"

    def test_a_folder(self, tmp_path: Path) -> None:
        source = Source(tmp_path, tmp_path / "cache")
        assert source.named_file("a.zip", "b.zip") is None
        (tmp_path / "a.zip").mkdir()
        (tmp_path / "b.zip").touch()
        assert source.named_file("a.zip", "b.zip") == tmp_path / "b.zip"

    @pytest.mark.parametrize("name", ["nowhere", "nul\0", "file/below"])
    def test_what_is_not_there(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match="is neither a file nor a folder"):
            Source(tmp_path / name, tmp_path).named_file("a.zip")

    def test_what_cannot_be_looked_at(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be looked at: File name too long"):
            Source(tmp_path / ("x" * 300), tmp_path).named_file("a.zip")
