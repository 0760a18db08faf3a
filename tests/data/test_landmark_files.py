"""Landmarks as MediaPipe gave them, read to be classified: the same numbers as they are trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.formats.folder import Folder
from data.landmark_files import read_landmarks
from data.published.signs import read
from data.source import Source
from data.unlabelled import read_unlabelled

N_FRAMES, N_NUMBERS = 5, 258


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """Two signs of two takes each, a file a frame; in the first take the left hand is lost for two frames."""
    generator = np.random.default_rng(0)
    for sign in ("hello", "thanks"):
        for take in range(2):
            table = generator.uniform(0.1, 0.9, (N_FRAMES, N_NUMBERS))
            if take == 0:
                table[1:3, 132:195] = 0.0
            (tmp_path / sign / str(take)).mkdir(parents=True)
            for frame, row in enumerate(table):
                np.save(tmp_path / sign / str(take) / f"{frame}.npy", row)
    return tmp_path


@pytest.mark.parametrize("missing_hands", ["interpolate", "mask", "zeros"])
@pytest.mark.parametrize("landmarks", [("left_hand", "right_hand"), ("pose", "left_hand", "visibility")])
def test_they_are_what_the_network_was_trained_on(takes: Path, missing_hands: str, landmarks: tuple[str, ...]) -> None:
    trained = read(Folder(takes), Source(None, Path(), landmarks=landmarks, missing_hands=missing_hands))
    found = list(read_landmarks(takes / "hello", trained.channel_names, missing_hands))
    assert [Path(one.place).name for one in found] == ["0", "1"]
    for row, one in enumerate(found):
        assert one.channel_names == trained.channel_names
        np.testing.assert_array_equal(one.values, trained.sequence(row).numpy())


def test_a_file_a_take_is_the_same(takes: Path, tmp_path: Path) -> None:
    frames = sorted((takes / "hello" / "0").iterdir())
    wanted = read(Folder(takes), Source(None, Path())).channel_names
    np.save(tmp_path / "whole.npy", np.stack([np.load(frame) for frame in frames]))
    (whole,) = read_landmarks(tmp_path / "whole.npy", wanted, "interpolate")
    (by_frame,) = read_landmarks(takes / "hello" / "0", wanted, "interpolate")
    np.testing.assert_array_equal(whole.values, by_frame.values)


def test_what_is_measured_already_or_of_another_kind_is_left_as_it_is(takes: Path, tmp_path: Path) -> None:
    wanted = read(Folder(takes), Source(None, Path())).channel_names
    for n_columns in (len(wanted), 7):
        np.save(tmp_path / "table.npy", np.random.default_rng(1).normal(size=(4, n_columns)))
        (one,), (plain,) = (
            list(found)
            for found in (
                read_landmarks(tmp_path / "table.npy", wanted, "zeros"),
                read_unlabelled(tmp_path / "table.npy"),
            )
        )
        np.testing.assert_array_equal(one.values, plain.values)
        assert one.channel_names is None
