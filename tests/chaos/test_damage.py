"""Damaged databases, checkpoints and weights: each is used as it is, or told of in a sentence; never a traceback.

In an ordinary test run there are a few of them; ``--chaos N`` makes N of each.
"""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from optuna import Study

from tests.damage import damaged
from tests.processes import SMALL, run
from tune.cli.main import main
from tune.config.settings import resolve
from tune.core.folders import BEST_MODEL, DATABASE_NAME, StudyFolder
from tune.core.problems import SettingsError
from tune.core.stopping import StopRequested
from tune.evaluation.last_fit import train_to_the_end
from tune.report.exports import write_best_model
from tune.study.context import RunContext
from tune.study.selection import selected_trial
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import all_parameters, load_study, stored_settings
from tune.study.trial_files import load_weights, read_weights, weights_digests
from tune.training.hyperparameters import training_settings
from tune.training.model_folder import load_model
from tune.training.splits import load_splits

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
    record_property("accidents: damaged databases", dict(counts))


def test_a_damaged_checkpoint_starts_its_trial_over(
    finished: Path,
    tmp_path: Path,
    damages: range,
    record_property: Callable[[str, object], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also one that is another trial's, or missing; the network is the same to the bit in the end."""
    settings = resolve(stored_settings(opened(finished)) or {})
    counts = Counter[str]()
    trial = opened(finished).get_trials()[0]
    parameters = all_parameters(trial)
    training = training_settings(settings, parameters, seed=1)
    torch.set_num_threads(1)
    folder = StudyFolder(tmp_path, "s")
    path = folder.checkpoint("fit")
    context = RunContext(opened(finished), settings, load_splits(settings), folder, torch.device("cpu"))

    def fit(seed: int = 1, n_steps: int | None = None) -> dict[str, torch.Tensor]:
        before_step = stops_after(n_steps)
        mine = replace(training, seed=seed)
        return train_to_the_end(context, "fit", parameters, mine, before_step).best_weights

    def interrupted(seed: int) -> bytes:
        with pytest.raises(StopRequested):
            fit(seed, n_steps=20)
        content = path.read_bytes()
        path.unlink()
        return content

    expected, whole, of_another = fit(), interrupted(1), interrupted(2)
    path.write_bytes(whole)
    assert_equal(fit(), expected)
    assert not caplog.records
    for seed in damages:
        dice = random.Random(f"checkpoint {seed}")
        spoilt, kind = dice.choice([damaged(whole, dice), damaged(whole, dice), (of_another, "of another trial")])
        path.write_bytes(spoilt)
        caplog.clear()
        assert_equal(fit(), expected)
        assert ("starts over" in caplog.text) == (spoilt != whole), (seed, kind)
        counts[kind] += 1
    record_property("accidents: damaged checkpoints", dict(counts))


def test_damaged_weights_are_never_used(
    finished: Path, tmp_path: Path, damages: range, record_property: Callable[[str, object], None]
) -> None:
    """Those of trials, of the last fit, and of the model that is given away; none of them is silently another one."""
    shutil.copytree(finished, tmp_path / "studies")
    root, counts = tmp_path / "studies" / "s", Counter[str]()
    study, folder = opened(tmp_path / "studies"), StudyFolder(tmp_path / "studies", "s")
    settings, best = resolve(stored_settings(study) or {}), selected_trial(study)
    assert best is not None
    digests = weights_digests(folder, study)
    assert set(digests) >= set(root.glob("trials/*/*.safetensors"))
    given_away = root / BEST_MODEL / "weights.safetensors"
    places = [*root.glob("trials/*/*.safetensors"), given_away]
    contents = {path: path.read_bytes() for path in places}
    for seed in damages:
        dice = random.Random(f"weights {seed}")
        path = dice.choice(places)
        other = next(content for place, content in contents.items() if content != contents[path])
        what = [damaged(contents[path], dice), damaged(contents[path], dice), (other, "swapped"), (b"", "emptied")]
        spoilt, kind = dice.choice(what)
        if spoilt == contents[path]:
            continue  # Zeros in place of zeros.
        path.write_bytes(spoilt)
        if path == given_away:
            with pytest.raises(SettingsError, match="SHA-256"):
                load_model(path.parent)
        else:
            assert read_weights(path, digests[path]) is None, (seed, kind)
            write_best_model(study, settings, folder)
            assert given_away.read_bytes() == contents[given_away], (seed, kind)
            if "refit" not in path.name:
                assert load_weights(folder, best, 1) is None, (seed, kind)
        path.write_bytes(contents[path])
        counts[kind] += 1
    record_property("accidents: damaged weights", dict(counts))


@pytest.mark.parametrize("command", [("report",), ("status", "--check"), ("export", "--format", "torch-export")])
def test_commands_say_that_weights_are_damaged(finished: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """The exit code of ``report`` is 0, since all else is there; the model that was given away stays as it was."""
    shutil.copytree(finished, tmp_path / "studies")
    for path in (tmp_path / "studies" / "s").rglob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    output, errors = run(
        *command, "--save-dir", str(tmp_path / "studies"), expect={"report": 0, "status": 1, "export": 2}[command[0]]
    )
    assert "damaged" in output + errors or "SHA-256 differs" in errors


def opened(save_dir: Path) -> Study:
    study = load_study(open_storage(sqlite_url(save_dir / DATABASE_NAME)), "s")
    assert study is not None
    return study


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def stops_after(n_steps: int | None) -> Callable[[], None]:
    """Stops before a step like a signal; never without a number."""
    steps = itertools.count()

    def before_step() -> None:
        if next(steps) == n_steps:
            raise StopRequested("interrupted")

    return before_step
