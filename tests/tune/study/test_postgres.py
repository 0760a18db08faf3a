"""A study on a PostgreSQL server: several processes, each killed as it likes, and a server that restarts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from tests.children import PROC, workers_of
from tests.postgres import CannotStartError, Server, running_server
from tests.processes import SMALL, start
from tests.tune.study.test_store import statements_of
from tune.cli.commands.opening import password_note
from tune.core.errors import StorageError
from tune.core.folders import StudyFolder
from tune.study.leases import Lease, interrupted_trials, is_worked_on_elsewhere, lease_trial
from tune.study.locks import LostLockError, study_lock, try_trial_lock
from tune.study.servers import ServerAwayError
from tune.study.storage import open_storage
from tune.study.store import engine_of, study_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
Open = Callable[[str], RDBStorage]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    try:
        with running_server() as running:
            yield running
    except CannotStartError as error:
        pytest.skip(str(error))


@pytest.fixture
def address(server: Server, request: pytest.FixtureRequest) -> str:
    """A database of the test's own."""
    return server.database(request.node.name)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens databases and, in the end, closes them: a connection that is left to be cleaned up is warned of."""
    engines = []

    def open_one(address: str) -> RDBStorage:
        storage = open_storage(address)
        engines.append(storage.engine)
        return storage

    yield open_one
    for engine in engines:
        engine.dispose()


@pytest.fixture
def study(opened: Open, address: str) -> optuna.Study:
    return optuna.create_study(storage=opened(address), study_name="toy")


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path, "toy")


def end_connections(study: optuna.Study) -> None:
    """What a restart of the server, or of the network, does to those who are connected."""
    with engine_of(study).connect() as connection:
        own = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}"))


def test_a_lock_is_held_by_one_and_free_when_it_is_given_back(study: optuna.Study, folder: StudyFolder) -> None:
    lock = try_trial_lock(study, folder, 0)
    assert lock is not None
    assert try_trial_lock(study, folder, 0) is None
    other = try_trial_lock(study, folder, 1)
    assert other is not None
    other.release()
    lock.check()
    lock.release()
    again = try_trial_lock(study, folder, 0)
    assert again is not None
    again.release()


def test_the_lock_of_a_lost_connection_is_noticed_and_free(study: optuna.Study, folder: StudyFolder) -> None:
    lock = try_trial_lock(study, folder, 0)
    assert lock is not None
    end_connections(study)
    for _ in range(2):
        with pytest.raises(LostLockError, match="lost"):
            lock.check()
    other = try_trial_lock(study, folder, 0)
    assert other is not None
    lock.release()  # Does nothing to the lock of its new holder.
    assert try_trial_lock(study, folder, 0) is None
    other.release()


def test_the_lock_of_the_study_is_waited_for(study: optuna.Study, folder: StudyFolder) -> None:
    inside: list[int] = []

    def enter(k: int) -> None:
        with study_lock(study, folder):
            inside.append(k)
            time.sleep(0.02)
            assert inside[-1] == k

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(8)))
    assert sorted(inside) == list(range(8))


def test_trials_are_claimed_adopted_and_counted(
    study: optuna.Study, opened: Open, address: str, folder: StudyFolder
) -> None:
    one, other = lease_trial(study, folder, 2), lease_trial(study, folder, 2)
    assert one is not None
    assert other is not None
    assert lease_trial(study, folder, 2) is None
    assert is_worked_on_elsewhere(study, folder)
    other.lock.release()
    elsewhere = optuna.load_study(study_name="toy", storage=opened(address))
    assert interrupted_trials(elsewhere, folder) == [1]
    resumed = lease_trial(elsewhere, folder, 2)
    assert resumed is not None
    assert (resumed.trial.number, resumed.resumed) == (1, True)
    resumed.lock.release()
    one.lock.release()


def test_a_lease_costs_the_same_however_many_run_beside_it_and_all_locks_one_connection(
    server: Server, opened: Open, address: str, folder: StudyFolder
) -> None:
    n_questions, leases = [], list[Lease | None]()

    def take(study: optuna.Study) -> None:
        leases.append(lease_trial(study, folder, 9))

    for n_beside in (1, 7):
        others = optuna.create_study(storage=opened(address), study_name=f"toy-{n_beside}")
        held = [lease_trial(others, folder, 9) for _ in range(n_beside)]
        study = study_of(opened(address), others.study_name)
        study.get_trials()
        n_questions.append(len(statements_of(study, partial(take, study))))
        with engine_of(study).connect() as connection:
            connected = "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory'"
            assert connection.scalar(text(connected)) == len(n_questions) * 2
        leases += held
    assert n_questions[0] == n_questions[1]
    for lease in leases:
        assert lease is not None
        lease.lock.release()


class _LosesTheDatabase(RandomSampler):
    """A sampler in whose time, which is while a trial is claimed, every connection ends."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        end_connections(study)


def test_a_trial_that_was_begun_while_the_database_went_away_is_not_one_too_many(
    study: optuna.Study, folder: StudyFolder
) -> None:
    """Whoever has the lock of the study meanwhile may have begun the last trial that it needs."""
    study.sampler = _LosesTheDatabase()
    with pytest.raises(LostLockError):
        lease_trial(study, folder, 1)
    study.sampler = RandomSampler()
    lease = lease_trial(study, folder, 1)
    assert lease is not None
    lease.lock.release()
    failed, running = study.get_trials(deepcopy=False)
    assert (failed.state, running.state) == (TrialState.FAIL, TrialState.RUNNING)
    assert "went away" in failed.user_attrs["reason"]


def test_a_new_study_of_the_same_name_has_locks_of_its_own(study: optuna.Study, folder: StudyFolder) -> None:
    study.set_user_attr("study_id", "one")
    lock = try_trial_lock(study, folder, 0)
    study.set_user_attr("study_id", "another")
    other = try_trial_lock(study, folder, 0)
    assert lock is not None
    assert other is not None
    lock.release()
    other.release()


def test_four_processes_may_create_the_tables_at_once(opened: Open, address: str) -> None:
    script = (
        "import os, sys, optuna; from tune.study.storage import open_storage\n"
        "optuna.create_study(storage=open_storage(os.environ['ADDRESS']), study_name=sys.argv[1])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ADDRESS": address}
    processes = [subprocess.Popen([sys.executable, "-c", script, str(k)], env=environment) for k in range(4)]
    assert [process.wait(120) for process in processes] == [0, 0, 0, 0]
    assert len(opened(address).get_all_studies()) == 4


def test_a_restart_is_waited_for(server: Server, study: optuna.Study) -> None:
    trial = study.ask()
    server.control("restart")
    trial.report(0.5, 1)
    server.control("stop")
    try:
        with pytest.raises(ServerAwayError, match=r"cannot be reached.*--resume") as caught:
            trial.report(0.5, 2)
        assert server.password not in str(caught.value)
    finally:
        server.control("start")
    study.tell(trial, 0.5)
    assert study.best_trial.intermediate_values == {1: 0.5}


def test_a_wrong_password_is_a_sentence_that_does_not_show_it(server: Server, address: str) -> None:
    with pytest.raises(StorageError, match=r"tuner:\*\*\*@127.0.0.1.*password authentication failed") as caught:
        open_storage(address.replace(server.password, "guessed"))
    assert "guessed" not in str(caught.value)


def test_a_missing_driver_is_a_sentence_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"pip install 'psycopg\[binary\]'"):
        open_storage("postgresql://somebody:secret@127.0.0.1:1/none")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match="refused"):
        open_storage("postgresql://somebody:secret@127.0.0.1:1/none")


def run_with(address: str, *arguments: str, cold: bool = False) -> subprocess.Popen[str]:
    """A tuner that is given the address of the database in its environment."""
    return start(*arguments, "--storage=env:STUDY_DATABASE", environment={"STUDY_DATABASE": address}, cold=cold)


def all_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_workers_are_killed_and_the_server_restarts_and_nothing_is_lost(
    server: Server, opened: Open, address: str, tmp_path: Path
) -> None:
    """Two machines' worth of workers; what a kill leaves is adopted by the other one."""
    n_trials, n_kills = 6, 3
    where = ("--study-name=study", f"--save-dir={tmp_path}")
    begun = run_with(
        address, *SMALL, f"--trials={n_trials}", "--epochs=6", "--set=training.patience=6", "--pruner=none", *where
    )
    workers = [run_with(address, "worker", *where) for _ in range(2)]
    said = []
    storage = opened(address)

    def n_finished() -> int:
        try:
            trials = optuna.load_study(study_name="study", storage=storage).get_trials(deepcopy=False)
        except KeyError:
            return -1
        return sum(trial.state.is_finished() for trial in trials)

    for kill in range(n_kills + 1):
        while n_finished() <= kill:
            assert any(one.poll() is None for one in (begun, *workers))
            time.sleep(0.05)
        if kill == 1:
            server.control("restart")
        else:
            (begun if kill == 0 else workers[kill % 2]).kill()
            if kill:
                said.append("".join(workers[kill % 2].communicate(timeout=60)))
                workers[kill % 2] = run_with(address, "worker", *where)
    for worker in workers:
        output, errors = worker.communicate(timeout=240)
        said += [output, errors]
        assert worker.returncode == 0, output + errors
    said += begun.communicate(timeout=60)
    study = optuna.load_study(study_name="study", storage=storage)
    trials = study.get_trials(deepcopy=False)
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(done) == n_trials
    assert all(trial.state.is_finished() for trial in trials)
    assert sorted(trial.number for trial in trials) == list(range(len(trials)))
    assert all(list(trial.intermediate_values) == list(range(1, 7)) for trial in done)
    assert list(study.user_attrs["evaluations"]) == [str(study.best_trial.number)]
    assert len((tmp_path / "study" / "trials.csv").read_text().splitlines()) == len(trials) + 1
    # Nobody has written down the password.
    assert server.password not in "".join(said)
    assert server.password not in str(study.user_attrs)
    assert server.password.encode() not in all_files(tmp_path)


def test_a_worker_without_a_study_says_what_to_do(address: str, tmp_path: Path) -> None:
    worker = run_with(address, "worker", "--study-name=none", "--wait=1s", f"--save-dir={tmp_path}")
    output, errors = worker.communicate(timeout=120)
    assert worker.returncode == 2, output + errors
    assert "waiting up to 1 s" in output
    assert "there is no study 'none': begin it with" in errors


@pytest.mark.skipif(not (PROC / "self" / "cmdline").exists(), reason="looks for processes in /proc")
def test_no_list_of_processes_no_output_and_no_file_has_the_password(
    server: Server, address: str, tmp_path: Path
) -> None:
    """Wherever in the address it stands; only who writes it on the command line shows it, and is told so."""
    as_option = address.replace(f":{server.password}", "") + f"?password={server.password}"
    where = ("--study-name=study", f"--save-dir={tmp_path}")
    # Cold, to be in the list as it is for people.
    options = ("--trials=4", "--workers=2", f"--mlflow=sqlite:///{tmp_path}/ml.db")
    process = run_with(as_option, *SMALL, *options, *where, cold=True)
    n_seen = 0
    while process.poll() is None:
        n_seen = max(n_seen, len(workers_of(process.pid)))
        assert server.password.encode() not in b"".join(command_lines())
        time.sleep(0.1)
    assert n_seen >= 2
    said = [*process.communicate(timeout=60)]
    assert process.returncode == 0, said
    for command in (
        ("status",),
        ("status", "--check"),
        ("report",),
        ("export", "--format=torch-export"),
        ("diagnose",),
    ):
        for written in (address, as_option):
            named = where if command != ("status",) else where[1:]
            ended = run_with(written, *command, *named)
            said += ended.communicate(timeout=240)
            assert ended.returncode == 0, said
    assert server.password not in "".join(said)
    assert server.password.encode() not in all_files(tmp_path)
    for written in (address, as_option):
        assert "use env:VAR" in str(password_note(written))


def command_lines() -> Iterator[bytes]:
    for path in PROC.glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes()
