"""Errors that a person can mend end a command with their own exit code and a sentence, others with a traceback."""

from __future__ import annotations

import errno
import subprocess
import sys

import click
import pytest
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from data import DataError
from tune.core.errors import OtherStudyError, SeqtuneError, StorageError, StudyError
from tune.core.failures import explain
from tune.core.problems import Problem, SettingsError
from tune.core.terminal import handles_errors
from tune.study.locks import LostLockError
from tune.study.servers import ServerAwayError

PROBLEM = Problem("trials", -1, "must be at least 1")
CODES = [
    (SettingsError([PROBLEM]), 2),
    (StudyError("there is none"), 2),
    (DataError("file: empty"), 2),
    (OtherStudyError("it seeks something else"), 3),
    (StorageError("damaged"), 3),
    (ServerAwayError("gone"), 3),
    (LostLockError("gone"), 3),
    (StorageInternalError("wrapped"), 3),
    (sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("database is locked")), 3),
    (OSError(errno.ENOSPC, "No space left on device", "tune.db"), 3),
    (PermissionError(errno.EACCES, "Permission denied", "tune.db"), 3),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[type(error).__name__ for error, _ in CODES])
def test_a_command_ends_with_the_code_of_its_error(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @handles_errors
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        command()
    assert caught.value.code == code
    assert capsys.readouterr().err.startswith("error: ")


def test_ctrl_c_is_no_error_and_has_the_conventional_code() -> None:
    assert explain(KeyboardInterrupt()) == ([], 130)


def test_each_problem_of_the_settings_is_a_sentence() -> None:
    explained = explain(SettingsError([PROBLEM, Problem("epochs", 0, "must be at least 1")]))
    assert explained is not None
    assert [sentence.split()[0] for sentence in explained[0]] == ["trials", "epochs"]


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeError("a bug"), ZeroDivisionError()])
def test_a_bug_is_not_explained(error: Exception) -> None:
    assert explain(error) is None

    @handles_errors
    def command() -> None:
        raise error

    with pytest.raises(type(error)):
        command()


def test_what_click_raises_is_left_to_click() -> None:
    @handles_errors
    def command() -> None:
        raise click.UsageError("no such option")

    with pytest.raises(click.UsageError):
        command()


def test_every_error_of_ours_says_how_the_command_ends() -> None:
    def children(kind: type[SeqtuneError]) -> list[type[SeqtuneError]]:
        return [kind, *(one for child in kind.__subclasses__() for one in children(child))]

    assert {kind.exit_code for kind in children(SeqtuneError)} == {2, 3}


def test_explaining_loads_neither_torch_nor_the_database() -> None:
    code = "import sys, tune.core.terminal; print(sorted({'torch', 'optuna', 'sqlalchemy'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
