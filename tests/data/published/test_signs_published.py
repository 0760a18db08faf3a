"""WLASL and ASL Citizen: their own metadata beside landmark files named by video."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import DataError
from data.formats.folder import Folder
from data.layouts.clips import Listed
from data.published import signs
from data.published.wlasl import list_wlasl
from data.recording import TEST, TRAIN, VALIDATION
from data.sequences import SequenceDataset
from data.source import Source

CLASS_LIST = "0\tbook\n1\tdrink\n2\tcomputer\n"
NSLT_2 = {
    "00001": {"subset": "train", "action": [0, 1, 4]},
    "00002": {"subset": "val", "action": [0, 1, 4]},
    "00003": {"subset": "test", "action": [1, 1, 4]},
    "00004": {"subset": "train", "action": [1, 1, 4]},
    "00005": {"subset": "train", "action": [1, 3, 4]},
}
NSLT_3 = NSLT_2 | {"00006": {"subset": "train", "action": [2, 1, -1]}}


def instance(video: str, split: str, signer: int, first: int = 1, last: int = -1) -> dict[str, Any]:
    return {"video_id": video, "split": split, "signer_id": signer, "frame_start": first, "frame_end": last}


WHOLE = [
    {"gloss": "book", "instances": [instance("00001", "train", 7, 31, 34), instance("00002", "val", 8)]},
    {"gloss": "Drink", "instances": [instance("00003", "test", 7), instance("00004", "train", 10)]},
    {"gloss": "computer", "instances": [instance("00005", "train", 10, 3, 4), instance("00006", "train", 8)]},
]
HEADER = "Participant ID,Video file,Gloss,ASL-LEX Code\n"
CITIZEN = {
    "train.csv": HEADER + "P1,111-BOOK.mp4,BOOK,A_01\nP1,112-CAT 1.mp4,CAT1 ,A_02\n",
    "val.csv": HEADER + "P2,113-BOOK.mp4,BOOK,A_01\n\n",
    "test.csv": HEADER + 'P3,114-CAT.mp4,"CAT1",A_02\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "signs" / "wlasl").mkdir(parents=True)
    return tmp_path / "signs"


def write_videos(folder: Path, videos: Iterable[str], n_frames: int = 4) -> None:
    (folder / "landmarks").mkdir(parents=True, exist_ok=True)
    for number, video in enumerate(videos):
        np.save(folder / "landmarks" / f"{video}.npy", np.arange(n_frames * 3.0).reshape(-1, 3) + number)


def write_wlasl(folder: Path, **metadata: Any) -> None:
    (folder / "wlasl" / "wlasl_class_list.txt").write_text(CLASS_LIST)
    for name, content in metadata.items():
        (folder / "wlasl" / f"{name.replace('WLASL_v03', 'WLASL_v0.3')}.json").write_text(json.dumps(content))


def write_citizen(folder: Path) -> None:
    (folder / "ASL_Citizen" / "splits").mkdir(parents=True)
    for name, content in CITIZEN.items():
        (folder / "ASL_Citizen" / "splits" / name).write_text(content)
    write_videos(folder / "ASL_Citizen", ["111-BOOK", "112-CAT 1", "113-BOOK", "114-CAT"])


def load(folder: Path, **options: Any) -> SequenceDataset:
    return signs.load(Source(folder, folder.parent / "cache", **options))


class TestWlasl:
    """``nslt_<n>.json`` and ``WLASL_v0.3.json``."""

    def test_the_official_split_is_kept(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        write_videos(folder, NSLT_2)
        dataset = load(folder)
        assert dataset.class_names == ("drink", "book")
        assert dataset.labels.tolist() == [1, 1, 0, 0, 0]
        assert dataset.official is not None
        assert dataset.official.tolist() == [TRAIN, VALIDATION, TEST, TRAIN, TRAIN]
        assert dataset.groups is None
        assert dataset.notes[:2] == (
            "WLASL (wlasl/nslt_2.json): of 5 videos 5 are there",
            "recordings cut to the frames that the metadata names: 1",
        )
        assert "who signs is not known" in dataset.notes[-1]

    def test_only_the_frames_of_the_sign_are_used(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        write_videos(folder, NSLT_2)
        dataset = load(folder)
        assert dataset.lengths.tolist() == [4, 4, 4, 4, 2]
        assert dataset.sequence(4)[:, 0].tolist() == [10, 13]

    def test_what_was_cut_before_is_not_cut_again(self, folder: Path) -> None:
        write_wlasl(folder, WLASL_v03=WHOLE)
        write_videos(folder, NSLT_3)
        assert load(folder).lengths.tolist() == [4, 4, 4, 4, 2, 4]

    def test_missing_videos_are_counted(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        write_videos(folder, ["00001", "00004", "00005"])
        dataset = load(folder)
        assert len(dataset) == 3
        assert dataset.notes[0] == (
            "WLASL (wlasl/nslt_2.json): of 5 videos 3 are there; there is no 00002.npy, 00003.npy"
        )

    def test_a_video_that_is_listed_twice_is_in_one_part_only(self, folder: Path) -> None:
        again = {"gloss": "computer", "instances": [*WHOLE[2]["instances"], instance("00001", "test", 7)]}
        write_wlasl(folder, WLASL_v03=[*WHOLE[:2], again])
        write_videos(folder, NSLT_3)
        dataset = load(folder)
        assert len(dataset) == 6
        assert dataset.official is not None
        assert dataset.official.tolist()[0] == TRAIN
        assert dataset.notes[1] == (
            "videos that wlasl/WLASL_v0.3.json lists more than once, of which the first place counts: 1 (00001)"
        )

    def test_signs_that_cannot_be_trained_are_dropped(self, folder: Path) -> None:
        write_wlasl(folder, nslt_3=NSLT_3)
        write_videos(folder, ["00002", "00003", "00004", "00006"])
        dataset = load(folder)
        assert dataset.class_names == ("drink", "computer")
        assert "dropped, since the training set has none of their sign: 1 (book)" in dataset.notes

    @pytest.mark.parametrize(("n_classes", "chosen"), [(None, 3), (2, 2), (3, 3), (77, 3)])
    def test_the_number_of_classes_chooses_the_file(self, folder: Path, n_classes: int | None, chosen: int) -> None:
        write_wlasl(folder, nslt_2=NSLT_2, nslt_3=NSLT_3)
        write_videos(folder, NSLT_3)
        dataset = load(folder, n_classes=n_classes)
        assert dataset.n_classes == chosen
        assert f"wlasl/nslt_{chosen}.json" in dataset.notes[0]

    def test_signers_are_known_from_the_whole(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2, WLASL_v03=WHOLE)
        write_videos(folder, NSLT_3)
        dataset = load(folder)
        assert dataset.n_classes == 2
        assert dataset.group_names == ("wlasl-7", "wlasl-8", "wlasl-10")
        assert dataset.groups is not None
        assert dataset.groups.tolist() == [0, 1, 0, 2, 2]

    def test_the_whole_alone_will_do(self, folder: Path) -> None:
        write_wlasl(folder, WLASL_v03=WHOLE)
        write_videos(folder, NSLT_3)
        dataset = load(folder)
        assert dataset.class_names == ("book", "computer", "drink")
        assert dataset.official is not None
        assert dataset.official.tolist() == [TRAIN, VALIDATION, TEST, TRAIN, TRAIN, TRAIN]

    def test_nothing_to_train_on(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        write_videos(folder, ["00002", "00003"])
        with pytest.raises(DataError, match="recordings of no sign to train on: at least two signs are needed"):
            load(folder)

    def test_no_video_at_all_says_what_was_looked_for(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        with pytest.raises(
            DataError, match=r"holds no recordings.*nslt_2.json\): of 5 videos 0 are there; there is no"
        ):
            load(folder)
        write_videos(folder, ["book_1", "drink_1"])
        with pytest.raises(
            DataError, match=r"recordings of one sign only.*of 5 videos 0 are there; there is no 00001.npy"
        ):
            load(folder)

    def test_two_files_for_one_video(self, folder: Path) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        write_videos(folder, NSLT_2)
        write_videos(folder / "wlasl", ["00003"])
        with pytest.raises(DataError, match=r"00003.npy is the same video as 'landmarks/00003.npy': keep one"):
            load(folder)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("nslt_2.json", "{", "nslt_2.json is not JSON"),
            ("nslt_2.json", "[" * 100_000, "nslt_2.json is not JSON"),
            ("nslt_2.json", "[]", "nslt_2.json should hold an object of videos"),
            ("nslt_2.json", '{"7": {"subset": "train"}}', "nslt_2.json, video '7': it should be"),
            ("nslt_2.json", '{"7": {"subset": "exam", "action": [0, 1, 2]}}', "the part is 'exam'; it must be one of"),
            ("nslt_2.json", '{"7": {"subset": "val", "action": [9, 1, 2]}}', "class 9 is not in wlasl_class_list.txt"),
            ("nslt_2.json", '{"7": {"subset": "val", "action": [0, 5, 2]}}', "frames 5 to 2 are no range"),
            ("wlasl_class_list.txt", "0 book", "line 1: '0 book' is not a new number, tab, gloss"),
            ("wlasl_class_list.txt", "0\tbook\n0\tdrink", "line 2: '0.tdrink' is not a new number"),
            ("WLASL_v0.3.json", "{}", "should hold a list of glosses"),
            ("WLASL_v0.3.json", '[{"gloss": "book"}]', "gloss 1: it should be"),
            (
                "WLASL_v0.3.json",
                '[{"gloss": "a", "instances": [1]}]',
                'gloss 1: an instance should have a text "video_id"',
            ),
            (
                "WLASL_v0.3.json",
                json.dumps([{"gloss": "a", "instances": [{"video_id": "1", "split": "val", "frame_end": "x"}]}]),
                "video '1': frame_start and frame_end should be whole numbers",
            ),
        ],
    )
    def test_metadata_that_cannot_be_understood(self, folder: Path, name: str, content: str, message: str) -> None:
        write_wlasl(folder, nslt_2=NSLT_2)
        (folder / "wlasl" / name).write_text(content)
        with pytest.raises(DataError, match=message):
            load(folder)


class TestAslCitizen:
    """``train.csv``, ``val.csv`` and ``test.csv``."""

    def test_the_official_split_is_kept(self, folder: Path) -> None:
        write_citizen(folder)
        dataset = load(folder)
        assert dataset.class_names == ("book", "cat1")
        assert dataset.labels.tolist() == [0, 1, 0, 1]
        assert dataset.official is not None
        assert dataset.official.tolist() == [TRAIN, TRAIN, VALIDATION, TEST]
        assert dataset.groups is not None
        assert dataset.groups.tolist() == [0, 0, 1, 2]
        assert dataset.group_names == ("asl-citizen-P1", "asl-citizen-P2", "asl-citizen-P3")
        assert dataset.notes[0] == "ASL Citizen (ASL_Citizen/splits/train.csv): of 4 videos 4 are there"

    def test_beside_wlasl_signs_of_one_name_are_one_class(self, folder: Path) -> None:
        write_citizen(folder)
        write_wlasl(folder, WLASL_v03=WHOLE)
        write_videos(folder, NSLT_3)
        dataset = load(folder)
        assert dataset.class_names == ("book", "cat1", "computer", "drink")
        assert dataset.labels.bincount().tolist() == [4, 2, 2, 2]
        assert len(dataset.group_names) == 6
        assert dataset.official is not None
        assert dataset.official.bincount().tolist() == [6, 2, 2]

    def test_it_can_be_left_out(self, folder: Path) -> None:
        write_citizen(folder)
        write_wlasl(folder, WLASL_v03=WHOLE)
        write_videos(folder, NSLT_3)
        dataset = load(folder, asl_citizen=False)
        assert dataset.class_names == ("book", "computer", "drink")
        assert dataset.notes[1] == "ASL Citizen (ASL_Citizen/splits/train.csv) is left out"

    def test_a_video_of_two_parts_stays_in_training(self, folder: Path) -> None:
        write_citizen(folder)
        with (folder / "ASL_Citizen" / "splits" / "val.csv").open("a") as file:
            file.write(CITIZEN["train.csv"].splitlines()[1] + "\n")
        dataset = load(folder)
        assert dataset.official is not None
        assert dataset.official.tolist() == [TRAIN, TRAIN, VALIDATION, TEST]
        assert "more than once, of which the first place counts: 1 (111-BOOK)" in dataset.notes[1]

    def test_left_out_alone_leaves_nothing(self, folder: Path) -> None:
        write_citizen(folder)
        with pytest.raises(DataError, match=r"ASL Citizen \(ASL_Citizen/splits/train.csv\) is left out"):
            load(folder, asl_citizen=False)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("train.csv", HEADER + "P1,,BOOK,A\n", "train.csv, line 2: Participant ID, Video file, Gloss must all be"),
            ("train.csv", HEADER + "P1\n", "train.csv, line 2: Participant ID"),
            ("val.csv", "a,b\n1,2\n", "val.csv: the first line should begin with Participant ID,Video file,Gloss"),
            ("test.csv", HEADER + "P1," + "x" * 200_000 + ",BOOK,A\n", "test.csv, line 2: field larger than"),
        ],
    )
    def test_metadata_that_cannot_be_understood(self, folder: Path, name: str, content: str, message: str) -> None:
        write_citizen(folder)
        (folder / "ASL_Citizen" / "splits" / name).write_text(content)
        with pytest.raises(DataError, match=message):
            load(folder)

    def test_another_train_csv_is_none_of_its(self, folder: Path) -> None:
        write_citizen(folder)
        for name in CITIZEN:
            (folder / "ASL_Citizen" / "splits" / name).write_text("a,b,c\n1,2,3\n")
        with pytest.raises(DataError, match="recordings of one sign only"):
            load(folder)


@pytest.mark.real_data
def test_the_published_metadata(real_data: Path) -> None:
    listing = list_wlasl(Folder(real_data / "wlasl"), None)
    assert listing is not None
    # Table 1 of the paper: WLASL100 has 2,038 videos.
    assert len(listing.recordings) == 2038
    parts = [recording.part for recording in listing.recordings]
    assert [parts.count(part) for part in (TRAIN, VALIDATION, TEST)] == [1442, 338, 258]
    assert len({recording.sign for recording in listing.recordings}) == 100
    assert listing.recordings[0] == Listed("05237", "basketball", TRAIN, None, (1, 55))
