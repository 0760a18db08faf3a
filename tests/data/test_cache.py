import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.cache import cached, written_whole
from data.sequences import SequenceDataset

ROOT = Path(__file__).resolve().parent.parent.parent

DATASET = SequenceDataset(
    name="two",
    kind="gesture",
    values=torch.tensor([[1.0, -2.5], [0.1, 1e-30], [3.0, 4.0]]),
    lengths=torch.tensor([1, 2]),
    labels=torch.tensor([1, 0]),
    class_names=("one", "zwölf"),
    channel_names=("x", "y"),
    groups=torch.tensor([0, 0]),
    group_names=("someone",),
    sample_rate_hz=1000 / 110,
    notes=("a note",),
)


def forbidden() -> SequenceDataset:
    raise AssertionError("it should have come from the cache")


def the_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def assert_same(first: SequenceDataset, second: SequenceDataset) -> None:
    for field in fields(SequenceDataset):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, torch.Tensor):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)
        else:
            assert one == other
            assert type(one) is type(other)


def test_gives_back_every_field(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    assert cached(folder, "two", ("hash", 1, 4.0), lambda: DATASET) is DATASET
    again = cached(folder, "two", ("hash", 1, 4.0), forbidden)
    assert_same(again, DATASET)
    again.values.add_(1)  # It owns its memory.


@pytest.mark.parametrize(("name", "key"), [("two", ("hash", 2)), ("two", ("other", 1)), ("three", ("hash", 1))])
def test_another_key_is_another_data_set(tmp_path: Path, name: str, key: tuple[str, int]) -> None:
    cached(tmp_path, "two", ("hash", 1), lambda: DATASET)
    other = replace(DATASET, notes=("other",))
    assert cached(tmp_path, name, key, lambda: other) is other
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    cached(tmp_path, "two", ("first",), lambda: DATASET)
    first = the_file(tmp_path)
    cached(tmp_path, "two", ("second",), lambda: DATASET)
    (second,) = set(tmp_path.iterdir()) - {first}
    first.replace(second)
    other = replace(DATASET, notes=("other",))
    assert cached(tmp_path, "two", ("second",), lambda: other) is other


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_damage_is_noticed_and_repaired(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cached(folder, "two", (), lambda: DATASET)
    whole = the_file(folder).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    torn, flipped = whole[:place], bytearray(whole)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (torn, bytes(flipped), b""):
        the_file(folder).write_bytes(damaged)
        assert cached(folder, "two", (), lambda: DATASET) is DATASET
        assert_same(cached(folder, "two", (), forbidden), DATASET)


def test_a_file_with_pickles_is_not_opened(tmp_path: Path) -> None:
    cached(tmp_path, "two", (), lambda: DATASET)
    with the_file(tmp_path).open("wb") as file:
        np.savez(file, header=np.array([{"a": 1}], dtype=object))
    assert cached(tmp_path, "two", (), lambda: DATASET) is DATASET


def test_works_without_a_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    dataset = cached(tmp_path / "file" / "folder", "two", (), lambda: DATASET)
    assert dataset.fingerprint == DATASET.fingerprint
    assert dataset.notes[0] == "a note"
    assert "cannot be written to (Not a directory): the data set will be parsed again" in dataset.notes[1]


def write_half(path: Path) -> None:
    with written_whole(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with written_whole(path) as file:
        file.write(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


BUILD_OFTEN = """
import sys
from pathlib import Path
import torch
from data.cache import cached
from data.sequences import SequenceDataset

folder = Path(sys.argv[1])

def build():
    return SequenceDataset(name="big", kind="gesture", values=torch.ones(20_000, 3), lengths=torch.tensor([20_000]),
                           labels=torch.tensor([0]), class_names=("a", "b"), channel_names=("x", "y", "z"))

expected = build().fingerprint
for _ in range(60):
    assert cached(folder, "big", (), build).fingerprint == expected
    for path in folder.glob("*.cache"):
        path.unlink(missing_ok=True)
assert cached(folder, "big", (), build).fingerprint == expected
"""


def test_processes_that_build_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", BUILD_OFTEN, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert all(path.suffix == ".cache" for path in tmp_path.iterdir())
