import os
import re
from pathlib import Path

import pytest
import torch

from data.errors import DataError
from data.files import load
from data.layouts.class_folders import find_samples
from data.recording import CHECK
from data.sequences import SequenceDataset
from data.source import Source

TEXT = "time,ax,ay\n0,1,2\n0.1,3,4\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def read(root: Path, files: dict[str, str]) -> SequenceDataset:
    return load(Source(write(root / "mine", files), root / "cache"))


def test_a_folder_a_class(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"wave/take10.csv": TEXT, "wave/take9.csv": TEXT + "0.2,5,6\n", "clap/a.csv": TEXT})
    assert dataset.class_names == ("clap", "wave")
    assert dataset.labels.tolist() == [0, 1, 1]
    assert dataset.lengths.tolist() == [2, 3, 2]
    assert dataset.channel_names == ("ax", "ay")
    assert dataset.sequence(1).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert dataset.sample_rate_hz == pytest.approx(10)
    assert (dataset.kind, dataset.groups, dataset.official) == ("gesture", None, None)


def test_columns_in_another_order_are_put_right(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a/1.csv": "ax,ay\n1,2\n", "b/1.csv": "ay;ax\n4;3\n"})
    assert dataset.values.tolist() == [[1, 2], [3, 4]]


def test_columns_that_name_the_class_or_the_sequence_are_no_channels(tmp_path: Path) -> None:
    text = ",label,user,ax\n0,{0},{1},5\n1,{0},{1},6\n"
    dataset = read(tmp_path, {f"{c}/{p}.csv": text.format(c, p) for c in ("wave", "clap") for p in ("anna", "bob")})
    assert dataset.channel_names == ("ax",)
    assert dataset.group_names == ("anna", "bob")
    assert any("'label', 'row number'" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        (["wave/p01/1.csv", "wave/p02/1.csv", "clap/p01/1.csv"], {"p01", "p02"}),
        (["subject_a/wave/1.csv", "subject_b/wave/1.csv", "subject_a/clap/1.csv"], {"subject_a", "subject_b"}),
        (["wave/u1_1.csv", "wave/u2-1.csv", "clap/U1_1.csv", "clap/u2_2.csv"], {"u1", "u2"}),
        (["wave/s01_1.csv", "wave/s02_1.csv", "clap/s03_1.csv"], None),
        (["wave/take 1/data.csv", "wave/take 2/data.csv", "clap/take 1/data.csv"], None),
        (["wave/001/data.csv", "clap/002/data.csv"], None),
        (["wave/p1/take 1/data.csv", "wave/p2/take 1/data.csv", "clap/p1/take 2/data.csv"], {"p1", "p2"}),
    ],
)
def test_people_are_taken_from_folders_and_names_only_where_that_is_clear(
    tmp_path: Path, files: list[str], groups: set[str] | None
) -> None:
    samples, _ = find_samples(write(tmp_path, dict.fromkeys(files, TEXT)))
    assert {sample.label for sample in samples} == {"wave", "clap"}
    assert ({sample.person for sample in samples} - {None} or None) == groups


SENSORS = ("Accelerometer", "Gyroscope", "Metadata")


@pytest.mark.parametrize(
    ("takes", "groups"),
    [
        ([f"{c}-2023-05-0{k}_10-00-03" for c in ("wave", "clap") for k in (1, 2)], set()),
        ([f"export/{c}-2023-05-0{k}_10-00-03" for c in ("wave", "clap") for k in (1, 2)], set()),
        ([f"{c} 2023-05-0{k} 10.00.03" for c in ("wave", "clap") for k in (1, 2)], set()),
        ([f"{c}_20230501T10000{k}Z" for c in ("wave", "clap") for k in (1, 2)], set()),
        ([f"{c}_{k}" for c in ("wave", "clap") for k in (1, 2)], set()),
        ([f"P0{k}/{c}-2023-05-0{k}_10-00-03" for c in ("wave", "clap") for k in (1, 2)], {"P01", "P02"}),
    ],
)
def test_folders_of_sensors_that_are_called_after_their_class(
    tmp_path: Path, takes: list[str], groups: set[str]
) -> None:
    dataset = read(tmp_path, {f"{take}/{one}.csv": TEXT for take in takes for one in SENSORS})
    assert dataset.class_names == ("clap", "wave")
    assert len(dataset) == 4
    assert dataset.channel_names == ("Accelerometer ax", "Accelerometer ay", "Gyroscope ax", "Gyroscope ay")
    assert set(dataset.group_names) == groups
    assert "a folder of sensors a sequence, called after its class" in dataset.notes[0]
    assert any(note.startswith(f"{CHECK}the class is taken from the names, 'clap'") for note in dataset.notes)


def test_folders_that_tell_when_and_not_what(tmp_path: Path) -> None:
    takes = [f"2023-05-0{k}_10-00-03" for k in (1, 2, 3)]
    with pytest.raises(DataError, match=r"tells when and not what: put the class in front of it .walk-2023"):
        read(tmp_path, {f"{take}/{one}.csv": TEXT for take in takes for one in SENSORS})


def test_a_folder_a_person_with_the_class_in_the_names(tmp_path: Path) -> None:
    files = dict.fromkeys([f"P0{k}/{c}_{n}.csv" for k in (1, 2) for c in ("wave", "clap") for n in (1, 2)], TEXT)
    dataset = read(tmp_path, files)
    assert (dataset.class_names, dataset.group_names) == (("clap", "wave"), ("P01", "P02"))
    assert load(Source(tmp_path, tmp_path)).group_names == ("P01", "P02")
    by_folder = load(Source(tmp_path / "mine", tmp_path, label_from="folder"))
    assert by_folder.class_names == ("P01", "P02")


def test_names_that_tell_the_milliseconds_and_a_gesture_of_one_person(tmp_path: Path) -> None:
    names = ["At Rest_1557877157028_446", "Zorro _Z__1557877158056_190", "Zorro _Z__1557877159056_19"]
    own = ["P02/Robot_1557877160056_200.csv"]
    dataset = read(tmp_path, dict.fromkeys([f"P0{k}/{name}.csv" for k in (1, 2) for name in names] + own, TEXT))
    assert (dataset.class_names, dataset.group_names) == (("At Rest", "Robot", "Zorro _Z"), ("P01", "P02"))


def test_a_column_names_the_class_before_the_names_of_files_do(tmp_path: Path) -> None:
    files = {f"P0{k}/rec_{c[0]}{k}.csv": f"ax,label\n1,{c}\n2,{c}\n" for k in (1, 2) for c in ("wave", "clap")}
    dataset = read(tmp_path, files)
    assert (dataset.class_names, dataset.group_names) == (("clap", "wave"), ("P01", "P02"))
    assert any("the class is taken from the column 'label'" in note for note in dataset.notes)


def test_blanks_around_the_names_of_folders(tmp_path: Path) -> None:
    files = ["wave/P1 /1.csv", "wave/p1/2.csv", "wave/P2/1.csv", "clap/P1/1.csv", "clap /P2/2.csv", "clap/P1/3.csv"]
    dataset = read(tmp_path, dict.fromkeys(files, TEXT))
    assert (dataset.class_names, dataset.group_names) == (("clap", "wave"), ("P1", "P2"))


def test_train_and_test_folders_are_a_split(tmp_path: Path) -> None:
    files = [f"{part}/{c}/p{k}/1.csv" for k, part in enumerate(("train", "Test")) for c in ("wave", "clap")]
    dataset = read(tmp_path, dict.fromkeys(files, TEXT))
    assert dataset.class_names == ("clap", "wave")
    assert dataset.official is not None
    assert dataset.official.tolist() == [2, 2, 0, 0]
    assert dataset.group_names == ("p0", "p1")


def test_a_folder_around_everything_is_passed_over(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"data/raw/wave/p1/1.csv": TEXT, "data/raw/clap/p2/1.csv": TEXT})
    assert dataset.class_names == ("clap", "wave")
    assert dataset.group_names == ("p1", "p2")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["wave/anna/1.csv", "wave/bob/1.csv", "clap/anna/1.csv"], "not clear which folder is the class"),
        (["wave/1.csv", "clap/p1/1.csv"], "holds 'wave/1.csv' and 'clap/p1/1.csv': all files must lie equally deep"),
        (["wave/a/b/1.csv", "clap/a/b/1.csv"], "'clap/a/b' are too many folders"),
        (
            ["wave/r1/Accelerometer.csv", "wave/r1/Gyroscope.csv", "clap/r1/Gravity.csv"],
            "clap/r1 has no 'Accelerometer', which others have: no sensor is there in every take",
        ),
        (["train/1.csv", "test/1.csv"], "below train and test there must be a folder a class"),
        (["wave/p1/1.csv", "wave/p2/1.csv"], "holds only the class 'wave': a classifier needs at least two"),
        (["wave/1.csv", "wave/2.csv"], "holds only the class 'wave': a classifier needs at least two"),
        (["1.csv", "2.csv"], "holds several files to read .1.csv, 2.csv."),
        (["wave/1.doc"], "holds nothing that is understood. Understood are: a folder a class"),
    ],
)
def test_folders_that_cannot_be_understood(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, dict.fromkeys(files, TEXT))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,ax,ay\n0,1,2\n1,abc,2\n", "b/1.csv, row 3, column 'ax': 'abc' is not a number"),
        ("time,ax,ay\n2,1,2\n1,1,2\n", "b/1.csv, row 3, column 'time': time goes back from 2 to 1"),
        ("time,ax,az\n0,1,2\n", "b/1.csv has the columns 'time', 'ax', 'az' and .*a/1.csv 'time', 'ax', 'ay'"),
        ("0,1,2.5\n", "a/1.csv has a header and .*b/1.csv has none"),
        ("time,ax,ay\n0,,\n", "b/1.csv holds no value: take it out"),
        ("", "b/1.csv is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, {"a/1.csv": TEXT, "b/1.csv": content})


def test_a_file_of_two_people(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a/1\.csv is of 'anna' and 'bob' by its column 'user'"):
        read(tmp_path, {"a/1.csv": "user,ax\nanna,1\nbob,2\n", "b/1.csv": "user,ax\nanna,1\n"})


def test_a_link_to_a_folder_that_holds_it(tmp_path: Path) -> None:
    write(tmp_path / "mine", {"wave/1.csv": TEXT})
    (tmp_path / "mine" / "wave" / "again").symlink_to(tmp_path / "mine")
    with pytest.raises(DataError, match="wave/again is a link to a folder that holds it"):
        load(Source(tmp_path / "mine", tmp_path))


def test_names_that_cannot_be_printed(tmp_path: Path) -> None:
    write(tmp_path / "mine", {"wave/1.csv": TEXT, "cl\x1b[2Jap/1.csv": TEXT})
    with pytest.raises(DataError, match=r"the name 'cl.x1b.2Jap' cannot be printed: rename it"):
        load(Source(tmp_path / "mine", tmp_path))


def test_what_is_no_file(tmp_path: Path) -> None:
    write(tmp_path / "mine", {"wave/1.csv": TEXT})
    os.mkfifo(tmp_path / "mine" / "wave" / "2.csv")
    with pytest.raises(DataError, match=r"2.csv is no plain file"):
        load(Source(tmp_path / "mine", tmp_path))
    (tmp_path / "mine" / "wave" / "2.csv").unlink()
    (tmp_path / "mine" / "wave" / "2.csv").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"2.csv cannot be read: No such file"):
        load(Source(tmp_path / "mine", tmp_path))


def test_text_files_are_read_only_where_there_is_no_table(tmp_path: Path) -> None:
    rows = "1 2\n3 4\n"
    assert len(read(tmp_path, {"a/1.txt": rows, "b/1.txt": rows, "readme.txt": "About"})) == 2
    dataset = read(tmp_path / "other", {"a/1.csv": TEXT, "b/1.csv": TEXT, "a/notes.txt": "About"})
    assert len(dataset) == 2


def test_what_lies_beside_the_folders_is_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a/1.csv": TEXT, "b/1.csv": TEXT, "labels.csv": "a,b\n", ".hidden/1.csv": "x"})
    assert any(re.search("1 table beside the folders is not read, such as 'labels.csv'", n) for n in dataset.notes)


def test_gaps_are_filled_and_told(tmp_path: Path) -> None:
    files = {
        "a/1.csv": "ax,ay\n1,\n,\n3,\n,\n",
        "b/1.csv": "ax,ay\n,4\n5,6\n",
    }
    dataset = read(tmp_path, files)
    assert dataset.lengths.tolist() == [3, 2]
    assert dataset.values.tolist() == [[1, 5], [2, 5], [3, 5], [5, 4], [5, 6]]
    assert torch.isfinite(dataset.values).all()
    assert dataset.notes[-3:] == (
        "1 steps without any value at the ends of sequences were dropped",
        "missing values: 5 of 10 (50.0%), filled in from their neighbours",
        "1 times a channel is missing throughout a sequence: it was given the channel's mean there",
    )
    with pytest.raises(DataError, match="the channel 'ay' holds no value at all"):
        read(tmp_path / "none", {"a/1.csv": "ax,ay\n1,\n", "b/1.csv": "ax,ay\n2,\n"})


def test_long_recordings_are_cut_into_windows_where_the_rate_is_known(tmp_path: Path) -> None:
    rows = "\n".join(f"{k * 0.1:.1f},{k},{-k}" for k in range(1200))
    dataset = read(tmp_path, {f"{c}/1.csv": f"time,ax,ay\n{rows}\n" for c in "ab"})
    assert dataset.kind == "activity"
    assert set(dataset.lengths.tolist()) == {40}
    assert dataset.recordings is not None
    assert dataset.recordings.bincount().tolist() == [59, 59]
    assert "2 of them were cut into 118 windows of 4 s" in dataset.notes[-1]
    without_time = "\n".join(f"{k},{-k}" for k in range(1200))
    whole = read(tmp_path / "whole", {f"{c}/1.csv": f"ax,ay\n{without_time}\n" for c in "ab"})
    assert whole.lengths.tolist() == [1200, 1200]
    assert "not cut (median 1,200 steps), since the sample rate is not known" in whole.notes[-1]


def test_rates_that_differ_are_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a/1.csv": "ms,ax\n0,1\n20,2\n", "b/1.csv": "ms,ax\n0,1\n10,2\n"})
    assert any("differs between sequences, from 50 to 100" in note for note in dataset.notes)


def test_sessions_of_people_hold_files_that_are_called_after_their_class(tmp_path: Path) -> None:
    names = [f"subject{p}/session{s}/{c}.csv" for p in (1, 2, 3) for s in (1, 2) for c in ("walk", "run")]
    dataset = read(tmp_path, dict.fromkeys(names, TEXT))
    assert dataset.class_names == ("run", "walk")
    assert dataset.group_names == ("subject1", "subject2", "subject3")
    assert any(note.startswith(f"{CHECK}the class is taken from the names, 'run'") for note in dataset.notes)


def test_what_stands_behind_a_date_is_not_of_the_class(tmp_path: Path) -> None:
    names = [f"{c}_2023-05-0{d}_{who}.csv" for c in ("walk", "run") for d in (1, 2) for who in ("anna", "ben")]
    assert read(tmp_path, dict.fromkeys(names, TEXT)).class_names == ("run", "walk")
    dated = [f"2023-05-0{d} {c}.csv" for c in ("walk", "run") for d in (1, 2)]
    assert read(tmp_path / "dated", dict.fromkeys(dated, TEXT)).class_names == ("run", "walk")
