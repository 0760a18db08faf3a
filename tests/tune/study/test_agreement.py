"""A database and folders that contradict each other: told with exit code 3, and nothing is written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner, Result

from tests.processes import ROOT, SMALL
from tune.cli.main import main
from tune.core.errors import StorageError
from tune.core.folders import DATABASE_NAME
from tune.study.storage import open_storage, sqlite_url

SUITE = str(ROOT / "studies" / "suites" / "gesture-pooling.json")
RUN = (*SMALL, "--set=search.pruner=none", "--epochs", "2", "--study-name", "s")
COMMANDS = {
    "run": RUN,
    "run --resume": (*RUN, "--resume"),
    "status": ("status",),
    "status --study-name": ("status", "--study-name", "s"),
    "status --check": ("status", "--check"),
    "report": ("report",),
    "report --study-name": ("report", "--study-name", "s"),
    "export": ("export", "--format", "torch-export", "--study-name", "s"),
    "dashboard": ("dashboard", "--port", "0"),
    "diagnose": ("diagnose",),
    "worker": ("worker", "--study-name", "s", "--wait", "1s"),
}


def invoke(save_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--save-dir", str(save_dir)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two trials in ``now``, a copy from when it had one in ``before``, and another study in ``other``."""
    place = tmp_path_factory.mktemp("finished")
    for name, *options in (("now", "--trials", "1"), ("other", "--trials", "1", "--seed", "9")):
        assert invoke(place / name, *RUN, *options).exit_code == 0
    shutil.copytree(place / "now", place / "before")
    assert invoke(place / "now", *RUN, "--trials", "2", "--resume").exit_code == 0
    for name in ("now", "before", "other"):
        put_log_away(place / name)
    return place


def put_log_away(save_dir: Path) -> None:
    """SQLite does so by itself, whenever it comes to that."""
    with closing(sqlite3.connect(save_dir / DATABASE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def emptied(save_dir: Path, _: Path) -> None:
    os.truncate(save_dir / DATABASE_NAME, 0)


def missing(save_dir: Path, _: Path) -> None:
    for path in save_dir.glob(f"{DATABASE_NAME}*"):
        path.unlink()


def with_older_database(save_dir: Path, finished: Path) -> None:
    missing(save_dir, finished)
    for path in (finished / "before").glob(f"{DATABASE_NAME}*"):
        shutil.copy(path, save_dir)


def with_folder_of_another_study(save_dir: Path, finished: Path) -> None:
    shutil.rmtree(save_dir / "s")
    shutil.copytree(finished / "other" / "s", save_dir / "s")


def without_study(save_dir: Path, finished: Path) -> None:
    storage = open_storage(sqlite_url(save_dir / DATABASE_NAME))
    optuna.delete_study(study_name="s", storage=storage)
    storage.engine.dispose()
    put_log_away(save_dir)


def contents(save_dir: Path) -> dict[Path, bytes]:
    """All files but those that SQLite and the locks need to look at a database."""
    passing = (".db-shm", ".db-wal", ".lock")
    return {
        path: path.read_bytes() for path in save_dir.rglob("*") if path.is_file() and not path.name.endswith(passing)
    }


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "spoil",
    [emptied, missing, with_older_database, with_folder_of_another_study, without_study],
    ids=lambda f: f.__name__,
)
def test_a_contradiction_is_told_and_nothing_is_written(
    finished: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], command: str
) -> None:
    if spoil is missing and command == "export":
        pytest.skip("a network may be exported wherever it is; without its study nothing is said of its accuracy")
    save_dir = tmp_path / "studies"
    shutil.copytree(finished / "now", save_dir)
    spoil(save_dir, finished)
    before = contents(save_dir)
    result = invoke(save_dir, *COMMANDS[command])
    assert result.exit_code == 3, result.output
    assert "or move the folder away" in result.output
    assert f"{save_dir / 's'}/" in result.output
    assert contents(save_dir) == before


@pytest.mark.slow
def test_a_comparison_begins_beside_no_database_that_lost_its_studies(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "now", tmp_path / "studies")
    emptied(tmp_path / "studies", finished)
    for options in (("--results-only",), ()):
        assert invoke(tmp_path / "studies", "compare", SUITE, *options).exit_code == 3


@pytest.mark.slow
def test_a_folder_that_was_deleted_is_made_again(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "now", tmp_path / "studies")
    shutil.rmtree(tmp_path / "studies" / "s")
    result = invoke(tmp_path / "studies", "report")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "studies" / "s" / "trials").glob("*/config.json"))) == 2


@pytest.mark.slow
def test_another_study_begins_beside_one_that_another_database_has(finished: Path, tmp_path: Path) -> None:
    """Folders of studies on a server may stand beside those of the file; the check names them."""
    save_dir = tmp_path / "studies"
    shutil.copytree(finished / "other", save_dir)
    (save_dir / "s").rename(save_dir / "elsewhere")
    result = invoke(save_dir, "status", "--check")
    assert result.exit_code == 1
    assert f"{save_dir / 'elsewhere'}/ holds trials of no study in" in result.output


def test_a_database_whose_log_alone_is_left_is_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tune.db-wal").write_bytes(b"what was stored last")
    with pytest.raises(StorageError, match=r"tune\.db-wal is its log"):
        open_storage(sqlite_url(tmp_path / DATABASE_NAME))
    assert (tmp_path / "tune.db-wal").exists()
