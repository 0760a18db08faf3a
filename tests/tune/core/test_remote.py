"""Machines that share an object store find there what they need to go on, and go on without it where they must."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from tune.core.folders import DEFAULT_SAVE_DIR, SaveDir, StudyFolder, read_save_dir
from tune.core.problems import SettingsError
from tune.core.remote import RemoteFile, files_below, shown, tell_once
from tune.core.stopping import StopWatch
from tune.search.loop import ThisProcess
from tune.study.study import best_trial
from tune.study.trial_files import load_weights

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewNotes, NewStop, Notes, Outline

UNREACHABLE = "http://127.0.0.1:1/bucket"


@pytest.fixture(autouse=True)
def _nothing_told_yet() -> None:
    tell_once.cache_clear()


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty folder in a store: one in memory, or a server that speaks S3."""
    if request.param == "memory":
        yield f"memory://{tmp_path.name}"
        return
    pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    changes = pytest.MonkeyPatch()
    changes.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        changes.setenv(name, "testing")
    changes.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).makedirs("bucket", exist_ok=True)
    yield f"s3://bucket/{tmp_path.name}"
    changes.undo()
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def search_on(machine: Path, lab: Lab, store: str, notes: Notes, stop: StopWatch) -> StudyFolder:
    """A run on a machine that has nothing but the database and the store in common with others."""
    torch.set_num_threads(1)
    folder = StudyFolder(machine, lab.name, store)
    ThisProcess().run(replace(lab.context(), folder=folder), notes, stop)
    return folder


def test_a_file_is_written_found_and_removed(store: str) -> None:
    file = RemoteFile(f"{store}/study/weights/0001/weights.safetensors")
    assert (file.folder, file.name) == ("0001", "weights.safetensors")
    with pytest.raises(FileNotFoundError, match="is not there"):
        file.read_bytes()
    assert files_below(store) == []
    file.write_bytes(b"one")
    file.write_bytes(b"two")
    assert file.read_bytes() == b"two"
    (found,) = files_below(f"{store}/study")
    assert (found.folder, found.name, found.read_bytes()) == ("0001", "weights.safetensors", b"two")
    found.unlink()
    found.unlink()
    assert files_below(store) == []


def test_another_machine_goes_on_where_one_was_interrupted(
    new_lab: NewLab, new_notes: NewNotes, stop_after: NewStop, outline: Outline, store: str, tmp_path: Path
) -> None:
    lab = new_lab("study", {"search": {"trials": 3, "pruner": "median"}})
    one, other = new_notes(), new_notes()
    search_on(tmp_path / "one", lab, store, one, stop_after(13))
    number, epoch = one.epochs[-1]
    folder = search_on(tmp_path / "other", lab, store, other, StopWatch())
    assert other.started[0] == (number, True)
    assert other.epochs[0] == (number, epoch + 1)
    whole = new_lab("whole", {"search": {"trials": 3, "pruner": "median"}})
    whole.search()
    assert [outline(trial) for trial in lab.trials()] == [outline(trial) for trial in whole.trials()]
    # Only what a third machine needs to test the best is left.
    best = best_trial(lab.study())
    assert best is not None
    (left,) = files_below(f"{store}/{lab.name}")
    assert left.folder.startswith(f"{best.number:04d}-")
    third = StudyFolder(tmp_path / "third", lab.name, store)
    weights, there = load_weights(third, best, 1), load_weights(folder, best, 1)
    assert weights is not None
    assert there is not None
    assert all(torch.equal(weights[0][name], there[0][name]) for name in there[0])


def test_a_store_that_cannot_be_reached_costs_its_files_only(
    new_lab: NewLab, new_notes: NewNotes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("aiohttp")
    lab = new_lab("study", {"search": {"trials": 2}})
    folder = search_on(tmp_path / "one", lab, UNREACHABLE, new_notes(), StopWatch())
    assert [trial.state.is_finished() for trial in lab.trials()] == [True, True]
    best = best_trial(lab.study())
    assert best is not None
    assert load_weights(folder, best, 1) is not None
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said))
    assert any("nothing can be written in http://127.0.0.1:1/bucket" in sentence for sentence in said)


def test_a_folder_for_checkpoints_that_cannot_be_used_costs_the_checkpoints_only(
    new_lab: NewLab, caplog: pytest.LogCaptureFixture
) -> None:
    lab = new_lab("study", {"search": {"trials": 2}})
    lab.study()
    (lab.folder.root / ".checkpoints").write_text("in the way of the folder")
    assert lab.search().reason == "2 trials finished"
    assert sum("nothing can be written" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("results", SaveDir(Path("results"))),
        ("file:///mnt/re%20sults", SaveDir(Path("/mnt/re sults"))),
        ("memory://bucket/prefix/", SaveDir(DEFAULT_SAVE_DIR, "memory://bucket/prefix")),
    ],
)
def test_a_place_is_a_path_or_a_url(written: str, meant: SaveDir) -> None:
    assert read_save_dir(written) == meant


@pytest.mark.parametrize(
    ("url", "rule"), [("nowhere://x", "nobody knows"), ("abfs://x:secret@y", "pip install 'adlfs'")]
)
def test_a_url_that_cannot_be_used_is_refused(url: str, rule: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_save_dir(url)
    sentence = str(caught.value.problems[0])
    assert rule in sentence
    assert "secret" not in sentence


def test_secrets_in_a_url_are_not_shown() -> None:
    assert shown("s3://key:secret@bucket/prefix?token=secret") == "s3://bucket/prefix"
    assert os.sep not in RemoteFile("s3://bucket/a/b").name
