"""Data for several processes: the same after its way through a file, once in memory, and nothing left on disk."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation
from tests.hard_parts import HardParts
from tune.training.sharing import share, shared, take

if TYPE_CHECKING:
    from tune.training.splits import Splits

DTYPES = (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool, torch.uint8)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows keeps a mapped file")


def there_and_back(value: object, folder: Path) -> object:
    return take(share(value, folder / "data.pt"), folder / "data.pt")


@given(
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=4),
    dtype=st.sampled_from(DTYPES),
    plain=st.recursive(st.none() | st.integers() | st.text() | st.floats(allow_nan=False), st.lists, max_leaves=5),
)
def test_tensors_and_what_is_around_them_come_back(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], dtype: torch.dtype, plain: object
) -> None:
    tensors = [torch.randint(0, 2, shape).to(dtype) for shape in shapes]
    found = there_and_back({"tensors": tensors, "plain": plain}, tmp_path_factory.mktemp("data"))
    assert isinstance(found, dict)
    assert found["plain"] == plain
    assert [(one.shape, one.dtype) for one in found["tensors"]] == [(one.shape, one.dtype) for one in tensors]
    assert all(torch.equal(one, other) for one, other in zip(found["tensors"], tensors, strict=True))


def test_a_tensor_that_is_in_two_places_is_stored_once(tmp_path: Path) -> None:
    one = torch.randn(50_000)
    found = there_and_back([one, {"again": one}, one[:10]], tmp_path)
    assert isinstance(found, list)
    assert found[0] is found[1]["again"]
    assert found[2].data_ptr() == found[0].data_ptr()
    assert (tmp_path / "data.pt").stat().st_size < 1.1 * 4 * len(one)


def test_what_is_written_to_a_taken_tensor_stays_in_the_process(tmp_path: Path) -> None:
    described = share(torch.zeros(1000), tmp_path / "data.pt")
    mine: Tensor = take(described, tmp_path / "data.pt")
    mine += 1
    assert float(take(described, tmp_path / "data.pt").sum()) == 0


@POSIX
def test_the_file_may_go_once_it_is_taken(tmp_path: Path) -> None:
    values = torch.randn(300_000)
    found = there_and_back(values, tmp_path)
    (tmp_path / "data.pt").unlink()
    assert torch.equal(found, values)  # type: ignore[arg-type]


def test_parts_come_back_as_they_were(splits: Splits, tmp_path: Path) -> None:
    there = there_and_back(splits, tmp_path)
    assert isinstance(there, type(splits))
    assert there.dataset.fingerprint == splits.dataset.fingerprint
    preparation, augmentation = Preparation(), Augmentation(scaling=0.1)
    for part in ("train", "validation", "test"):
        before, after = (one.prepared(0, part, preparation) for one in (splits, there))
        assert torch.equal(before.values, after.values)
        assert torch.equal(before.labels, after.labels)
    before, after = (one.training_epoch(0, preparation, augmentation, seed=1, epoch=2) for one in (splits, there))
    assert torch.equal(before.values, after.values)


def test_a_subclass_stays_one(splits: Splits, tmp_path: Path) -> None:
    there = there_and_back(HardParts(splits.dataset, splits.split, splits.folds, deadly=(3,)), tmp_path)
    assert isinstance(there, HardParts)
    assert there.deadly == (3,)


def test_a_file_from_elsewhere_runs_no_code(tmp_path: Path) -> None:
    described = share(torch.zeros(3), tmp_path / "data.pt")
    torch.save({"0": Evil()}, tmp_path / "data.pt")
    with pytest.raises(pickle.UnpicklingError):
        take(described, tmp_path / "data.pt")


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.abort, ()


def test_nothing_is_left_afterwards(tmp_path: Path) -> None:
    with shared(torch.zeros(3), tmp_path / "workers") as (described, path):
        assert torch.equal(take(described, path), torch.zeros(3))
    assert [one.name for one in (tmp_path / "workers").iterdir()] == ["lock"]
    with pytest.raises(ZeroDivisionError), shared(torch.zeros(3), tmp_path / "workers"):
        raise ZeroDivisionError
    assert [one.name for one in (tmp_path / "workers").iterdir()] == ["lock"]


def leave_behind(folder: Path) -> None:
    """Dies as if killed, with its data on disk."""
    with shared(torch.zeros(3), folder):
        os._exit(9)


def test_what_a_killed_run_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=leave_behind, args=(tmp_path / "workers",))
    process.start()
    process.join()
    (left,) = (tmp_path / "workers").glob("*/data.pt")
    with shared(torch.ones(3), tmp_path / "workers") as (described, path):
        assert not left.parent.exists()
        with shared(torch.zeros(3), tmp_path / "workers"):
            assert torch.equal(take(described, path), torch.ones(3))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "workers").write_text("a file")
    with pytest.raises(OSError, match="workers"), shared(torch.zeros(3), tmp_path / "workers"):
        pass
