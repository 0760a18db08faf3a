"""Damaged databases, checkpoints and weights: each is used as it is, or told of in a sentence; never a traceback.

In an ordinary test run there are a few of them; ``--chaos N`` makes N of each.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.damage import damaged
from tests.processes import SMALL
from tune.cli import main
from tune.folders import DATABASE_NAME

pytestmark = pytest.mark.slow

STUDY = ("--study-name", "s")
TO_A_DATABASE = (("status",), ("status", "--check"), ("--resume", *STUDY, "--trials", "2"))
# 0: used as it is. 1: told by --check. 2: a setting that no version of the tuner has. 3: the database is damaged.
CODES = {"status": {0, 3}, "status --check": {0, 1, 3}, "--resume --study-name": {0, 2, 3}}


def invoke(save_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--save-dir", str(save_dir)])


def ended_in_words(result: Result) -> bool:
    return result.exception is None or isinstance(result.exception, SystemExit)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two trials, all of its database in one file."""
    place = tmp_path_factory.mktemp("finished") / "studies"
    result = invoke(place, *SMALL, *STUDY, "--epochs", "2", "--trials", "2")
    assert result.exit_code == 0, result.output
    with closing(sqlite3.connect(place / DATABASE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return place


def test_a_damaged_database_is_used_or_told_of(
    finished: Path, tmp_path: Path, damages: range, record_property: Callable[[str, object], None]
) -> None:
    whole, counts = (finished / DATABASE_NAME).read_bytes(), Counter[str]()
    for seed in damages:
        spoilt, kind = damaged(whole, random.Random(f"database {seed}"))
        told = False
        for arguments in TO_A_DATABASE:
            shutil.rmtree(tmp_path / "studies", ignore_errors=True)
            shutil.copytree(finished / "s", tmp_path / "studies" / "s")
            (tmp_path / "studies" / DATABASE_NAME).write_bytes(spoilt)
            result = invoke(tmp_path / "studies", *arguments)
            assert ended_in_words(result), (seed, kind, arguments, result.exc_info)
            assert result.exit_code in CODES[" ".join(arguments[:2])], (seed, kind, arguments, result.output)
            assert result.exit_code in (0, 1) or "error: " in result.output, (seed, kind, arguments)
            told |= result.exit_code != 0
        counts[f"{kind}, {'told of' if told else 'harmless'}"] += 1
    record_property("accidents: damaged databases", counts)
