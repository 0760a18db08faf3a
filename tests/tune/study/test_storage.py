"""The database is fast, shared, and refused in words when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from sqlalchemy import text

from tune.core.errors import StorageError
from tune.study.storage import open_storage, sqlite_url

ROOT = Path(__file__).resolve().parents[3]


def pragma(path: Path, name: str) -> object:
    with open_storage(sqlite_url(path)).engine.connect() as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar()


def test_reports_are_fast_because_of_these_two(tmp_path: Path) -> None:
    assert pragma(tmp_path / "tune.db", "journal_mode") == "wal"
    assert pragma(tmp_path / "tune.db", "synchronous") == 1  # NORMAL
    assert pragma(tmp_path / "tune.db", "busy_timeout") == 60_000


def test_a_report_costs_little(tmp_path: Path) -> None:
    """The goal is 2 ms; the limit here leaves room for a loaded machine."""
    study = optuna.create_study(storage=open_storage(sqlite_url(tmp_path / "tune.db")))
    trial = study.ask()
    started = time.perf_counter()
    for step in range(100):
        trial.report(0.5, step)
    assert (time.perf_counter() - started) / 100 < 0.02


def test_what_was_stored_is_there_in_the_next_process(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "new" / "folder" / "tune.db")
    optuna.create_study(storage=open_storage(url), study_name="kept")
    assert [summary.study_name for summary in open_storage(url).get_all_studies()] == ["kept"]


@pytest.mark.slow
def test_four_processes_may_create_it_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, optuna; from tune.study.storage import open_storage\n"
        "storage = open_storage(sys.argv[1])\n"
        "optuna.create_study(storage=storage, study_name=sys.argv[2])"
    )
    url = sqlite_url(tmp_path / "tune.db")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    processes = [
        subprocess.Popen([sys.executable, "-c", script, url, str(k)], env={**os.environ, "PYTHONPATH": path})
        for k in range(4)
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0, 0]
    assert len(open_storage(url).get_all_studies()) == 4


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tune.db"
    path.write_bytes(b"SQLite format 3\x00" + b"nonsense" * 1000)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"tune\.db .*move it away"):
        open_storage(sqlite_url(path))
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tune.db"
    study = optuna.create_study(storage=open_storage(sqlite_url(path)))
    for k in range(200):
        study.set_user_attr(f"name {k}", "x" * 200)
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[8192:-4096] = os.urandom(len(content) - 12288)
    path.write_bytes(bytes(content))
    with pytest.raises(StorageError, match=r"tune\.db"):
        open_storage(sqlite_url(path))


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tune.db").mkdir()
    with pytest.raises(StorageError, match=r"tune\.db"):
        open_storage(sqlite_url(tmp_path / "tune.db"))


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tune.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"tune\.db .*bookmarks"):
        open_storage(sqlite_url(path))
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="--save-dir"):
        open_storage(sqlite_url(tmp_path / "file" / "studies" / "tune.db"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite://", "a study in memory could not be resumed"),
        ("sqlite:///:memory:", "a study in memory could not be resumed"),
        ("no address", "'no address' is no database address"),
        ("oracle+nodriver://user:secret@host/name", "cannot be used"),
        ("postgresql://user:secret@host:port/name", "is no database address"),
        ("user:secret@host", "is no database address"),
        ("sqlite:///file:tune.db?mode=ro&uri=true", "write the plain path"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


def closed_database(path: Path) -> Path:
    """A database of today's Optuna with one study, all of it in one file."""
    storage = open_storage(sqlite_url(path))
    optuna.create_study(storage=storage, study_name="kept")
    storage.engine.dispose()
    return path


@pytest.mark.parametrize(
    ("schema", "sentences"),
    [
        ("v3.0.0.d", ("older Optuna", "copy the file first", "optuna storage upgrade --storage sqlite:///")),
        ("v99.0.0.a", ("newer Optuna", "v99.0.0.a", "--save-dir")),
    ],
)
def test_tables_of_another_optuna_are_refused_and_left_alone(
    tmp_path: Path, schema: str, sentences: tuple[str, ...]
) -> None:
    path = closed_database(tmp_path / "tune.db")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
        connection.execute("DROP TABLE trial_heartbeats")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        open_storage(sqlite_url(path))
    assert all(sentence in str(caught.value) for sentence in sentences)
    assert path.read_bytes() == before


def test_a_database_that_another_program_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune.study.storage.BUSY_TIMEOUT_SECONDS", 0.1)
    path = closed_database(tmp_path / "tune.db")
    study = optuna.load_study(study_name="kept", storage=open_storage(sqlite_url(path)))
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for use in (study.ask, lambda: study.set_user_attr("name", 1)):
            with pytest.raises(StorageError, match=r"tune\.db .* locked; end the program that holds it"):
                use()
    assert study.ask().number == 0


def test_a_database_that_is_gone_or_another_one_is_not_written(tmp_path: Path) -> None:
    """Its holder could write the deleted file on and on, and lose it all."""
    path = closed_database(tmp_path / "tune.db")
    study = optuna.load_study(study_name="kept", storage=open_storage(sqlite_url(path)))
    path.rename(tmp_path / "away.db")
    for use in (study.ask, study.get_trials):
        with pytest.raises(StorageError, match=r"tune\.db was deleted or moved away"):
            use()
    assert not path.exists()
    shutil.copy(tmp_path / "away.db", path)
    with pytest.raises(StorageError, match=r"tune\.db was replaced"):
        study.ask()
    path.unlink()
    (tmp_path / "away.db").rename(path)
    assert study.ask().number == 0


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    pytest.importorskip("psycopg")
    url = "postgresql+psycopg://somebody:secret@127.0.0.1:1/studies?password=secret&connect_timeout=2"
    with pytest.raises(StorageError, match=r"somebody:\*\*\*@127\.0\.0\.1:1/studies .*start the server") as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "tune.db").touch()
    assert open_storage(sqlite_url(tmp_path / "tune.db")).get_all_studies() == []


def test_a_folder_name_may_hold_anything(tmp_path: Path) -> None:
    place = tmp_path / "späce & %20 ?#;"
    optuna.create_study(storage=open_storage(sqlite_url(place / "tune.db")), study_name="kept")
    assert (place / "tune.db").is_file()
    assert open_storage(sqlite_url(place / "tune.db")).get_all_studies()[0].study_name == "kept"
