from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError
from data.files import load
from data.quality.warnings import warnings
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source

X = np.arange(24.0).reshape(3, 4, 2)


def read(folder: Path, **arrays: Any) -> SequenceDataset:
    np.savez(folder / "mine.npz", **arrays)
    return load(Source(folder / "mine.npz", folder / "cache"))


def test_one_sequence_after_the_other(tmp_path: Path) -> None:
    dataset = read(tmp_path, values=X[0], lengths=[1, 3], labels=["wave", "clap"], groups=["p2", "p1"])
    assert dataset.lengths.tolist() == [1, 3]
    assert dataset.labels.tolist() == [1, 0]
    assert dataset.values.tolist() == X[0].tolist()
    assert dataset.group_names == ("p1", "p2")


def test_padded_with_lengths(tmp_path: Path) -> None:
    dataset = read(tmp_path, X=X, lengths=[4, 2, 3], y=[0, 1, 0], sample_rate_hz=50, channel_names=["ax", "ay"])
    assert dataset.lengths.tolist() == [4, 2, 3]
    assert dataset.sequence(1).tolist() == X[1, :2].tolist()
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.channel_names == ("ax", "ay")


def test_channels_before_time_are_told(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(6, 3, 50))
    dataset = read(tmp_path, X=values, y=[0, 1] * 3)
    said = [note for note in dataset.notes if note.startswith(CHECK)]
    assert "3 steps of 50 channels" in said[0]
    assert "np.swapaxes" in said[0]
    named = read(tmp_path, X=values, y=[0, 1] * 3, channel_names=["ax", "ay", "az"])
    assert named.sequence(2).tolist() == pytest.approx(values[2].T)
    assert not [note for note in named.notes if note.startswith(CHECK)]
    assert "[sequences, channels, time] = [6, 3, 50]" in named.notes[0]


def test_steps_of_nan_at_the_end_are_padding(tmp_path: Path) -> None:
    padded = X.copy()
    padded[1, 2:] = np.nan
    padded[0, 1, 1] = np.nan
    dataset = read(tmp_path, X=padded, Y=np.array([0, 1, 1]), class_names=["wave", "clap"])
    assert dataset.lengths.tolist() == [4, 2, 4]
    assert dataset.sequence(0)[1, 1] == 3.0
    assert dataset.class_names == ("clap", "wave")


def test_one_channel(tmp_path: Path) -> None:
    assert read(tmp_path, X=X[:, :, 0], y=["a", "b", "b"]).n_channels == 1


def test_time_and_channels_the_other_way_round_are_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, X=np.random.default_rng(0).normal(size=(4, 3, 50)), y=[0, 1, 0, 1])
    assert any(one.startswith("50 channels and 3 steps at most: are these 3 channels") for one in warnings(dataset))


@pytest.mark.parametrize("labels", [[[1], [0], [1]], np.eye(2)[[1, 0, 1]], np.eye(2, dtype=bool)[[1, 0, 1]]])
def test_labels_in_a_column_or_one_hot(tmp_path: Path, labels: Any) -> None:
    dataset = read(tmp_path, X=X, y=np.array(labels), class_names=["wave", "clap"])
    assert [dataset.class_names[k] for k in dataset.labels.tolist()] == ["clap", "wave", "clap"]


def test_padded_with_lengths_in_one_channel_and_before_the_sequence(tmp_path: Path) -> None:
    assert read(tmp_path, X=X[:, :, 0], lengths=[4.0, 2.0, 1.0], y=[0, 1, 0]).lengths.tolist() == [4, 2, 1]
    padded = X.copy()
    padded[1, :2] = np.nan
    dataset = read(tmp_path, X=padded, y=[0, 1, 0])
    assert dataset.lengths.tolist() == [4, 2, 4]
    assert dataset.sequence(1).tolist() == X[1, 2:].tolist()


def test_zeros_that_may_be_padding_are_told(tmp_path: Path) -> None:
    padded = np.random.default_rng(0).normal(size=(6, 9, 2))
    padded[:3, 5:] = 0
    (sentence,) = warnings(read(tmp_path, X=padded, y=[0, 1] * 3))
    assert "3 of 6 end with steps that are zero in every channel, up to 4" in sentence


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "holds 'X': the labels are missing; values .steps, channels. with lengths and labels"),
        ({"a": X}, "holds 'a': the values are missing"),
        ({"X": X, "data": X, "y": [0, 1, 0]}, "'X' and 'data' could each be the values"),
        ({"X": X, "y": [0, 1]}, "has 2 labels for 3 sequences"),
        ({"X": X, "y": [0, 1, 1], "groups": [1]}, "has 1 people for 3 sequences"),
        ({"X": X, "y": [0.5, 1, 1]}, "the labels are float64 of shape .3,.: one whole number or text a sequence"),
        ({"X": X, "y": [[0, 2], [1, 0], [1, 0]]}, "the labels are int64 of shape .3, 2."),
        ({"X": X[0, 0], "y": [0, 1]}, "the values are float64 of shape .2,."),
        ({"X": X.astype(str), "y": [0, 1, 1]}, "the values are <U32 of shape"),
        ({"X": X, "y": [0, 1, 1], "lengths": [5, 1, 1]}, "3 lengths up to 5 do not fit values of shape .3, 4, 2."),
        ({"X": X, "y": [0, 1, 1], "lengths": [0, 1, 1]}, "sequence 0 has the length 0: take it out"),
        ({"X": X, "y": [0, 1, 1], "lengths": [1.5, 1, 1]}, "the lengths must be whole numbers"),
        ({"X": X[0], "y": [0, 1], "lengths": [1, 1]}, "the lengths sum to 2, and there are 4 steps"),
        ({"X": np.where(X == 13, np.inf, X), "y": [0, 1, 1]}, "the value at .1, 2, 1. of .3, 4, 2. is not finite"),
        ({"X": X, "y": [0, 1, 1], "fs": -1}, "the sample rate must be one number above 0"),
        ({"X": X, "y": [0, 1, 1], "channels": ["a"]}, "1 channel names .1 different. for 2 channels"),
        ({"X": X, "y": [0, 7, 1], "class_names": ["a", "b"]}, "label 7 has no name among the 2 class names"),
        ({"X": X, "y": [0, 0, 0]}, "holds only the class '0'"),
        ({"X": np.full_like(X, np.nan), "y": [0, 1, 1]}, "sequence 0 holds no value"),
        ({"X": np.array([{}, 1, 2], dtype=object), "y": [0, 1, 1]}, "'X' holds Python objects, which could run code"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, **arrays)


@pytest.mark.parametrize("n_bytes", [0, 100, -30])
def test_damaged_archives(tmp_path: Path, n_bytes: int) -> None:
    read(tmp_path, X=X, y=[0, 1, 1])
    path = tmp_path / "mine.npz"
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(DataError, match=r"mine.npz cannot be read as a NumPy archive"):
        load(Source(path, tmp_path))


def test_an_array_that_claims_to_be_enormous(tmp_path: Path) -> None:
    read(tmp_path, X=X, y=[0, 1, 1])
    path = tmp_path / "mine.npz"
    content = path.read_bytes().replace(b"(3, 4, 2), }          ", b"(3000000000000, 4, 2),}")
    assert len(content) != len(path.read_bytes()) or content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mine.npz cannot be read as a NumPy archive"):
        load(Source(path, tmp_path))
