"""Arrays and folders from strangers: read to the last number, or an error that names the file."""

from __future__ import annotations

import io
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from data.errors import DataError
from data.formats.folder import Folder
from data.formats.npy import read_npy


def saved(array: Any, *, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version=version)
    return buffer.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


class TestArrays:
    """What ``numpy.save`` writes, as far as it is real numbers."""

    @given(
        st.sampled_from(["<f8", ">f4", "<f2", "<i4", "|u1"]),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=4),
        st.sampled_from([(1, 0), (2, 0)]),
        st.booleans(),
    )
    def test_any_real_numbers_are_read(
        self, dtype: str, shape: tuple[int, ...], version: tuple[int, int], is_fortran: bool
    ) -> None:
        array = (np.arange(math.prod(shape)) / 2).reshape(shape).astype(dtype)
        written = np.asfortranarray(array) if is_fortran else array
        values = read_npy(saved(written, version=version), "here")
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, array.astype(np.float32))

    def test_an_empty_array_is_an_array(self) -> None:
        assert read_npy(saved(np.empty((0, 258))), "here").shape == (0, 258)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is not an array as numpy.save writes it, or is damaged"),
            (b"1,2,3\n", "is not an array as numpy.save writes it"),
            (b"PK\x03\x04", "is not an array as numpy.save writes it"),
            (saved(np.zeros(4))[:-1], r"is damaged: an array of shape \(4,\) takes 32 bytes, there are 31"),
            (saved(np.zeros(4)) + b"\0", "takes 32 bytes, there are 33"),
            (
                header("{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 258)}\n"),
                "is damaged: an array",
            ),
            (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -4)}\n") + b"\0" * 32, "is damaged"),
            (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"cos\nsystem\n", "'object'"),
            (saved(np.array(["a"])), "holds '<U1': it should hold real numbers"),
            (saved(np.array([1j])), "holds 'complex128'"),
            (saved(np.array([True])), "holds 'bool'"),
            (saved(np.array([1.0, np.nan])), r"nan at \[1\] is not a finite number"),
            (saved(np.array([[1.0, 2.0], [-np.inf, 1.0]])), r"-inf at \[1, 0\] is not a finite number"),
            (saved(np.array([1e300])), r"inf at \[0\] is not a finite number"),
        ],
    )
    def test_anything_else_is_an_error(self, content: bytes, message: str) -> None:
        with pytest.raises(DataError, match=f"^some file.*{message}"):
            read_npy(content, "some file")

    @given(st.binary(max_size=60), st.integers(0, 140))
    def test_any_bytes_are_answered(self, noise: bytes, position: int) -> None:
        whole = saved(np.zeros((2, 3)))
        for content in (
            noise,
            whole[:position] + noise + whole[position + len(noise) :],
            header(noise.decode("latin1")),
        ):
            with suppress(DataError):
                assert np.isfinite(read_npy(content, "here")).all()


class TestFolder:
    """Names, content, and whether something has changed."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("b/2.npy", "b/1.npy", "a.txt", ".hidden/x", "__MACOSX/y", "b/.DS_Store"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(name.encode())
        (tmp_path / "empty" / "inside").mkdir(parents=True)
        return tmp_path

    def test_members_are_sorted_and_hidden_ones_left_out(self, folder: Path) -> None:
        assert Folder(folder).members == ("a.txt", "b/1.npy", "b/2.npy")
        assert Folder(folder).empty_folders == ["empty/inside"]
        assert Folder(folder).read("b/1.npy") == b"b/1.npy"

    def test_the_fingerprint_is_of_names_sizes_and_times(self, folder: Path) -> None:
        before = Folder(folder).fingerprint(".npy")
        (folder / "a.txt").write_bytes(b"other")
        assert Folder(folder).fingerprint(".npy") == before
        os.utime(folder / "b" / "1.npy", ns=(1, 1))
        assert Folder(folder).fingerprint(".npy") != before

    def test_a_link_to_a_folder_leads_nowhere(self, folder: Path) -> None:
        (folder / "loop").symlink_to(folder)
        (folder / "dangling.npy").symlink_to(folder / "nothing")
        assert Folder(folder).members == ("a.txt", "b/1.npy", "b/2.npy")

    def test_what_is_gone_is_told(self, folder: Path) -> None:
        tree = Folder(folder)
        (folder / "a.txt").unlink()
        with pytest.raises(DataError, match=r"a\.txt cannot be read: No such file"):
            tree.read("a.txt")

    def test_what_lies_too_deep_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "/".join("d" * 60)).mkdir(parents=True)
        with pytest.raises(DataError, match="more than 50 folders deep"):
            Folder(tmp_path)
