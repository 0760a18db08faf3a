import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.formats.archive import Archive
from data.published import smartwatch
from data.published.download import Published
from data.sequences import SequenceDataset
from data.source import Source

LINE = b"1384186054309 78952598976553 1452892000000 1.5 -0.25 10.5\n"


def sample(*accelerations: float) -> bytes:
    return b"".join(b"1384186054309 1 2 %.6f 0.5 9.81\n" % x for x in accelerations)


MEMBERS = {
    "gestures-dataset/gestures.png": b"a picture",
    "gestures-dataset/U02/20/01.txt": sample(3),
    "gestures-dataset/U01/02/02.txt": sample(4, 5),
    "gestures-dataset/U01/02/01.txt": LINE * 3,
}


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(members: dict[str, bytes]) -> SequenceDataset:
    return smartwatch.read(Archive(io.BytesIO(packed(members)), "some.zip", smartwatch.LIMITS))


def test_reads_samples_in_the_order_of_person_gesture_and_take() -> None:
    dataset = read(MEMBERS)
    assert dataset.lengths.tolist() == [3, 2, 1]
    assert dataset.labels.tolist() == [1, 1, 19]
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 0, 1]
    assert dataset.group_names == ("U01", "U02")
    assert dataset.sequence(0).tolist() == [[1.5, -0.25, 10.5]] * 3
    assert dataset.values[3:, 0].tolist() == [4, 5, 3]
    assert dataset.notes == ()
    assert read(dict(reversed(MEMBERS.items()))).fingerprint == dataset.fingerprint


def test_byte_copies_are_dropped_and_told() -> None:
    copies = {f"U03/07/{take:02}.txt": LINE * 3 for take in range(1, 8)}
    dataset = read(MEMBERS | copies)
    assert len(dataset) == 3
    assert dataset.group_names == ("U01", "U02")
    assert dataset.notes[0] == ("'U03/07/01.txt' is a byte copy of 'gestures-dataset/U01/02/01.txt' and was dropped")
    assert dataset.notes[-1] == "2 more byte copies were dropped"


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        ("U01/01/01.txt", b"", "member 'U01/01/01.txt' is empty"),
        ("U01/01/01.txt", LINE + LINE[:40], "member 'U01/01/01.txt', line 2: 3 columns where 6 belong"),
        ("U01/01/01.txt", LINE + LINE.replace(b"1.5", b"word"), "line 2: 'word' is not a finite number"),
        ("U01/01/01.txt", LINE.replace(b"1.5", b"nan"), "line 1: 'nan' is not a finite number"),
        ("U01/01/01.txt", LINE.replace(b"1.5", b"-inf"), "line 1: '-inf' is not a finite number"),
        ("U01/00/01.txt", LINE, "'U01/00/01.txt': gesture 00 is none of 01 to 20"),
        ("U01/21/01.txt", LINE, "'U01/21/01.txt': gesture 21 is none of 01 to 20"),
        ("U01/01/1.txt", LINE, "'U01/01/1.txt' is not a sample"),
        ("U01/notes.txt", LINE, "'U01/notes.txt' is not a sample"),
        ("U01/02/01.txt", LINE, "'U01/02/01.txt' is the same take as 'gestures-dataset/U01/02/01.txt'"),
    ],
)
def test_names_archive_member_and_line(member: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"some.zip, .*{message}"):
        read(MEMBERS | {member: content})


def test_an_archive_of_something_else_holds_no_gesture() -> None:
    with pytest.raises(DataError, match=r"some.zip holds no gesture"):
        read({"UCI HAR Dataset/activity_labels.txt": b"1 WALKING"})


@settings(deadline=None)
@given(st.binary(max_size=100) | st.text(alphabet="0123456789 .-e\n", max_size=100).map(str.encode))
@example(LINE)
def test_a_member_of_any_bytes_is_read_or_an_error(content: bytes) -> None:
    try:
        dataset = read(MEMBERS | {"U09/01/01.txt": content})
    except DataError:
        return
    assert torch.isfinite(dataset.values).all()


class TestWhereItLooks:
    """The archive named by the user, the one in the cache folder, the publisher."""

    @pytest.fixture
    def archive(self) -> bytes:
        return packed(MEMBERS)

    @pytest.fixture
    def published(self, archive: bytes) -> Published:
        sha256 = hashlib.sha256(archive).hexdigest()
        return replace(smartwatch.PUBLISHED, url="http://127.0.0.1:1/", n_bytes=len(archive), sha256=sha256)

    @pytest.fixture(autouse=True)
    def no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def test_in_the_folder_that_was_named(self, tmp_path: Path, archive: bytes, published: Published) -> None:
        (tmp_path / "gestures-dataset.zip").write_bytes(archive)
        source = Source(tmp_path, tmp_path / "cache")
        first, second = smartwatch.load(source, published), smartwatch.load(source, published)
        assert len(first) == 3
        assert second.fingerprint == first.fingerprint
        assert first.notes == second.notes == ()

    def test_the_file_that_was_named_need_not_be_the_published_one(self, tmp_path: Path, archive: bytes) -> None:
        (tmp_path / "mine.zip").write_bytes(archive)
        dataset = smartwatch.load(Source(tmp_path / "mine.zip", tmp_path / "cache"))
        assert f"{tmp_path / 'mine.zip'} is not the published archive: its sha256 is" in dataset.notes[0]

    def test_a_damaged_file_that_was_named(self, tmp_path: Path, archive: bytes) -> None:
        path = tmp_path / "gestures-dataset.zip"
        path.write_bytes(archive[:-30])
        with pytest.raises(DataError, match=f"{path} is not a zip archive, or is damaged"):
            smartwatch.load(Source(tmp_path, tmp_path / "cache"))

    def test_in_the_cache_folder(self, tmp_path: Path, archive: bytes, published: Published) -> None:
        cache = tmp_path / "cache"
        cache.mkdir()
        (cache / "gestures-dataset.zip").write_bytes(archive)
        dataset = smartwatch.load(Source(tmp_path, cache), published)
        assert dataset.notes == (f"{tmp_path} holds no gestures-dataset.zip: the copy in {cache} was read",)
        assert smartwatch.load(Source(None, cache), published).notes == ()

    def test_a_damaged_copy_in_the_cache_folder_is_refused(self, tmp_path: Path, published: Published) -> None:
        path = tmp_path / "gestures-dataset.zip"
        path.write_bytes(b"half of it")
        with pytest.raises(DataError, match=f"{path} is not what was published: .* Delete it"):
            smartwatch.load(Source(None, tmp_path), published)

    def test_offline_says_what_to_put_where(self, tmp_path: Path, published: Published) -> None:
        with pytest.raises(DataError, match=r"Put gestures-dataset.zip \(.* bytes, sha256 .* --data-path"):
            smartwatch.load(Source(None, tmp_path), published)

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="nowhere is neither a file nor a folder"):
            smartwatch.load(Source(tmp_path / "nowhere", tmp_path))


@pytest.mark.real_data
def test_the_published_archive(real_data: Path, tmp_path: Path) -> None:
    source = Source(real_data, tmp_path)
    dataset = smartwatch.load(source)
    assert len(dataset) == 3250
    assert (int(dataset.lengths.min()), int(dataset.lengths.median()), int(dataset.lengths.max())) == (10, 19, 51)
    assert dataset.n_classes == 20
    assert dataset.labels.bincount(minlength=20).min() >= 160
    assert dataset.group_names == tuple(f"U0{k}" for k in range(1, 9))
    assert dataset.notes == (
        "'gestures-dataset/U02/14/01.txt' is a byte copy of 'gestures-dataset/U02/13/20.txt' and was dropped",
    )
    # The first line of U01/01/01.txt.
    assert dataset.values[0].tolist() == pytest.approx([1.532289, -0.919373, 10.113108])
    # If this fails the reader's result has changed: raise READER_VERSION, or old caches will be believed.
    assert (smartwatch.READER_VERSION, dataset.fingerprint[:16]) == (1, "85e36472692de876")
    assert smartwatch.load(source).fingerprint == dataset.fingerprint


@pytest.mark.real_data
def test_the_published_hash(real_data: Path) -> None:
    content = (real_data / "gestures-dataset.zip").read_bytes()
    assert len(content) == smartwatch.PUBLISHED.n_bytes
    assert hashlib.sha256(content).hexdigest() == smartwatch.PUBLISHED.sha256
