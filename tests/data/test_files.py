"""One's own recordings, whatever the layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.files import load
from data.published import smartwatch
from data.sequences import SequenceDataset
from data.source import Source

SEQUENCES = [
    ("clap", np.array([[1.5, -2], [3, 4]])),
    ("clap", np.array([[0.1, 0.2]])),
    ("wave", np.array([[7, 8], [9, 10], [11, 12]])),
]


def as_folder(root: Path) -> Path:
    for k, (label, steps) in enumerate(SEQUENCES):
        (root / "mine" / label).mkdir(parents=True, exist_ok=True)
        rows = "\n".join(f"{x},{y}" for x, y in steps)
        (root / "mine" / label / f"{k}.csv").write_text(f"channel_1,channel_2\n{rows}\n")
    return root / "mine"


def as_long_table(root: Path) -> Path:
    rows = [f"{k},{label},{x},{y}" for k, (label, steps) in enumerate(SEQUENCES) for x, y in steps]
    (root / "mine.tsv").write_text("\n".join(["id,label,channel_1,channel_2", *rows]).replace(",", "\t"))
    return root / "mine.tsv"


def as_npz(root: Path) -> Path:
    padded = np.zeros((3, 3, 2))
    for k, (_, steps) in enumerate(SEQUENCES):
        padded[k, : len(steps)] = steps
    lengths = [len(steps) for _, steps in SEQUENCES]
    np.savez(root / "mine.npz", X=padded, lengths=lengths, y=[label for label, _ in SEQUENCES])
    return root / "mine.npz"


def as_ts(root: Path) -> Path:
    cases = [":".join([*(",".join(map(str, c)) for c in steps.T), label]) for label, steps in SEQUENCES]
    (root / "mine.ts").write_text("\n".join(["@classLabel true clap wave", "@data", *cases]))
    return root / "mine.ts"


def read(path: Path) -> SequenceDataset:
    return load(Source(path, path.parent / "cache"))


@pytest.mark.parametrize("layout", [as_folder, as_long_table, as_npz, as_ts])
def test_the_same_recordings_in_any_layout_are_the_same_data_set(
    tmp_path: Path, layout: Callable[[Path], Path]
) -> None:
    dataset = read(layout(tmp_path))
    assert dataset.values.tolist() == torch.from_numpy(np.concatenate([s for _, s in SEQUENCES])).float().tolist()
    assert dataset.lengths.tolist() == [2, 1, 3]
    assert dataset.labels.tolist() == [0, 0, 1]
    assert dataset.class_names == ("clap", "wave")
    assert dataset.values.dtype == torch.float32
    assert (dataset.lengths.dtype, dataset.labels.dtype) == (torch.int64, torch.int64)
    assert dataset.fingerprint == read(as_folder(tmp_path)).fingerprint


def test_nothing_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"name your recordings with --data-path. Understood are: a folder a class"):
        load(Source(None, tmp_path))


@pytest.mark.parametrize("name", ["letter.doc", "nowhere", "x" * 300])
def test_what_is_not_understood(tmp_path: Path, name: str) -> None:
    if len(name) < 100 and "." in name:
        (tmp_path / name).touch()
    with pytest.raises(
        DataError, match=r"is not understood|is neither a file nor a folder|cannot be looked at|is not a zip archive"
    ):
        read(tmp_path / name)


@settings(deadline=None)
@given(
    suffix=st.sampled_from([".csv", ".tsv", ".npz", ".ts"]),
    content=st.binary(max_size=200)
    | st.text(alphabet='id,label;\t"x1.5-e@data:?\n', max_size=200).map(str.encode)
    | st.text(alphabet="12ab,;\n", max_size=60).map(lambda rows: f"id,label,x\n{rows}".encode()),
)
def test_a_file_of_any_bytes_is_read_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / f"mine{suffix}"
    path.write_bytes(content)
    try:
        dataset = read(path)
    except DataError:
        return
    assert torch.isfinite(dataset.values).all()
    assert set(dataset.labels.tolist()) == set(range(dataset.n_classes))


@pytest.mark.real_data
def test_the_published_gestures_as_a_folder_of_tables(real_data: Path, tmp_path: Path) -> None:
    published = smartwatch.load(Source(real_data, tmp_path / "cache"))
    chosen = published.first_classes(3)
    assert chosen.groups is not None
    for row, (label, person) in enumerate(zip(chosen.labels.tolist(), chosen.groups.tolist(), strict=True)):
        folder = tmp_path / "mine" / f"class {label}" / chosen.group_names[person]
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{110 * k},{x!r},{y!r},{z!r}" for k, (x, y, z) in enumerate(chosen.sequence(row).tolist())]
        (folder / f"{row}.csv").write_text("\n".join(["time_ms,ax,ay,az", *lines]))
    dataset = read(tmp_path / "mine")
    assert len(dataset) == len(chosen)
    assert (dataset.group_names, dataset.kind) == (chosen.group_names, "gesture")
    assert dataset.sample_rate_hz == pytest.approx(smartwatch.SAMPLE_RATE_HZ)
    assert dataset.labels.bincount().tolist() == chosen.labels.bincount().tolist()
    assert dataset.values.sum(0).tolist() == pytest.approx(chosen.values.sum(0).tolist(), rel=1e-3)
