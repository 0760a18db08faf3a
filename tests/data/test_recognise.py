import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError
from data.recognise import recognise


def packed(path: Path, *members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    return path


def test_published_archives_by_name_and_by_content(tmp_path: Path) -> None:
    assert recognise(packed(tmp_path / "a.zip", "gestures-dataset/U01/01/01.txt")) == "smartwatch"
    assert recognise(packed(tmp_path / "b.zip", "UCI HAR Dataset/activity_labels.txt")) == "uci-har"
    assert recognise(packed(tmp_path / "c.zip", "MP_Data/hello/0/0.npy")) == "signs"
    with pytest.raises(DataError, match=r"holds several data sets: .*: say which one with --dataset smartwatch"):
        recognise(tmp_path)
    (tmp_path / "one").mkdir()
    packed(tmp_path / "one" / "gestures-dataset.zip")
    (tmp_path / "one" / "notes.txt").write_text("About")
    assert recognise(tmp_path / "one") == "smartwatch"


def test_landmarks(tmp_path: Path) -> None:
    (tmp_path / "hello" / "0").mkdir(parents=True)
    np.save(tmp_path / "hello" / "0" / "0.npy", np.zeros(3))
    assert recognise(tmp_path) == "signs"


@pytest.mark.parametrize("name", ["wave/1.csv", "mine.csv", "mine.npz", "A_TRAIN.ts", "wave/p1/1.parquet"])
def test_ones_own(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert recognise(tmp_path) == "files"
    if "/" not in name:
        assert recognise(tmp_path / name) == "files"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "is neither a file nor a folder"),
        ("empty", "holds nothing that is understood. Understood are: a folder a class"),
        ("letter.doc", "letter.doc is not understood"),
        ("other.zip", "is none of the published archives and holds nothing that is understood"),
        ("broken.zip", "is not a zip archive, or is damaged"),
    ],
)
def test_what_is_not_understood(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.doc").touch()
    packed(tmp_path / "other.zip", "a.doc")
    (tmp_path / "broken.zip").write_text("no zip")
    with pytest.raises(DataError, match=message):
        recognise(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nslt_100.json", "{}"),
        ("start_kit/WLASL_v0.3.json", "[]"),
        ("splits/train.csv", "Participant ID,Video file,Gloss,ASL-LEX Code\n"),
    ],
)
def test_lists_of_signs_without_a_clip(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    assert recognise(tmp_path) == "signs"
