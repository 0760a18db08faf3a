"""Kaggle's ASL Signs: ``train.csv`` and a long Parquet file a take."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.published import signs
from data.published.asl_signs import read_take
from data.recognise import recognise
from data.source import Source

EXAMPLE = Path(__file__).parents[1] / "examples" / "asl_signs"


def test_takes_and_people(tmp_path: Path) -> None:
    assert recognise(EXAMPLE) == "signs"
    dataset = signs.load(Source(EXAMPLE, tmp_path))
    assert dataset.class_names == ("blow", "wait")
    assert dataset.group_names == ("asl-signs-26734", "asl-signs-28656")
    assert dataset.lengths.tolist() == [3, 4, 3, 4]
    assert dataset.n_channels == 33 * 3 + 2 * 21 * 3
    assert dataset.official is None
    assert "of 5 takes 4 are there; there is no train_landmark_files/28656/9.parquet" in dataset.notes[0]


def test_points_have_their_place_and_what_is_not_seen_is_zero() -> None:
    path = EXAMPLE / "train_landmark_files" / "26734" / "1.parquet"
    table = read_take(path.read_bytes(), str(path))
    long = pd.read_parquet(path)
    assert table.shape == (3, 1662)
    nose = long[(long["type"] == "pose") & (long["landmark_index"] == 0)]
    assert np.array_equal(table[:, :3], nose[["x", "y", "z"]].to_numpy(np.float32))
    assert (table[:, 3] == 1).all()
    assert not table[:, 33 * 4 + 468 * 3 :][:, :63].any()


def test_a_damaged_take_is_named() -> None:
    with pytest.raises(DataError, match=r"take 7 cannot be read"):
        read_take(b"PAR1 no more", "take 7")
