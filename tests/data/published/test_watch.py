import io
import os
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import DataError
from data.published import watch
from data.sequences import SequenceDataset
from data.source import Source


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> SequenceDataset:
    return watch.load(Source(None, tmp_path_factory.mktemp("cache")))


def test_what_is_in_it(dataset: SequenceDataset) -> None:
    assert dataset.n_classes == 7
    assert dataset.class_names[:2] == ("pendulum", "abduction")
    assert dataset.group_names == tuple(str(person) for person in range(1, 11))
    assert dataset.recordings is not None
    assert len(set(dataset.recordings.tolist())) == 140
    assert dataset.n_channels == 6
    assert torch.isfinite(dataset.values).all()
    assert len(dataset) == 2229
    assert set(dataset.lengths.tolist()) == {200}


def test_a_recording_has_one_person_and_one_exercise(dataset: SequenceDataset) -> None:
    assert dataset.recordings is not None
    assert dataset.groups is not None
    both = dataset.groups * dataset.n_classes + dataset.labels
    of_recordings = set(zip(dataset.recordings.tolist(), both.tolist(), strict=True))
    assert len(of_recordings) == 140
    # Every person does every exercise with either arm.
    assert Counter(both for _, both in of_recordings) == dict.fromkeys(range(70), 2)


def test_the_first_window_is_the_start_of_the_first_recording(dataset: SequenceDataset) -> None:
    content = watch.read_package_file(watch.package_file())
    np.testing.assert_array_equal(dataset.sequence(0).numpy(), content["X"][0][:200].astype(np.float32))
    np.testing.assert_array_equal(dataset.sequence(1).numpy(), content["X"][0][100:300].astype(np.float32))


@pytest.mark.parametrize(
    ("window_seconds", "n_steps", "shortest", "longest"),
    [(1.0, 50, 50, 50), (20.0, 1000, 947, 1000), (1000.0, 50_000, 947, 2618)],
)
def test_windows_of_other_lengths(
    tmp_path: Path,
    window_seconds: float,
    n_steps: int,
    shortest: int,
    longest: int,
) -> None:
    recordings = watch.read_package_file(watch.package_file())["X"]
    dataset = watch.load(Source(None, tmp_path, window_seconds))
    assert len(dataset) == sum(max(0, len(values) - n_steps) // (n_steps // 2) + 1 for values in recordings)
    assert (int(dataset.lengths.min()), int(dataset.lengths.max())) == (shortest, longest)


def test_refuses_a_window_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"window_seconds is 0.01"):
        watch.load(Source(None, tmp_path, 0.01))


def test_a_package_that_is_missing_is_named_with_its_repair() -> None:
    with pytest.raises(DataError, match=r"the package no-such-package, .* -m pip install .* seglearn"):
        watch.package_file("no-such-package")


def test_a_file_that_was_changed_is_not_opened(tmp_path: Path) -> None:
    content = bytearray(watch.package_file().read_bytes())
    content[1000] ^= 1
    (tmp_path / "changed.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"changed.npy is damaged: its sha256 is .* -m pip install"):
        watch.read_package_file(tmp_path / "changed.npy")
    with pytest.raises(DataError, match=r"gone.npy cannot be opened"):
        watch.read_package_file(tmp_path / "gone.npy")


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize("harmful", [Harmful(), np.random.default_rng(), print, pickle.loads])
def test_the_unpickler_runs_no_code(harmful: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match="is not allowed in a data file"):
        watch.NumpyUnpickler(io.BytesIO(pickle.dumps({"a": harmful}))).load()
