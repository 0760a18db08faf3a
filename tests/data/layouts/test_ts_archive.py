from pathlib import Path

import pytest

from data.errors import DataError
from data.files import load
from data.sequences import SequenceDataset
from data.source import Source
from data.splits.split import make_split

HEAD = """\
# A description, with an \u00fc.
@problemName Mine
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true wave clap
@data
"""
TRAIN = HEAD + "1,2,3:4,?,6:wave\n7:8:clap\n9,1:9,2:wave\n9,2:9,3:clap\n"
TEST = HEAD + "5,5:6,NaN:clap\n"


def write(folder: Path, train: str = TRAIN, test: str | None = TEST) -> Path:
    (folder / "Mine_TRAIN.ts").write_text(train, encoding="latin-1")
    if test is not None:
        (folder / "Mine_TEST.ts").write_text(test, encoding="latin-1")
    return folder


def read(path: Path) -> SequenceDataset:
    return load(Source(path, path.parent / "cache"))


@pytest.mark.parametrize("named", ["", "Mine_TRAIN.ts", "Mine_TEST.ts"])
def test_both_halves_are_found_whichever_is_named(tmp_path: Path, named: str) -> None:
    dataset = read(write(tmp_path) / named)
    assert dataset.lengths.tolist() == [3, 1, 2, 2, 2]
    assert dataset.class_names == ("clap", "wave")
    assert dataset.sequence(0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert dataset.sequence(4).tolist() == [[5, 6], [5, 6]]
    assert dataset.official is not None
    assert dataset.official.tolist() == [0, 0, 0, 0, 2]
    split = make_split(dataset, validation_fraction=0.5)
    assert (split.kind, split.test.tolist()) == ("official", [4])
    assert sorted([*split.train.tolist(), *split.validation.tolist()]) == [0, 1, 2, 3]


def test_half_of_a_pair(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, test=None))
    assert dataset.official is None
    assert any("its other half" in note for note in dataset.notes)


def test_a_folder_with_two_problems(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Other.ts").write_text(TRAIN)
    with pytest.raises(DataError, match=r"holds several files to read \(Mine_TEST.ts, Other.ts\)"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("@timeStamps false", "@timeStamps true", "line 3: values with time stamps are not read"),
        ("@timeStamps false", "@timeStamps", "line 3: 'true' or 'false' is missing"),
        ("@classLabel true wave clap", "@classLabel false", "line 8: the cases have no class"),
        ("@classLabel true wave clap", "@targetLabel true", "line 8: the targets are numbers to predict"),
        ("@classLabel true wave clap", "", "line 9: no line '@classLabel true ...' stands above"),
        ("@classLabel true wave clap", "@classLabel true wave wave", "line 8 names a class twice"),
        ("@data", "", "line 10: '1,2,3:4,.,6:wave' stands above '@data'"),
        ("7:8:clap", "7:8:jump", "line 11: 'jump' is none of the classes wave, clap"),
        ("7:8:clap", "7:8:", "line 11: '' is none of the classes"),
        ("7:8:clap", "7,8:8:clap", "line 11: the channels have 1 to 2 values"),
        ("7:8:clap", "7:clap", "line 11 has 1 channels, and .*line 10 has 2"),
        ("7:8:clap", "7,x:8,8:clap", "line 11, row 2, column 'channel_1': 'x' is not a number"),
        ("7:8:clap", "7:inf:clap", "line 11, row 1, column 'channel_2': 'inf' is not finite"),
        ("7:8:clap", "(0,7):(0,8):clap", "line 11: values with time stamps"),
        ("7:8:clap", "clap", "line 11 is no case"),
        ("7:8:clap", "?:?:clap", "line 11 holds no value"),
    ],
)
def test_names_file_and_line(tmp_path: Path, line: str, instead: str, message: str) -> None:
    assert line in TRAIN
    with pytest.raises(DataError, match=f"Mine_TRAIN.ts, {message}"):
        read(write(tmp_path, TRAIN.replace(line, instead)))


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no line '@data'"):
        read(write(tmp_path, ""))
