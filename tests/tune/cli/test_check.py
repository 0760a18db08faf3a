"""``status --check`` finds what is damaged, missing or out of date, and nothing where all is well."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna import Study

from tests.processes import SMALL, run
from tune.cli.commands.check import check_data, check_database, check_study
from tune.core.errors import StorageError
from tune.core.folders import StudyFolder
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import load_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three trials."""
    place = tmp_path_factory.mktemp("finished")
    run(*SMALL, "--save-dir", str(place), "--study-name", "s", "--trials", "3")
    return place


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> StudyFolder:
    """A copy of it to spoil."""
    shutil.copytree(finished, tmp_path / "studies")
    return StudyFolder(tmp_path / "studies", "s")


def opened(folder: StudyFolder) -> Study:
    study = load_study(open_storage(sqlite_url(folder.save_dir / "tune.db")), "s")
    assert study is not None
    return study


def only_finding(folder: StudyFolder) -> str:
    (finding,) = check_study(opened(folder), folder)
    return finding


def test_a_whole_study_passes_and_a_spoilt_one_does_not(folder: StudyFolder) -> None:
    output, _ = run("status", "--check", "--save-dir", str(folder.save_dir))
    assert "All is well: the database and 1 study in it" in output
    (folder.root / "plots.html").unlink()
    output, _ = run("status", "--check", "--save-dir", str(folder.save_dir), expect=1)
    assert output == f"s: {folder.root}/plots.html is missing; ./run_tuning.sh report makes it again\n"
    run("report", "--save-dir", str(folder.save_dir))
    assert list(check_study(opened(folder), folder)) == []


@pytest.mark.parametrize("name", ["best_config.json", "trials.csv", "optimization_history.png", "trials/*/config.json"])
def test_a_missing_export_is_named(folder: StudyFolder, name: str) -> None:
    path = min(folder.root.glob(name))
    path.unlink()
    assert only_finding(folder) == f"{path} is missing; ./run_tuning.sh report makes it again"


def test_exports_of_another_state_are_named(folder: StudyFolder) -> None:
    best = folder.root / "best_config.json"
    described = json.loads(best.read_text())
    best.write_text(json.dumps({**described, "value": 2.0, "trial": 77, "new": 1}))
    assert "does not tell what the database does (new, trial, value)" in only_finding(folder)
    best.write_text("[" * 100_000)
    assert "is no JSON object" in only_finding(folder)
    best.write_text(json.dumps(described))
    assert list(check_study(opened(folder), folder)) == []
    with (folder.root / "trials.csv").open("a") as table:
        table.write("9,complete\n")
    assert "trials.csv does not tell" in only_finding(folder)


def test_a_trials_configuration_that_was_changed_is_named(folder: StudyFolder) -> None:
    path = min(folder.root.glob("trials/*/config.json"))
    path.write_text(path.read_text().replace('"state": "', '"state": "not '))
    assert only_finding(folder).startswith(f"{path} differs from the database; delete it")


def test_pictures_from_before_the_last_trial_are_named(folder: StudyFolder) -> None:
    path = folder.root / "optimization_history.png"
    last = max(trial.datetime_complete for trial in opened(folder).trials if trial.datetime_complete)
    os.utime(path, (last.timestamp() - 60, last.timestamp() - 60))
    assert only_finding(folder).startswith(f"{path} is older than the last trial")


def test_damaged_and_missing_weights_are_named(folder: StudyFolder) -> None:
    (weights,) = (folder.root / "trials").glob("*/weights.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    assert only_finding(folder).startswith(f"{weights} is damaged")
    weights.unlink()
    findings = list(check_study(opened(folder), folder))
    assert findings[0].startswith("the weights of its best trial")
    assert len(findings) == 2  # best_config.json lists the files of weights.


def test_settings_that_no_version_has_are_named(folder: StudyFolder) -> None:
    study = opened(folder)
    study.set_user_attr("settings", {**study.user_attrs["settings"], "searsh": {}})
    output, _ = run("status", "--check", "--save-dir", str(folder.save_dir), expect=1)
    assert "s: its settings are damaged, or another version's" in output
    assert "searsh" in output


def test_weights_with_a_flipped_bit_are_named(folder: StudyFolder) -> None:
    weights = min((folder.root / "trials").glob("*/weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert only_finding(folder).startswith(f"{weights} is damaged")


def test_a_damaged_history_is_told(folder: StudyFolder) -> None:
    with closing(sqlite3.connect(folder.save_dir / "tune.db")) as connection, connection:
        connection.execute("UPDATE trial_user_attributes SET value_json = '[1]' WHERE key = 'history'")
    study = opened(folder)  # Nobody reads it who does not ask for it.
    with pytest.raises(StorageError, match="is damaged"):
        list(check_study(study, folder))


def test_a_damaged_checkpoint_is_named(folder: StudyFolder) -> None:
    path = folder.root / ".checkpoints" / "trial-2.pt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"torn")
    assert only_finding(folder) == f"{path} is damaged: its trial starts over"


def test_other_recordings_are_noticed(folder: StudyFolder) -> None:
    study = opened(folder)
    assert list(check_data(study)) == []
    study.set_user_attr("data_fingerprint", "another")
    (finding,) = check_data(study)
    assert "recordings are not those" in finding


def test_a_study_without_its_folder_is_named(folder: StudyFolder) -> None:
    shutil.rmtree(folder.root)
    assert "does not exist" in only_finding(folder)


def test_an_index_that_lost_an_entry_is_named(folder: StudyFolder) -> None:
    """The quick check that every command makes does not compare indices with their tables."""
    path = folder.save_dir / "tune.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, '(study_name)', '(study_id)')")
        connection.commit()
    findings = list(check_database(open_storage(sqlite_url(path))))
    assert findings
    assert all("damaged" in finding for finding in findings)


def test_a_study_of_another_program_is_passed_over(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "tune.db"))
    optuna.create_study(storage=storage, study_name="foreign", directions=["minimize", "maximize"])
    storage.engine.dispose()
    output, _ = run("status", "--check", "--save-dir", str(tmp_path))
    assert "foreign: not looked at" in output
    output, _ = run("status", "--save-dir", str(tmp_path))
    assert "foreign" in output
