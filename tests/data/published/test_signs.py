"""Recordings of signs in a folder a sign, frame by frame or clip by clip, in a folder or in a zip."""

from __future__ import annotations

import io
import itertools
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import DataError
from data.landmarks import channel_names
from data.layouts.clips import natural_order
from data.published import signs
from data.sequences import SequenceDataset
from data.source import Source

BODY = ("pose", "left_hand", "right_hand")
PLACES = tuple(name for name in channel_names(BODY) if not name.endswith("visibility"))


def frame(number: float, n_features: int = 258) -> Any:
    """A frame in which everything is seen."""
    return np.linspace(0.2, 0.8, n_features) + number / 100


def saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write(folder: Path, files: Mapping[str, Any]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else saved(content))


def takes(sign: str, n_takes: int, n_frames: int = 3, n_features: int = 258) -> dict[str, Any]:
    return {
        f"MP_Data/{sign}/{take}/{number}.npy": frame(take + number, n_features)
        for take in range(n_takes)
        for number in range(n_frames)
    }


def clips(sign: str, *lengths: int, n_features: int = 5) -> dict[str, Any]:
    return {f"{sign}/{k}.npy": np.full((length, n_features), float(k)) for k, length in enumerate(lengths)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


def load(path: Path | None, cache: Path, **options: Any) -> SequenceDataset:
    return signs.load(Source(path, cache, **options))


class TestFrames:
    """``<sign>/<take>/<frame>.npy``."""

    def test_signs_takes_and_frames_are_in_order(self, folder: Path, tmp_path: Path) -> None:
        write(folder, takes("hello", 2, 11) | takes("bye", 2, 1))
        dataset = load(folder, tmp_path / "cache")
        assert dataset.class_names == ("bye", "hello")
        assert dataset.labels.tolist() == [0, 0, 1, 1]
        assert dataset.lengths.tolist() == [1, 1, 11, 11]
        assert dataset.channel_names == PLACES
        assert (dataset.kind, dataset.groups, dataset.official, dataset.recordings) == ("landmarks", None, None, None)
        assert dataset.notes == ()

    def test_frames_are_sorted_by_number(self, folder: Path, tmp_path: Path) -> None:
        for name in ("A", "B"):
            write(folder, {f"{name}/take 1/frame_{number}.npy": frame(0, 4) + number for number in (10, 9, 1, 100)})
        dataset = load(folder, tmp_path)
        assert torch.diff(dataset.sequence(0)[:, 0]).tolist() == pytest.approx([8, 1, 90])
        assert dataset.notes[0] == (
            "192 frames are missing between others, in 2 of 2 takes (A/take 1, B/take 1): the frames there are were "
            "taken one after the other"
        )

    def test_the_most_frequent_sign_comes_first(self, folder: Path, tmp_path: Path) -> None:
        write(folder, takes("a", 1) | takes("b 10", 2) | takes("b 9", 2) | takes("c", 3))
        assert load(folder, tmp_path).class_names == ("c", "b 9", "b 10", "a")
        assert load(folder, tmp_path).first_classes(2).labels.bincount().tolist() == [3, 2]

    def test_hidden_files_and_others_are_passed_over(self, folder: Path, tmp_path: Path) -> None:
        write(folder, takes("a", 1) | takes("b", 1))
        before = load(folder, tmp_path).fingerprint
        write(folder, {"MP_Data/.DS_Store": b"x", "__MACOSX/a/0/._0.npy": b"x", "MP_Data/a/0/notes.md": b"x"})
        write(folder, {"MP_Data/a/0/._0.npy": b"x", ".git/b/0/0.npy": b"x"})
        assert load(folder, tmp_path / "other").fingerprint == before

    def test_1662_numbers_hold_a_face_that_may_be_left_out(self, folder: Path, tmp_path: Path) -> None:
        write(folder, takes("a", 1, n_features=1662) | takes("b", 1, n_features=1662))
        assert load(folder, tmp_path).channel_names == PLACES
        everything = load(folder, tmp_path, landmarks=("face", "visibility", "pose", "left_hand", "right_hand"))
        assert everything.channel_names == channel_names(("pose", "face", "left_hand", "right_hand"))
        hand = load(folder, tmp_path, landmarks=("right_hand",))
        assert hand.channel_names == channel_names(("right_hand",))
        assert torch.equal(hand.values, everything.values[:, -63:])

    def test_a_face_that_is_not_there(self, folder: Path, tmp_path: Path) -> None:
        write(folder, takes("a", 1) | takes("b", 1))
        with pytest.raises(DataError, match="names 'face': frames of 258 numbers hold pose, left_hand, right_hand"):
            load(folder, tmp_path, landmarks=("face",))

    @pytest.mark.parametrize("landmarks", [(), ("visibility",)])
    def test_no_part_at_all(self, folder: Path, tmp_path: Path, landmarks: tuple[str, ...]) -> None:
        write(folder, takes("a", 1) | takes("b", 1))
        with pytest.raises(DataError, match=r"data\.landmarks names no part of the body"):
            load(folder, tmp_path, landmarks=landmarks)

    def test_hands_that_are_not_seen_are_told(self, folder: Path, tmp_path: Path) -> None:
        files = takes("a", 1) | takes("b", 1)
        for name in ("MP_Data/a/0/0.npy", "MP_Data/a/0/1.npy", "MP_Data/a/0/2.npy", "MP_Data/b/0/1.npy"):
            files[name][132:195] = 0
        write(folder, files)
        dataset = load(folder, tmp_path, missing_hands="mask")
        assert dataset.channel_names[-2:] == ("left_hand seen", "right_hand seen")
        assert dataset.values[:, -2].tolist() == [0, 0, 0, 1, 0, 1]
        assert dataset.notes == (
            "the left hand is not seen in 66.7% of the frames, and in 1 of 2 recordings never "
            "(data.missing_hands is 'mask')",
        )


def test_names_are_sorted_as_people_count() -> None:
    names = ["a", "take", "take 1", "take 9", "take 09", "take 10", "take 10b", "take 10b2", "take " + "9" * 5000]
    assert sorted(reversed(names), key=natural_order) == [*names[:3], "take 09", "take 9", *names[5:]]


class TestClips:
    """``<sign>/<clip>.npy`` of [time, features]."""

    def test_are_read(self, folder: Path, tmp_path: Path) -> None:
        write(folder, clips("a", 3, 2) | clips("b", 1))
        dataset = load(folder, tmp_path)
        assert dataset.lengths.tolist() == [3, 2, 1]
        assert dataset.values[:, 0].tolist() == [0, 0, 0, 1, 1, 0]
        assert dataset.channel_names == tuple(f"feature {k}" for k in range(5))
        assert dataset.notes == ("what the 5 numbers of a frame are is not known: they are used as they are",)

    @pytest.mark.parametrize("name", ["{sign}/p0{person}_{take}.npy", "{sign}/take {take} of signer_{person}/0.npy"])
    def test_people_are_taken_from_the_names(self, folder: Path, tmp_path: Path, name: str) -> None:
        array = frame(0) if name.endswith("/0.npy") else np.stack([frame(0)] * 2)
        everyone = itertools.product("ab", range(2), range(3))
        write(folder, {name.format(sign=a, take=b, person=c): array for a, b, c in everyone})
        dataset = load(folder, tmp_path)
        assert [one[-1] for one in dataset.group_names] == ["0", "1", "2"]
        assert dataset.groups is not None
        assert dataset.groups.bincount().tolist() == [4, 4, 4]
        assert any(note.startswith("people are taken from the names") for note in dataset.notes)

    def test_of_the_body_are_the_frames_one_by_one(self, folder: Path, tmp_path: Path) -> None:
        write(folder / "one", takes("a", 2) | takes("b", 2))
        write(
            folder / "other",
            {f"{s}/{t}.npy": np.stack([frame(t + k) for k in range(3)]) for s in "ab" for t in range(2)},
        )
        assert load(folder / "one", tmp_path).fingerprint == load(folder / "other", tmp_path).fingerprint


class TestZips:
    """The same in a zip, which is read in place."""

    def packed(self, path: Path, files: Mapping[str, Any]) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content if isinstance(content, bytes) else saved(content))
        return path

    def test_is_the_folder(self, folder: Path, tmp_path: Path) -> None:
        files = takes("a", 2) | takes("b", 2)
        write(folder, files)
        path = self.packed(tmp_path / "mine.zip", files | {"__MACOSX/MP_Data/a/0/._0.npy": b"x"})
        assert load(path, tmp_path).fingerprint == load(folder, tmp_path).fingerprint

    @pytest.mark.parametrize("name", signs.FILE_NAMES)
    def test_of_a_known_name_is_found_among_other_things(self, folder: Path, tmp_path: Path, name: str) -> None:
        self.packed(folder / name, takes("a", 1) | takes("b", 1))
        write(folder, {"other.zip": b"x", "stray/0.npy": b"x", "nslt_1.json": b"{}"})
        dataset = load(folder, tmp_path)
        assert len(dataset) == 2
        assert dataset.notes == ("WLASL (nslt_1.json): of 0 videos 0 are there",)

    def test_in_the_cache_folder_is_found_without_a_path(self, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match=r"use --data-path or SEQTUNE_DATA; expected are <sign>/<take>/<frame>\.npy"
        ):
            load(None, tmp_path)
        self.packed(tmp_path / "MP_Data.zip", takes("a", 1) | takes("b", 1))
        assert len(load(None, tmp_path)) == 2

    def test_an_error_names_the_member(self, tmp_path: Path) -> None:
        path = self.packed(tmp_path / "mine.zip", takes("a", 1) | takes("b", 1) | {"MP_Data/b/0/1.npy": b"damaged"})
        with pytest.raises(DataError, match=r"mine\.zip, member 'MP_Data/b/0/1\.npy' is not an array"):
            load(path, tmp_path)

    @pytest.mark.parametrize("name", ["../0.npy", "/a/0/0.npy"])
    def test_that_would_do_harm_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DataError, match="are refused"):
            load(self.packed(tmp_path / "mine.zip", {name: frame(0)}), tmp_path)

    def test_of_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"mine\.zip holds no recordings of signs; expected are <sign>"):
            load(self.packed(tmp_path / "mine.zip", {"a.txt": b"x"}), tmp_path)


GOOD = takes("a", 2) | takes("b", 2)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "recordings holds no recordings of signs; expected are <sign>/<take>/<frame>.npy"),
        (takes("a", 2), "holds recordings of one sign only, 'a': at least two"),
        (GOOD | {"MP_Data/a/0/1.npy": b""}, "MP_Data/a/0/1.npy is not an array"),
        (GOOD | {"MP_Data/a/0/1.npy": frame(0, 257)}, "MP_Data/a/0/1.npy has 257 numbers a frame, others have 258"),
        (GOOD | {"MP_Data/b/1/2.npy": np.zeros((2, 258))}, r"b/1/2.npy is an array of shape \[2, 258\]: .* a row"),
        (GOOD | {"MP_Data/b/1/2.npy": np.full(258, np.nan)}, r"b/1/2.npy: nan at \[0\] is not a finite number"),
        (GOOD | {"MP_Data/b/1/x.npy": frame(0)}, "x.npy: a frame's name must end with its number, such as 12.npy"),
        (GOOD | {"MP_Data/b/1/02.npy": frame(0)}, "2.npy is the same frame as 'MP_Data/b/1/0"),
        (GOOD | {"MP_Data/b/9.npy": frame(0)}, "MP_Data/b/9.npy is not in its place: by .* are <sign>/<take>/<frame>"),
        (GOOD | {"Other/b/1/9.npy": frame(0)}, "Other/b/1/9.npy is not in its place"),
        (GOOD | {"MP_Data/b/1/x/9.npy": frame(0)}, "MP_Data/b/1/x/9.npy is not in its place"),
        ({"0/0.npy": frame(0)}, "0/0.npy is not in its place"),
        ({"a/0.npy": np.float64(1)}, "0.npy has 0 dimensions: a frame has one, a clip"),
        ({"a/0.npy": np.zeros((2, 3, 4))}, "0.npy has 3 dimensions"),
        (clips("a", 2) | clips("b", 0), r"b/0.npy is empty: its shape is \[0, 5\]"),
        (clips("a", 2) | clips("b", 2, n_features=6), "b/0.npy has 6 numbers a frame, others have 5"),
        (clips("a", 2) | {"b/0.npy": np.zeros(5)}, r"b/0.npy is an array of shape \[5\]: .* a table"),
        (clips("a", 2) | clips("b\u202e", 2), r"the name 'b.u202e' cannot be printed: rename it"),
        (clips("a", 2, n_features=0) | clips("b", 2), r"a/0.npy is empty: its shape is \[2, 0\]"),
    ],
)
def test_what_cannot_be_used_is_named(folder: Path, tmp_path: Path, files: dict[str, Any], message: str) -> None:
    write(folder, files)
    with pytest.raises(DataError, match=message):
        load(folder, tmp_path / "cache")


def test_one_file_is_not_enough(folder: Path, tmp_path: Path) -> None:
    write(folder, {"0.npy": frame(0)})
    with pytest.raises(DataError, match=r"0\.npy is one file of many: name the folder of the recordings"):
        load(folder / "0.npy", tmp_path)
    write(folder, {"mine.zip": b"no zip"})
    with pytest.raises(DataError, match=r"mine\.zip is not a zip archive"):
        load(folder / "mine.zip", tmp_path)


def test_a_take_without_a_frame_is_named(folder: Path, tmp_path: Path) -> None:
    write(folder, GOOD)
    (folder / "MP_Data" / "a" / "7").mkdir()
    with pytest.raises(DataError, match="MP_Data/a/7 is a take without a frame: delete it, or record it again"):
        load(folder, tmp_path)


def test_the_cache_is_believed_until_a_file_changes(folder: Path, tmp_path: Path) -> None:
    write(folder, GOOD)
    cache = tmp_path / "cache"
    first = load(folder, cache)
    assert load(folder, cache).fingerprint == first.fingerprint
    assert len(list(cache.iterdir())) == 1
    write(folder, {"MP_Data/a/0/0.npy": frame(50)})
    assert load(folder, cache).fingerprint != first.fingerprint
    load(folder, cache, missing_hands="zeros")
    load(folder, cache, landmarks=("pose",))
    assert len(list(cache.iterdir())) == 4


@pytest.mark.real_data
def test_the_ten_signs(real_data: Path, tmp_path: Path) -> None:
    dataset = load(real_data, tmp_path)
    assert (len(dataset), dataset.n_classes, dataset.n_channels) == (300, 10, 225)
    assert dataset.lengths.tolist() == [30] * 300
    assert dataset.labels.bincount().tolist() == [30] * 10
    assert dataset.class_names == ("A", "D", "F", "Hello", "J", "Language", "N", "P", "T", "X")
    assert dataset.notes[0].startswith(
        "WLASL (wlasl/nslt_100.json): of 2,038 videos 0 are there; there is no 05237.npy"
    )
    begin = time.monotonic()
    again = load(real_data, tmp_path)
    assert time.monotonic() - begin < 1
    assert again.fingerprint == dataset.fingerprint
    assert load(real_data / "mp_data_10_signs.zip", tmp_path).fingerprint == dataset.fingerprint
