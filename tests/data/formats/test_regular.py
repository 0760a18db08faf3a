"""Only regular files of bounded size are read, whatever lies under the name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from data.formats.regular import open_regular, read_regular, refuse_special

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files here")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


SPECIAL: dict[str, Callable[[Path], None]] = {
    "it is a FIFO": os.mkfifo,
    "it is a socket": a_socket,
    "it is a device": lambda path: path.symlink_to("/dev/zero"),
    "Is a directory": lambda path: path.mkdir(),
    "No such file": lambda path: path.symlink_to("nowhere"),
    "Too many levels of symbolic links": lambda path: path.symlink_to(path.name),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", SPECIAL)
def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path, what: str) -> None:
    place = tmp_path / "named.csv"
    SPECIAL[what](place)
    with pytest.raises(OSError, match=what):
        open_regular(place)


@pytest.mark.timeout(20)
def test_a_file_that_becomes_a_fifo_after_the_first_look_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "named.csv"
    place.write_bytes(b"1,2\n")

    def first_look(path: Path, status: os.stat_result, most_bytes: int) -> None:
        refuse_special(path, status, most_bytes)
        if place.is_file():
            place.unlink()
            os.mkfifo(place)

    monkeypatch.setattr("data.formats.regular.refuse_special", first_look)
    with pytest.raises(OSError, match="it is a FIFO"):
        open_regular(place)


def test_a_file_of_the_kernels_that_has_no_size_is_empty() -> None:
    endless = Path("/proc/self/maps")
    if not endless.is_file():
        pytest.skip("there is no /proc here")
    assert read_regular(endless) == b""


def test_a_link_to_a_file_is_read_and_its_size_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"1,2\n")
    (tmp_path / "named.csv").symlink_to("real.csv")
    assert read_regular(tmp_path / "named.csv", most_bytes=4) == b"1,2\n"
    with pytest.raises(OSError, match="it has 4 bytes: at most 3 are read"):
        open_regular(tmp_path / "named.csv", most_bytes=3)
