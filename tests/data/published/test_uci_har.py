import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.formats.archive import Archive
from data.published import uci_har
from data.recognise import recognise
from data.recording import TEST, TRAIN
from data.sequences import SequenceDataset
from data.source import Source

ROOT = "UCI HAR Dataset"
ACTIVITIES = {"train": [1, 1, 6, 1], "test": [2]}
PEOPLE = {"train": [1, 1, 1, 3], "test": [2]}


def column(numbers: list[int]) -> bytes:
    return "".join(f"{number}\n" for number in numbers).encode()


def signal(n_windows: int, channel: int) -> bytes:
    """Window w, step t, channel c has the value w + t / 1000 + c / 10, written as the publisher does."""
    rows = ("".join(f" {w + t / 1000 + channel / 10: .7e}" for t in range(128)) for w in range(n_windows))
    return "".join(f"{row}\n" for row in rows).encode()


def whole() -> dict[str, bytes]:
    names = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"]
    members = {
        "__MACOSX/UCI HAR Dataset/._activity_labels.txt": b"junk",
        f"{ROOT}/README.txt": b"words",
        f"{ROOT}/activity_labels.txt": "".join(f"{k} {name}\n" for k, name in enumerate(names, start=1)).encode(),
    }
    for part in ("train", "test"):
        members[f"{ROOT}/{part}/y_{part}.txt"] = column(ACTIVITIES[part])
        members[f"{ROOT}/{part}/subject_{part}.txt"] = column(PEOPLE[part])
        for channel, name in enumerate(f"{s}_{a}" for s in ("body_acc", "body_gyro", "total_acc") for a in "xyz"):
            members[f"{ROOT}/{part}/Inertial Signals/{name}_{part}.txt"] = signal(len(ACTIVITIES[part]), channel)
    return members


MEMBERS = whole()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(members: dict[str, bytes]) -> SequenceDataset:
    return uci_har.read(Archive(io.BytesIO(packed(members)), "some.zip", uci_har.LIMITS))


def unpack(folder: Path) -> Path:
    for name, content in MEMBERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("above", ["", "archive/"])
def test_a_folder_as_the_archive_unpacks_is_the_archive(tmp_path: Path, above: str) -> None:
    folder = unpack(tmp_path / "mine" / above)
    # Made of the windows, and a text, neither of which is read.
    (folder / ROOT / "train" / "X_train.txt").write_text("0.1 0.2\n" * 4)
    (folder / ROOT / "features.txt").write_text("1 tBodyAcc-mean()-X\n")
    expected = read(MEMBERS)
    for path in (tmp_path / "mine", folder / ROOT):
        assert recognise(path) == "uci-har"
        dataset = uci_har.load(Source(path, tmp_path / "cache"))
        assert dataset.fingerprint == expected.fingerprint
        assert dataset.official is not None
    (folder / ROOT / "test" / "subject_test.txt").write_text("4\n")
    changed = uci_har.load(Source(tmp_path / "mine", tmp_path / "cache"))
    assert changed.group_names == ("1", "3", "4")
    (folder / ROOT / "test" / "y_test.txt").write_text("7\n")
    with pytest.raises(DataError, match=r"y_test.txt, line 1: 7 is not a whole number from 1 to 6"):
        uci_har.load(Source(tmp_path / "mine", tmp_path / "cache"))


def test_reads_both_parts() -> None:
    dataset = read(MEMBERS)
    assert dataset.values.shape == (5 * 128, 9)
    assert dataset.lengths.tolist() == [128] * 5
    assert dataset.labels.tolist() == [0, 0, 5, 0, 1]
    assert dataset.class_names[1] == "walking-upstairs"
    assert dataset.group_names == ("1", "2", "3")
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 0, 0, 2, 1]
    assert dataset.recordings is not None
    assert dataset.recordings.tolist() == [0, 0, 1, 2, 3]
    assert dataset.official is not None
    assert dataset.official.tolist() == [TRAIN] * 4 + [TEST]
    window, step, channel = np.ogrid[:4, :128, :9]
    expected = (window + step / 1000 + channel / 10).reshape(-1, 9)
    np.testing.assert_allclose(dataset.values[: 4 * 128], expected, rtol=1e-6)


def test_an_archive_around_the_archive_is_the_same() -> None:
    around = {"UCI HAR Dataset.zip": packed(MEMBERS), "UCI HAR Dataset.names": b"words"}
    assert read(around).fingerprint == read(MEMBERS).fingerprint


@pytest.mark.parametrize("folder", ["", "somewhere/else/"])
def test_the_folder_may_have_any_name(folder: str) -> None:
    renamed = {name.replace(f"{ROOT}/", folder): content for name, content in MEMBERS.items()}
    assert read(renamed).fingerprint == read(MEMBERS).fingerprint


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        ("activity_labels.txt", b"1 WALKING\n2 RUNNING", "line 2: '2 RUNNING' should be '2 WALKING_UPSTAIRS'"),
        ("activity_labels.txt", MEMBERS[f"{ROOT}/activity_labels.txt"] + b"7 FLYING", "line 7: '7 FLYING' should be"),
        ("activity_labels.txt", b"\xff", "line 1: "),
        ("train/y_train.txt", b"1\n1\n7\n1\n", "y_train.txt', line 3: 7 is not a whole number from 1 to 6"),
        ("train/y_train.txt", b"1\n0\n1\n1\n", "y_train.txt', line 2: 0 is not a whole number"),
        ("train/y_train.txt", b"1\n1.5\n1\n1\n", "y_train.txt', line 2: 1.5 is not a whole number"),
        ("train/y_train.txt", b"1\n-1e30\n1\n1\n", "y_train.txt', line 2: -1e.30 is not a whole number"),
        ("train/y_train.txt", b"", "y_train.txt' is empty"),
        ("train/subject_train.txt", b"1\n1\n1\n", "subject_train.txt' has 3 lines for 4 activities"),
        ("train/subject_train.txt", b"1\n1\n1\n31\n", "line 4: 31 is not a whole number from 1 to 30"),
        ("train/subject_train.txt", b"1\n1\n1\n2\n", "person 2 is in the training and in the test set"),
        ("test/Inertial Signals/body_gyro_y_test.txt", signal(2, 0), "body_gyro_y_test.txt' has 2 lines for 1"),
        ("test/Inertial Signals/body_gyro_y_test.txt", b"1 2 3", "line 1: 3 columns where 128 belong"),
        ("test/Inertial Signals/body_gyro_y_test.txt", signal(1, 0)[:-9] + b"word", "line 1: .* is not a finite"),
        ("test/Inertial Signals/body_gyro_y_test.txt", signal(1, 0)[:-14] + b"nan", "line 1: .*nan' is not a finite"),
    ],
)
def test_names_archive_member_and_line(member: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"some.zip.*{message}"):
        read(MEMBERS | {f"{ROOT}/{member}": content})


@pytest.mark.parametrize("member", [name for name in MEMBERS if name.endswith("_test.txt")])
def test_names_the_member_that_is_missing(member: str) -> None:
    with pytest.raises(DataError, match=f"some.zip has no member '{member}'"):
        read({name: content for name, content in MEMBERS.items() if name != member})


def test_an_archive_of_something_else() -> None:
    with pytest.raises(DataError, match=r"some.zip holds 0 files 'activity_labels.txt': UCI HAR has one"):
        read({"U01/01/01.txt": b""})


@settings(deadline=None, max_examples=50)
@given(
    member=st.sampled_from([name for name in MEMBERS if "test" in name or "labels" in name]),
    content=st.binary(max_size=100) | st.text(alphabet="0123456789 .-e\n", max_size=100).map(str.encode),
)
def test_a_member_of_any_bytes_is_read_or_an_error(member: str, content: bytes) -> None:
    try:
        dataset = read(MEMBERS | {member: content})
    except DataError:
        return
    assert torch.isfinite(dataset.values).all()


@pytest.mark.parametrize("file_name", uci_har.FILE_NAMES)
def test_finds_the_archive_by_any_of_its_names(tmp_path: Path, file_name: str) -> None:
    (tmp_path / file_name).write_bytes(packed(MEMBERS))
    expected = read(MEMBERS).fingerprint
    cache = tmp_path / "cache"
    for source in (Source(tmp_path, cache), Source(tmp_path / file_name, cache), Source(None, tmp_path)):
        assert uci_har.load(source).fingerprint == expected


def test_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no 'UCI HAR Dataset.zip' in .* download it from https://archive.ics.uci.edu"):
        uci_har.load(Source(None, tmp_path))


@pytest.mark.real_data
def test_the_official_archive(real_data: Path, tmp_path: Path) -> None:
    source = Source(real_data, tmp_path)
    dataset = uci_har.load(source)
    assert dataset.official is not None
    assert dataset.official.bincount().tolist() == [7352, 0, 2947]
    assert set(dataset.lengths.tolist()) == {128}
    assert (dataset.n_channels, dataset.n_classes, len(dataset.group_names)) == (9, 6, 30)
    assert dataset.groups is not None
    test_people = sorted(set(dataset.groups[dataset.official == TEST].tolist()))
    assert [int(dataset.group_names[person]) for person in test_people] == [2, 4, 9, 10, 12, 13, 18, 20, 24]
    assert uci_har.load(source).fingerprint == dataset.fingerprint
