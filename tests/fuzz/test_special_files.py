"""Every command, given a file of every kind that is no plain file wherever it takes one: a sentence, at once.

Each runs with a gigabyte of memory more than its imports take, and with limited time.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.limited import Limited, limited
from tests.stored_models import stored_model
from tune.training.model_folder import DESCRIPTION, WEIGHTS, write_model

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only"),
    pytest.mark.timeout(600),
]

INPUT, DATABASE = 2, 3


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


SPECIAL: dict[str, Callable[[Path], None]] = {
    "FIFO": os.mkfifo,
    "socket": a_socket,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "waiting file": lambda path: path.symlink_to("/proc/kmsg"),
    "terabyte": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40),
    "folder": lambda path: path.mkdir(),
    "loop": lambda path: path.symlink_to(path.name),
}


@pytest.fixture(scope="module")
def command() -> Iterator[Limited]:
    with limited() as runs:
        yield runs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network."""
    folder = tmp_path_factory.mktemp("model") / "best_model"
    stored = stored_model()
    described = stored.description.model_dump(mode="json", exclude={"format", "weights_sha256"})
    write_model(folder, described, stored.network.state_dict())
    return folder


@pytest.mark.parametrize("kind", SPECIAL)
def test_settings_and_suites(command: Limited, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "named.json"
    SPECIAL[kind](place)
    for arguments in (["config", "--config"], ["run", "--config"], ["datasets", "--config"], ["compare"]):
        ended = command([*arguments, place])
        assert (ended.code, len(ended.sentences)) == (INPUT, 1), (arguments, ended)


@pytest.mark.parametrize("suffix", ["csv", "txt", "parquet", "npz", "npy", "ts", "zip", "json"])
@pytest.mark.parametrize("kind", SPECIAL)
def test_recordings(command: Limited, model: Path, tmp_path: Path, kind: str, suffix: str) -> None:
    place = tmp_path / f"named.{suffix}"
    SPECIAL[kind](place)
    classes = tmp_path / "classes"
    for name in ("up", "down"):
        (classes / name).mkdir(parents=True)
        SPECIAL[kind](classes / name / f"01.{suffix}")
    for what in (place, classes):
        for arguments in (
            ["datasets", "--data-path", what],
            ["predict", "--model", model, what],
            *([["run", "--save-dir", tmp_path / "studies", "--data-path", what]] if suffix == "csv" else []),
        ):
            ended = command(arguments)
            assert (ended.code, len(ended.sentences)) == (INPUT, 1), (arguments, ended)


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_networks(command: Limited, model: Path, tmp_path: Path, kind: str, name: str) -> None:
    folder, single = tmp_path / "best_model", tmp_path / "model.onnx"
    shutil.copytree(model, folder)
    (folder / name).unlink()
    SPECIAL[kind](folder / name)
    SPECIAL[kind](single)
    for arguments in (
        ["predict", "--model", folder, __file__],
        ["serve", "--model", folder],
        ["export", "--model", folder],
        ["diagnose", "--model", folder],
        ["predict", "--model", single, __file__],
        ["serve", "--model", single],
    ):
        ended = command(arguments)
        assert (ended.code, len(ended.sentences)) == (INPUT, 1), (arguments, ended)


# Linux lets nobody lock what it makes up while it is read: that is told too, but after a minute.
@pytest.mark.parametrize("kind", [kind for kind in SPECIAL if kind != "waiting file"])
@pytest.mark.parametrize("name", ["status", "report", "dashboard", "run"])
def test_databases_and_folders(command: Limited, tmp_path: Path, kind: str, name: str) -> None:
    place, folder = tmp_path / "named", tmp_path / "studies"
    SPECIAL[kind](place)
    folder.mkdir()
    SPECIAL[kind](folder / "tune.db")
    for options in (["--storage", f"sqlite:///{place}"], ["--save-dir", folder], ["--save-dir", place]):
        if options[-1] == place and kind == "folder":
            continue
        ended = command([name, *options])
        assert ended.code in (INPUT, DATABASE), (options, ended)
        assert len(ended.sentences) == 1, (options, ended)


@pytest.mark.parametrize("kind", ["FIFO", "socket", "endless device"])
def test_what_is_written_replaces_no_device(command: Limited, model: Path, tmp_path: Path, kind: str) -> None:
    place, recording = tmp_path / "out.csv", tmp_path / "recording.csv"
    SPECIAL[kind](place)
    recording.write_text("1,2,3,4\n" * 12)
    before = place.lstat().st_ino
    ended = command(["predict", "--model", model, recording, "--out", place])
    assert (ended.code, len(ended.sentences)) == (DATABASE, 1), ended
    assert place.lstat().st_ino == before
