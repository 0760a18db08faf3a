"""Trials as tasks of a real Ray: processes of it are killed, the run is interrupted, and the study is the same."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from tests.children import PROC, is_alive, wait_until_gone
from tests.postgres import CannotStartError, running_server
from tests.processes import SMALL, run, start
from tune.config.arguments import settings_layers
from tune.config.settings import Settings, resolve
from tune.core.errors import StudyError
from tune.core.problems import SettingsError
from tune.search.ray_cluster import (
    ROOT,
    _copy_code,
    _is_on_this_machine,
    check_engine,
    n_places,
    request_of,
    running_cluster,
)
from tune.search.ray_engine import _absolute
from tune.search.ray_queue import Event, EventQueue
from tune.study.storage import open_storage, sqlite_url

SQLITE = "sqlite:////tmp/tune.db"
SERVER = "postgresql://somebody@database.example/studies"
HAS_RAY = importlib.util.find_spec("ray") is not None
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
TASK = b"ray::run_numbered_trial"
SECONDS = 600.0
Test = TypeVar("Test", bound=Callable[..., None])
MARKS = (
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not HAS_RAY, reason="ray is not installed"),
    pytest.mark.skipif(not (PROC / "self" / "stat").exists(), reason="looks for processes in /proc"),
)


def on_linux_with_ray(test: Test) -> Test:
    """A test that starts a Ray, and looks at its processes."""
    for mark in MARKS:
        test = mark(test)
    return test


def with_engine(**options: str) -> Settings:
    """The settings that these options mean."""
    return resolve(*settings_layers(None, (), options))


def test_ray_takes_as_many_trials_at_once_as_there_is_room_for_unless_told() -> None:
    assert with_engine(engine="ray").machine.workers == 0
    assert with_engine(engine="ray", workers="3").machine.workers == 3
    assert resolve(*settings_layers(None, ("machine.workers=2",), {"engine": "ray"})).machine.workers == 2
    assert with_engine().machine.workers == 0


def test_a_trial_asks_for_its_part_of_a_gpu() -> None:
    room = {"GPU": 2.0, "CPU": 16.0}
    cluster = SimpleNamespace(cluster_resources=lambda: room, nodes=lambda: [{"Alive": True, "Resources": room}])
    for per_gpu in (1, 3, 49):
        settings = with_engine(engine="ray", workers_per_gpu=str(per_gpu))
        request = request_of(settings, "cpu", cluster)
        assert (request.gpus, request.device) == (1 / per_gpu, "cuda")
        assert n_places(settings, request, cluster) == min(16, 2 * per_gpu)


def test_a_study_is_brought_home_from_a_cluster() -> None:
    on_cluster = with_engine(engine="ray", address="auto").model_dump(mode="json")
    home = resolve(on_cluster, *settings_layers(None, (), {"engine": "local"}))
    assert (home.machine.engine, home.machine.address) == ("local", None)


@pytest.mark.parametrize("options", [{"address": "auto"}, {"engine": "local", "address": "auto"}, {"engine": "dask"}])
def test_an_engine_or_address_that_makes_no_sense_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="engine"):
        with_engine(**options)


@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed")
@pytest.mark.parametrize("address", ["192.0.2.1:6379", "ray://192.0.2.1:10001", "no.such.host.invalid:6379"])
def test_a_file_cannot_be_shared_with_other_machines(address: str) -> None:
    settings = with_engine(engine="ray", address=address)
    with pytest.raises(StudyError, match=r"SQLite.*--storage with a PostgreSQL server"):
        check_engine(settings, SQLITE)
    check_engine(settings, SERVER)


@pytest.mark.parametrize(
    "address", ["auto", "127.0.0.1:6379", "127.0.0.1", "ray://localhost:10001", "[::1]:6379", "::1"]
)
def test_this_machine_is_known_by_its_addresses(address: str) -> None:
    if "::1" in address and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6")
    assert _is_on_this_machine(address)


def test_a_cluster_that_is_not_there_is_a_sentence_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        settings = with_engine(engine="ray", address=address)
        with pytest.raises(StudyError, match=r"no Ray cluster.*refused.*correct --address"):
            running_cluster(settings, SQLITE, 0).__enter__()


@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed")
def test_ray_deals_out_the_gpus() -> None:
    with pytest.raises(StudyError, match="--device cuda instead of cuda:1"):
        check_engine(with_engine(engine="ray", device="cuda:1"), SQLITE)


def test_a_missing_ray_is_a_sentence_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_engine(with_engine(), SQLITE)
    with pytest.raises(StudyError, match=r"pip install 'ray>=2\.60'"):
        check_engine(with_engine(engine="ray"), SQLITE)


def test_only_code_is_shipped_and_it_is_enough(tmp_path: Path) -> None:
    _copy_code(tmp_path)
    shipped = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {Path(name).suffix for name in shipped} <= {".py", ".html"}
    assert {"tune/search/ray_task.py", "models/base.py", "data/splits/split.py"} <= shipped
    assert sum((tmp_path / name).stat().st_size for name in shipped) < 5 << 20
    assert not any("cache/" in name for name in shipped)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tune.search.ray_task"
    command = [sys.executable, "-I", "-c", code]
    subprocess.run(command, check=True, cwd=ROOT.parent)


def test_a_task_finds_the_database_from_wherever_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _absolute("sqlite:///here/tune.db") == f"sqlite:///{tmp_path.as_posix()}/here/tune.db"
    assert _absolute("postgresql://a:secret@host/b") == "postgresql://a:secret@host/b"


def test_the_queue_gives_each_event_once_and_passes_on_the_wish_to_stop() -> None:
    queue = EventQueue()
    event = Event(0, 0, "epoch_finished", (1, 2, 0.5))
    queue.tell(event)
    assert not queue.shall_stop()
    assert queue.exchange(True) == [event]
    assert queue.shall_stop()
    assert queue.exchange(False) == []
    assert not queue.shall_stop()


def descendants(pid: int) -> list[int]:
    """All processes that a process has started, and those that these have started."""
    parents = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            try:
                parents[int(name)] = int((PROC / name / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def tasks_of(pid: int) -> list[int]:
    """The processes of Ray that run a trial now."""
    found = []
    for one in descendants(pid):
        try:
            title = (PROC / str(one) / "cmdline").read_bytes()
        except OSError:
            continue
        found += [one] if title.startswith(TASK) and is_alive(one) else []
    return found


def addresses_listened_on(pids: list[int]) -> set[str]:
    """Of these processes, in the hexadecimal of proc_net_tcp(5)."""
    inodes = set()
    for pid in pids:
        try:
            inodes |= {os.readlink(handle) for handle in (PROC / str(pid) / "fd").iterdir()}
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found.add(fields[1].rpartition(":")[0])
    return found


def wait_for(process: subprocess.Popen[str], what: Callable[[], Any]) -> Any:
    """What it gives, once it gives something."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := what():
            return found
        time.sleep(0.05)
    process.kill()
    output, errors = process.communicate()
    if "Ray cannot be started" in errors:
        pytest.skip(errors)
    pytest.fail(f"ended by itself, or took too long: {output + errors}")


@contextmanager
def opened(url: str) -> Iterator[RDBStorage]:
    """A database, closed in the end: a connection that is left to be cleaned up is warned of."""
    storage = open_storage(url)
    try:
        yield storage
    finally:
        storage.engine.dispose()


def trials(storage: RDBStorage) -> list[FrozenTrial]:
    """Of the study; none while it is being made."""
    try:
        return optuna.load_study(study_name="ray", storage=storage).get_trials(deepcopy=False)
    except KeyError:
        return []


def n_epochs(storage: RDBStorage) -> int:
    return sum(len(trial.intermediate_values) for trial in trials(storage))


def options(save_dir: Path, *more: str) -> tuple[str, ...]:
    place = ("--save-dir", str(save_dir), "--study-name", "ray", "--resume")
    return (*SMALL, "--epochs=8", "--pruner=none", "--set=training.patience=8", *place, *more)


@contextmanager
def on_ray(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own; nothing of it is left in the end."""
    process = start(*arguments, "--engine=ray", environment={"RAY_ADDRESS": "", **environment}, own_group=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_a_task(process: subprocess.Popen[str], storage: RDBStorage) -> None:
    """Kills a process of Ray in the midst of a trial."""
    before = n_epochs(storage)
    wait_for(process, lambda: n_epochs(storage) > before)
    os.kill(wait_for(process, lambda: tasks_of(process.pid))[0], signal.SIGKILL)


def outline(trial: FrozenTrial) -> tuple[object, ...]:
    """What must not depend on where a trial ran, and what happened there."""
    return trial.number, trial.state, trial.params, trial.values, trial.intermediate_values


@on_linux_with_ray
def test_killed_and_interrupted_and_brought_home_it_is_the_same_study(tmp_path: Path) -> None:
    arguments = options(tmp_path / "ray", "--workers=1")
    with opened(sqlite_url(tmp_path / "ray" / "tune.db")) as storage, on_ray(*arguments, "--trials=60") as process:
        kill_a_task(process, storage)
        wait_for(process, lambda: any(trial.state.is_finished() for trial in trials(storage)))
        everything = descendants(process.pid)
        assert len(everything) > 5
        assert addresses_listened_on(everything) <= LOOPBACK
        os.killpg(process.pid, signal.SIGINT)  # As the terminal does with Ctrl-C.
        output, errors = process.communicate(timeout=SECONDS)
        assert (process.returncode, errors) == (130, ""), output
        assert "crashed" in output
        assert "raylet" not in output
        assert wait_until_gone(everything, SECONDS) == []
        n_trials = len(trials(storage)) + 1
        run(*arguments, f"--trials={n_trials}", "--engine=local")
        found = trials(storage)
    assert [len(trial.user_attrs.get("crashes", [])) for trial in found].count(1) == 1
    run(*options(tmp_path / "peaceful", f"--trials={n_trials}"))
    with opened(sqlite_url(tmp_path / "peaceful" / "tune.db")) as storage:
        assert list(map(outline, found)) == list(map(outline, trials(storage)))


@on_linux_with_ray
def test_two_at_once_on_a_database_server_come_to_the_exact_number(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    try:
        with running_server() as server:
            address = server.database("ray")
            arguments = options(tmp_path, "--trials=4", "--workers=2", "--storage=env:STUDY_DATABASE")
            with opened(address) as storage, on_ray(*arguments, STUDY_DATABASE=address) as process:
                kill_a_task(process, storage)
                output, errors = process.communicate(timeout=SECONDS)
                assert process.returncode == 0, output + errors
                assert server.password not in output + errors
                found = trials(storage)
    except CannotStartError as error:
        pytest.skip(str(error))
    assert [trial.number for trial in found] == list(range(4))
    assert {trial.state for trial in found} == {TrialState.COMPLETE}
    assert all(list(trial.intermediate_values) == list(range(1, 9)) for trial in found)
    assert sum(len(trial.user_attrs.get("crashes", [])) for trial in found) == 1
    assert (tmp_path / "ray" / "best_config.json").exists()
