"""Clips of sensors in ``.npy`` files, listed or in folders, and those of signs, which keep their reader."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import DataError
from data.files import load
from data.published import signs
from data.recognise import recognise
from data.source import Source
from tests.data.layouts.reading import EXAMPLES, read


def test_clips_with_a_list_of_their_classes() -> None:
    dataset = read("npy_list")
    assert (dataset.class_names, dataset.labels.tolist()) == (("run", "walk"), [1, 0] * 4)
    assert dataset.group_names == ("anna", "bob", "carl", "dora")
    assert dataset.sequence(3).tolist() == np.load(EXAMPLES / "npy_list" / "clips" / "003.npy").tolist()


def test_clips_in_folders_of_classes_and_people(tmp_path: Path) -> None:
    dataset = read("npy_folders")
    assert (dataset.class_names, dataset.group_names) == (("run", "walk"), ("p01", "p02"))
    assert dataset.lengths.tolist() == [5, 6] * 4
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        for path in (EXAMPLES / "npy_folders").rglob("*.npy"):
            archive.write(path, path.relative_to(EXAMPLES))
    assert recognise(tmp_path / "clips.zip") == "files"
    packed = load(Source(tmp_path / "clips.zip", tmp_path / "cache"))
    assert torch.equal(packed.values, dataset.values)
    assert packed.group_names == dataset.group_names


def test_clips_of_signs_keep_their_reader(tmp_path: Path) -> None:
    for k, (n_numbers, where) in enumerate([(258, "hello/1"), (258, "hello/2"), (258, "thanks/1"), (258, "thanks/2")]):
        (tmp_path / where).parent.mkdir(exist_ok=True)
        np.save(tmp_path / f"{where}.npy", np.full((3, n_numbers), k / 2))
    assert recognise(tmp_path) == "signs"
    # So do clips of other numbers that lie as signs do, which older studies know by that name, unless a list is there.
    for path in tmp_path.rglob("*.npy"):
        np.save(path, np.full((3, 4), 0.5))
    assert recognise(tmp_path) == "signs"
    (tmp_path / "labels.csv").write_text("file,label\nhello/1,a\nhello/2,b\nthanks/1,a\nthanks/2,b\n")
    assert recognise(tmp_path) == "files"
    assert load(Source(tmp_path, tmp_path / "cache")).class_names == ("a", "b")


def test_a_list_says_which_sign_a_clip_is(tmp_path: Path) -> None:
    lines = ["file,label,person"]
    for k in range(8):
        path = tmp_path / "ab"[k // 4] / f"{k}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.random.default_rng(k).normal(size=(4, 258)))
        lines.append(f"{k}.npy,{('hello', 'bye')[k % 2]},p{k // 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    assert recognise(tmp_path) == "signs"
    dataset = signs.load(Source(tmp_path, tmp_path / "cache"))
    assert [dataset.class_names[k] for k in dataset.labels] == ["hello", "bye"] * 4
    assert dataset.group_names == ("p0", "p1", "p2", "p3")
    assert any("the class of each file is taken from 'labels.csv'" in note for note in dataset.notes)
    assert signs.load(Source(tmp_path, tmp_path / "cache", label_from="folder")).class_names == ("a", "b")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(6, 3), (6, 4)], r"walk_1.npy has 4 columns and .*run_1.npy has 3: .*clips are \[steps, channels\]"),
        ([(6, 3), (2, 6, 3)], r"walk_1.npy holds float64 of the shape \[2, 6, 3\]: a clip holds numbers"),
    ],
)
def test_clips_of_other_shapes(tmp_path: Path, shapes: list[tuple[int, ...]], message: str) -> None:
    for label, shape in zip(("run", "walk"), shapes, strict=True):
        for k in (1, 2):
            np.save(tmp_path / f"{label}_{k}.npy", np.full(shape, k / 2))
    with pytest.raises(DataError, match=message):
        load(Source(tmp_path, tmp_path / "cache"))
