from pathlib import Path

import pytest

from data.errors import DataError
from data.files import load
from data.quality.warnings import warnings
from data.sequences import SequenceDataset
from data.source import Source

TEXT = """\
id,gesture,user,time_ms,ax,ay
b,wave,anna,0,1,2
a,clap,bob,0,5,6
b,wave,anna,20,3,4
"""


def read(folder: Path, text: str) -> SequenceDataset:
    path = folder / "mine.csv"
    path.write_text(text)
    return load(Source(path, folder / "cache"))


def test_rows_of_one_sequence_need_not_lie_together(tmp_path: Path) -> None:
    dataset = read(tmp_path, TEXT)
    assert dataset.lengths.tolist() == [2, 1]
    assert dataset.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert [dataset.class_names[k] for k in dataset.labels.tolist()] == ["wave", "clap"]
    assert dataset.groups is not None
    assert [dataset.group_names[k] for k in dataset.groups.tolist()] == ["anna", "bob"]
    assert dataset.sample_rate_hz == pytest.approx(50)
    assert dataset.notes[0].endswith("sequence is 'id', label is 'gesture', person is 'user', time is 'time_ms'")


def test_a_name_that_two_people_use_is_two_sequences(tmp_path: Path) -> None:
    dataset = read(tmp_path, "trial,label,subject,ax\n1,wave,p1,0\n1,clap,p2,1\n1,wave,p1,2\n")
    assert dataset.lengths.tolist() == [2, 1]


def test_a_file_in_a_folder_of_its_own_is_found(tmp_path: Path) -> None:
    read(tmp_path, TEXT)
    assert len(load(Source(tmp_path, tmp_path / "cache"))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,ax\na,1\n", "no column is the label among 'id', 'ax': call the columns 'sequence_id' and 'label'"),
        ("ax,ay\n1,2\n", "no column is the sequence and none the label among 'ax', 'ay'"),
        ("1,2\n3,4\n", "mine.csv has no header that names its columns: call the columns"),
        ("id,label,ax\na,wave,1\na,clap,2\n", "row 3: sequence 'a' is 'clap' here and 'wave' in row 2"),
        ("id,label,ax\na,wave,1\n,clap,2\n", "row 3 names no sequence"),
        ("id,label,ax\na,wave,1\nb,,2\n", "row 3 names no label"),
        ("id,label,ax\na,wave,1\nb,clap,x\n", "row 3, column 'ax': 'x' is not a number"),
        ("id,label,t,ax\na,wave,1,1\nb,clap,0,1\na,wave,0,1\n", "row 4, column 't': time goes back from 1 to 0"),
        ("id,label,ax\na,wave,1\nb,clap,\n", "mine.csv, sequence 'b' holds no value"),
        ("id,label,ax\na,wave,1\nb,wave,1\n", "holds only the class 'wave'"),
        ("id,label,ax\n", "holds a header and no row below it"),
    ],
)
def test_names_the_row(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_a_row_a_sequence_is_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, "id,label,t0,t1\n" + "".join(f"{k},{'ab'[k % 2]},{k},{-k}\n" for k in range(8)))
    assert any(one.startswith("every sequence is a single step") for one in warnings(dataset))


def test_a_label_that_is_missing_further_down(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mine.csv, row 3 names no label: fill it in"):
        read(tmp_path, "id,label,ax\n1,a,1\n1,,2\n2,b,3\n")


def test_the_row_number_of_pandas_is_no_channel(tmp_path: Path) -> None:
    dataset = read(tmp_path, "Unnamed: 0,id,label,ax\n0,1,a,1\n1,2,b,3\n")
    assert dataset.channel_names == ("ax",)


def test_numbers_of_windows_and_devices_are_no_measurements(tmp_path: Path) -> None:
    rows = [f"{w},{w // 4},{'ab'[w % 2]},7,{k % 3},{k % 5}" for w in range(20) for k in range(9)]
    (tmp_path / "w.csv").write_text("\n".join(["window_id,subject_id,label,deviceId,ax,ay", *rows, ""]))
    dataset = load(Source(tmp_path, tmp_path / "cache"))
    assert (len(dataset), dataset.channel_names) == (20, ("ax", "ay"))
    assert any("'deviceId'" in note and note.startswith("left out") for note in dataset.notes)
