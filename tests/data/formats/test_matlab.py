"""Arrays, cells and structs of MATLAB, and files that only MATLAB reads."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from data.errors import DataError
from data.files import load
from data.formats.matlab import read_mat
from data.source import Source
from tests.data.layouts.reading import checks, read


def test_cells_of_matlab() -> None:
    dataset = read("mat")
    assert dataset.class_names == ("move", "still")
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.lengths.tolist() == [4, 5, 6, 4, 5, 6, 4, 5]


def test_a_struct_array_of_matlab_has_a_sequence_an_element() -> None:
    dataset = read("mat_structs")
    assert (dataset.class_names, dataset.labels.tolist()) == (("move", "still"), [0, 1] * 4)
    assert dataset.group_names == ("1", "2")
    assert (dataset.sample_rate_hz, dataset.lengths.tolist()) == (50.0, [4, 5, 6, 4, 5, 6, 4, 5])


def test_a_struct_of_matlab_holds_the_arrays() -> None:
    dataset = read("mat_struct")
    assert (dataset.class_names, dataset.group_names) == (("1", "2"), ("0", "1", "2", "3"))
    assert (dataset.sample_rate_hz, dataset.lengths.tolist(), dataset.n_channels) == (50.0, [5] * 8, 2)


def saved_by_matlab(folder: Path, **variables: object) -> Path:
    savemat(folder / "mine.mat", variables)
    return folder / "mine.mat"


def cells(*arrays: object) -> np.ndarray:
    cell = np.empty((1, len(arrays)), object)
    cell[0, :] = arrays
    return cell


def test_structs_of_a_split_and_cells_of_channels(tmp_path: Path) -> None:
    half = {"data": cells(*(np.full((2, 4 + k), k / 2) for k in range(4))), "label": cells("a", "b", "a", "b")}
    path = saved_by_matlab(tmp_path, recorded={"train": half, "test": half})
    dataset = load(Source(path, tmp_path / "cache"))
    assert dataset.official is not None
    assert dataset.official.tolist() == [0] * 4 + [2] * 4
    assert (dataset.n_channels, dataset.lengths.tolist()) == (2, [4, 5, 6, 7] * 2)
    assert "the cells of 'data_train' are read as [channels, steps], 2 channels each" in checks(dataset)


def test_structs_that_say_the_same_twice(tmp_path: Path) -> None:
    one = {"data": np.zeros((4, 6, 2)), "label": np.arange(4) % 2}
    with pytest.raises(DataError, match=r"mine.mat holds 'data' twice: save one struct array"):
        load(Source(saved_by_matlab(tmp_path, walk=one, run=one), tmp_path / "cache"))


def test_sequences_along_the_last_axis_are_told(tmp_path: Path) -> None:
    path = saved_by_matlab(tmp_path, X=np.zeros((6, 2, 4)), y=np.arange(4) % 2)
    with pytest.raises(DataError, match="has 4 labels for 6 sequences; if they are counted by the last axis"):
        load(Source(path, tmp_path / "cache"))


def test_a_bomb_of_matlab_is_never_unpacked_whole(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(1 << 26))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "bomb.mat").write_bytes(head + 2 * (struct.pack("<II", 15, len(packed)) + packed))
    with pytest.raises(DataError, match=r"bomb\.mat unpacks to more than 100,000,000 bytes"):
        read_mat(tmp_path / "bomb.mat", "files", most_bytes=10**8)
