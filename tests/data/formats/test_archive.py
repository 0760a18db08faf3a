import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.formats.archive import Archive, Limits, open_binary, sha256_of

LIMITS = Limits(archive_bytes=100_000, unpacked_bytes=1_000_000, n_members=20)


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def opened(content: bytes, limits: Limits = LIMITS) -> Archive:
    return Archive(io.BytesIO(content), "some.zip", limits)


def with_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def with_a_name_twice() -> bytes:
    content = packed({"a.txt": b"1", "b.txt": b"2"})
    return content.replace(b"b.txt", b"a.txt")


def encrypted() -> bytes:
    """A member whose flags, in the directory, say that it is."""
    content = bytearray(packed({"a.txt": b"1"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def test_lists_files_and_reads_them() -> None:
    left_behind = {"__MACOSX/x/._a.txt": b"", "x/.DS_Store": b"", ".git/config": b""}
    archive = opened(packed({"x/": b"", "x/a.txt": b"hello", "./b": b"", **left_behind}))
    assert archive.members == ("x/a.txt", "./b")
    assert archive.read("x/a.txt") == b"hello"
    assert archive.read("./b") == b""
    with pytest.raises(DataError, match=r"some.zip has no member 'c'"):
        archive.read("c")


def test_a_zip_inside_is_judged_alike() -> None:
    outer = opened(packed({"inner.zip": packed({"a": b"1"}), "bad.zip": packed({"../a": b"1"})}))
    assert outer.nested("inner.zip").read("a") == b"1"
    with pytest.raises(DataError, match=r"some.zip, member 'bad.zip', member '../a': .* refused"):
        outer.nested("bad.zip")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", "not a zip archive"),
        (lambda: b"PK\x05\x06 and nonsense", "not a zip archive"),
        (lambda: packed({"/etc/passwd": b""}), "absolute names"),
        (lambda: packed({"\\\\server\\x": b""}), "absolute names"),
        (lambda: packed({"C:x": b""}), "absolute names"),
        (lambda: packed({"a/../../b": b""}), "names with '..'"),
        (lambda: packed({"a\\..\\b": b""}), "names with '..'"),
        (with_link, "is a link"),
        (with_a_name_twice, "'a.txt' is there twice"),
        (encrypted, "is encrypted"),
        (lambda: packed({"a": b"1"}, zipfile.ZIP_BZIP2), "neither stored nor deflated"),
        (lambda: packed({str(k): b"" for k in range(21)}), "has 21 members: at most 20"),
        (lambda: packed({"a": bytes(500_001), "b": bytes(500_000)}), "unpacks to 1,000,001 bytes: at most 1,000,000"),
        (lambda: packed({"a": bytes(900_000)}), "refused as a zip bomb"),
        (lambda: packed({"a": bytes(100_001)}, zipfile.ZIP_STORED), "at most 100,000 are read"),
    ],
)
def test_refuses_harm_with_a_sentence(content: Callable[[], bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(content())


def test_too_many_members_are_refused_before_they_are_read() -> None:
    entry = struct.pack("<4s24xH16xc", b"PK\x01\x02", 1, b"a")
    assert len(entry) == 47
    content = 50_000 * entry + struct.pack("<4s4x2H2L2x", b"PK\x05\x06", 0, 0, 50_000 * len(entry), 0)
    limits = Limits(archive_bytes=10_000_000, unpacked_bytes=0, n_members=49_999)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"some.zip has 50,000 members: at most 49,999 are read"):
            opened(content, limits)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_member_that_lies_about_its_size_is_not_unpacked() -> None:
    content = packed({"a": bytes(50_000_000)}).replace(struct.pack("<I", 50_000_000), struct.pack("<I", 10))
    archive = opened(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="'a' is damaged"):
            archive.read("a")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_flipped_bit_in_a_member_is_noticed() -> None:
    content = packed({"a": b"1234567"}, zipfile.ZIP_STORED).replace(b"1234567", b"1234568")
    with pytest.raises(DataError, match="member 'a' is damaged: Bad CRC"):
        opened(content).read("a")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_archive_or_an_error(content: bytes) -> None:
    with pytest.raises(DataError):
        opened(content)


WHOLE = packed({"a/b.txt": b"1 2 3\n" * 20, "c": b"4"})


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_are_unnoticed_or_an_error(flips: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, value in flips:
        content[place] = value
    try:
        archive = opened(bytes(content))
        for member in archive.members:
            archive.read(member)
    except DataError:
        pass


def test_a_file_is_hashed_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_binary(tmp_path / "a") as file:
        file.read(2)
        # FIPS 180-2, appendix B.1.
        assert sha256_of(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be opened: Is a directory"), open_binary(tmp_path):
        pass
