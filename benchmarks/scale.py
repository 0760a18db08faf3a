"""What a study costs that has had many trials: a trial's own cost, opening it, ``status``, the report, the dashboard.

    PYTHONPATH=. .venv/bin/python -m benchmarks.scale --trials 100 1000 10000

Makes up studies of so many trials, with the attributes and intermediate values of real ones, and measures each line of
the table in a process of its own, in seconds of the processor. A trial trains nothing, but is leased, drawn, reported,
judged and stored, with what is done after it. Plain Optuna does what it can of the same with the same trials: TPE, the
median pruner (Hyperband beside halving), the same attributes. Linux only.
"""

from __future__ import annotations

import argparse
import copy
import cProfile
import functools
import gzip
import io
import json
import multiprocessing
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna import Study
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import insert

from tune.cli.commands.status import status_command
from tune.config.settings import Settings, resolve
from tune.core.folders import SaveDir, StudyFolder
from tune.core.stopping import StopWatch
from tune.report.outputs import load_libraries, write_exports
from tune.run import open_study
from tune.search import loop
from tune.search.progress import Progress
from tune.study.brackets import Leg
from tune.study.context import RunContext
from tune.study.database import StudyDatabase
from tune.study.records import Outcome
from tune.study.samplers import N_STARTUP_TRIALS, n_finished
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import engine_of, one_transaction
from tune.study.study import load_study
from tune.training.splits import load_splits

from .report import N_EPOCHS, make_trial

PRUNERS = ("halving", "median")
NAME = "large"
# A bracket, so that every trial of it goes as far as it can get.
N_MORE = 9
N_DRAWN = 8
STATUS = Path("/proc/self/status")


def settings_of(pruner: str, n_trials: int = 20) -> Settings:
    """Of the study with that pruner."""
    # With one data set's few validation sequences a made-up score may leave nothing to be gained.
    search = {"pruner": pruner, "floors": False, "stop": "never", "trials": n_trials}
    return resolve({"search": search, "training": {"epochs": N_EPOCHS}, "split": {"folds": 0}})


def add_trials(study: Study, trials: Sequence[FrozenTrial]) -> None:
    """Puts them all into an SQLite database at once; Optuna takes several milliseconds for each."""
    rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for trial_id, trial in enumerate(trials, 1):
        times = {"datetime_start": trial.datetime_start, "datetime_complete": trial.datetime_complete}
        head = {"trial_id": trial_id, "study_id": study._study_id, "number": trial.number, "state": trial.state}
        rows[models.TrialModel].append({**head, **times})
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            param = {"param_name": name, "param_value": distribution.to_internal_repr(value)}
            param["distribution_json"] = distribution_to_json(distribution)
            rows[models.TrialParamModel].append({"trial_id": trial_id, **param})
        for name, value in trial.user_attrs.items():
            attribute = {"trial_id": trial_id, "key": name, "value_json": json.dumps(value)}
            rows[models.TrialUserAttributeModel].append(attribute)
        for step, score in trial.intermediate_values.items():
            reported = {"step": step, "intermediate_value": score, "intermediate_value_type": "FINITE"}
            rows[models.TrialIntermediateValueModel].append({"trial_id": trial_id, **reported})
        for objective, value in enumerate(trial.values or ()):
            scored = {"objective": objective, "value": value, "value_type": "FINITE"}
            rows[models.TrialValueModel].append({"trial_id": trial_id, **scored})
    with engine_of(study).begin() as connection:
        for model, found in rows.items():
            connection.execute(insert(model.__table__), found)


def make_studies(place: Path, n_trials: int, pruners: Sequence[str] = PRUNERS) -> None:
    """One for each pruner, with the same trials in as many databases."""
    generator = np.random.default_rng(0)
    made = [make_trial(number, settings_of("halving"), generator) for number in range(n_trials)]
    for pruner in pruners:
        settings, folder = settings_of(pruner), StudyFolder(place / pruner, NAME)
        context, _ = open_study(database(place, pruner), folder, settings, None, load_splits(settings))
        with engine_of(context.study).begin() as connection:  # Those that are lined up.
            for model in (models.TrialUserAttributeModel, models.TrialSystemAttributeModel, models.TrialModel):
                connection.execute(model.__table__.delete())
        add_trials(context.study, made)


def database(place: Path, pruner: str) -> StudyDatabase:
    """Of the study with that pruner."""
    (place / pruner).mkdir(exist_ok=True)
    return open_storage(sqlite_url(place / pruner / "tune.db"))


def resumed(place: Path, pruner: str, n_more: int = 0, n_trials: int | None = None) -> RunContext:
    """The study, to be given so many trials more, or in all."""
    storage = database(place, pruner)
    existing = load_study(storage, NAME)
    assert existing is not None
    settings = settings_of(pruner, n_trials or n_finished(existing) + n_more)
    context, _ = open_study(storage, StudyFolder(place / pruner, NAME), settings, existing, load_splits(settings))
    return context


def killed(place: Path, pruner: str, n_kills: int, within: float) -> str:
    """Opens the study, gives it a trial more, reports and shows it, and is killed so many times meanwhile.

    Returns:
        How far it had come each time, in seconds.
    """
    dice, moments = random.Random(0), []
    with database_closed(place, pruner) as study:
        n_before = n_finished(study)
    for seconds in [*(dice.uniform(0, within) for _ in range(n_kills)), None]:
        process = multiprocessing.get_context("spawn").Process(target=in_one_go, args=(place, pruner, n_before + 1))
        process.start()
        process.join(seconds)
        was_at_work = process.is_alive()
        process.kill()
        process.join()
        with database_closed(place, pruner) as study, engine_of(study).connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert n_finished(study) in ((n_before, n_before + 1) if was_at_work else (n_before + 1,))
        if was_at_work:
            moments.append(f"{seconds:.0f}")
        elif seconds is None:
            assert process.exitcode == 0
    return f"killed after {', '.join(moments)} s; then whole, with one trial more, reported and shown"


@contextmanager
def database_closed(place: Path, pruner: str) -> Iterator[Study]:
    """The study, whose database is closed again afterwards."""
    study = load_study(storage := database(place, pruner), NAME)
    assert study is not None
    yield study
    storage.engine.dispose()


def in_one_go(place: Path, pruner: str, n_trials: int) -> None:
    """Opened, resumed up to so many trials, reported and shown."""
    loop.run_trial = untrained  # type: ignore[assignment, attr-defined]
    context = resumed(place, pruner, n_trials=n_trials)
    loop.ThisProcess().run(context, Progress("accuracy", N_EPOCHS, n_trials), StopWatch())
    write_exports(context.study, context.settings, context.folder)
    shown(place, pruner)


def untrained(
    context: RunContext,
    trial: optuna.Trial,
    parameters: dict[str, Any],
    *,
    leg: Leg,
    before_step: Callable[[], None],
    after_epoch: Callable[[int, float], None],
) -> Outcome:
    """What ``run_trial`` does of a trial, but for the training."""
    like, pruner, is_pruned = example(context.settings), trial.study.pruner, False
    frozen = copy.deepcopy(trial.study.get_trials(deepcopy=False)[trial.number])
    for epoch in range(1 + max(frozen.intermediate_values, default=0), 1 + (leg.until or N_EPOCHS)):
        before_step()
        score = like.intermediate_values[epoch] - trial.number % 7 / 1000
        trial.report(score, epoch)
        frozen.intermediate_values[epoch] = score
        after_epoch(epoch, score)
        if is_pruned := pruner.prune(trial.study, frozen):
            break
    score = max(frozen.intermediate_values.values())
    is_pruned |= leg.is_pruned
    waits = leg.until is not None and not is_pruned
    weights = () if is_pruned or waits else ({"weight": torch.zeros(8)},)
    return Outcome(is_pruned, None if is_pruned else score, "", like.user_attrs, weights, waits=waits)


@functools.cache
def _example(settings: str) -> FrozenTrial:
    generator = np.random.default_rng(0)
    parsed = Settings.model_validate_json(settings)
    while (trial := make_trial(0, parsed, generator)).state != TrialState.COMPLETE:
        pass
    return trial


def example(settings: Settings) -> FrozenTrial:
    """A complete trial, which all that are run here are like."""
    return _example(settings.model_dump_json())


def own_cost(place: Path, pruner: str) -> float:
    """Of a trial, all that is done for it but its training, in seconds of the processor."""
    loop.run_trial = untrained  # type: ignore[assignment, attr-defined]
    context = resumed(place, pruner, N_MORE)
    load_libraries()
    for _ in range(2):  # The first ones find what has to be found once a process.
        progress = Progress("accuracy", N_EPOCHS, context.settings.search.trials)
        begun, n_before = time.process_time(), n_finished(context.study)
        loop.ThisProcess().run(context, progress, StopWatch())
        seconds = time.process_time() - begun
        assert n_finished(context.study) - n_before == N_MORE, progress.rows
        context = replace(context, settings=settings_of(pruner, n_before + 2 * N_MORE))
    return seconds / N_MORE


def plain_cost(place: Path, pruner: str) -> float:
    """The same of Optuna alone."""
    sampler = optuna.samplers.TPESampler(n_startup_trials=N_STARTUP_TRIALS, seed=0)
    chosen = optuna.pruners.MedianPruner() if pruner == "median" else optuna.pruners.HyperbandPruner()
    study = optuna.load_study(study_name=NAME, storage=database(place, pruner), sampler=sampler, pruner=chosen)
    settings = settings_of(pruner)
    searched, like = settings.ranges()[0], example(settings)
    study.get_trials(deepcopy=False)

    def objective(trial: optuna.Trial) -> float:
        loop.suggest_all(trial, searched)
        for epoch, score in like.intermediate_values.items():
            trial.report(score - trial.number % 7 / 1000, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        with one_transaction(study):
            for name, value in like.user_attrs.items():
                trial.set_user_attr(name, value)
        return max(like.intermediate_values.values())

    study.optimize(objective, N_MORE)
    begun = time.process_time()
    study.optimize(objective, N_MORE)
    return (time.process_time() - begun) / N_MORE


def opened(place: Path, pruner: str) -> float:
    """Opening a study and taking it up."""
    begun = time.process_time()
    resumed(place, pruner, 0)
    return time.process_time() - begun


def plain_opened(place: Path, pruner: str) -> float:
    """Loading all trials with Optuna alone."""
    begun = time.process_time()
    optuna.load_study(study_name=NAME, storage=database(place, pruner)).get_trials(deepcopy=False)
    return time.process_time() - begun


def drawn(place: Path, pruner: str) -> float:
    """A suggestion."""
    context = resumed(place, pruner, 10 * N_DRAWN)
    return _drawn(context.study, context.settings)


def plain_drawn(place: Path, pruner: str) -> float:
    """A suggestion by Optuna's TPE."""
    sampler = optuna.samplers.TPESampler(n_startup_trials=N_STARTUP_TRIALS, seed=0)
    study = optuna.load_study(study_name=NAME, storage=database(place, pruner), sampler=sampler)
    study.get_trials(deepcopy=False)
    return _drawn(study, settings_of(pruner))


def _drawn(study: Study, settings: Settings) -> float:
    searched, seconds = settings.ranges()[0], []
    for _ in range(1 + N_DRAWN):
        begun = time.process_time()
        trial = study.ask()
        loop.suggest_all(trial, searched)
        seconds.append(time.process_time() - begun)
        study.tell(trial, state=TrialState.FAIL)
    return sum(seconds[1:]) / N_DRAWN  # The first finds what has to be found once a process.


def status(place: Path, pruner: str) -> float:
    """``status``, start-up left out."""
    begun = time.process_time()
    with redirect_stdout(io.StringIO()):
        status_command(SaveDir(place / pruner), None)
    return time.process_time() - begun


def reported(place: Path, pruner: str) -> float:
    """All that ``report`` writes."""
    load_libraries()
    begun = time.process_time()
    study = load_study(database(place, pruner), NAME)
    assert study is not None
    write_exports(study, settings_of(pruner), StudyFolder(place / pruner, NAME))
    return time.process_time() - begun


def shown(place: Path, pruner: str) -> float:
    """The dashboard's page of the study, compressed."""
    # Which no run loads, and would be counted as the memory of all others.
    from optuna_dashboard import wsgi

    from tune.report.dashboard_guard import compressed
    from tune.report.dashboard_study import brief

    storage = database(place, pruner)
    application = compressed(brief(wsgi(storage), storage))
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/1", "HTTP_ACCEPT_ENCODING": "gzip"}
    environ: dict[str, Any] = {**asked, "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "QUERY_STRING": ""}
    begun = time.process_time()
    answer = b"".join(application(environ, lambda *_: lambda _: None))
    seconds = time.process_time() - begun
    assert len(json.loads(gzip.decompress(answer))["trials"]) >= N_DRAWN
    print(f"the dashboard's answer has {len(answer) / 1e6:.1f} MB", flush=True)
    return seconds


MEASURES: dict[str, tuple[Callable[[Path, str], float], Callable[[Path, str], float] | None]] = {
    "a trial's own cost": (own_cost, plain_cost),
    "open and resume": (opened, plain_opened),
    "a suggestion": (drawn, plain_drawn),
    "status": (status, None),
    "report": (reported, None),
    "dashboard's page": (shown, None),
}


def peak_mb() -> int:
    """Most memory that this process ever had (proc(5), VmHWM; getrusage's would be that of the one that began it)."""
    return int(STATUS.read_text().partition("VmHWM:")[2].split()[0]) * 1024 // 10**6


def measured(measure: Callable[[Path, str], float], place: Path, pruner: str, profile: str | None) -> tuple[float, int]:
    """Seconds of the processor, and the most memory that the process ever had, in MB."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if profile is None:
        seconds = measure(place, pruner)
    else:
        with cProfile.Profile() as profiler:
            seconds = measure(place, pruner)
        profiler.dump_stats(f"{profile}-{measure.__name__}-{pruner}.prof")
    return seconds, peak_mb()


def main() -> None:
    """Prints the table, a line as soon as it is measured."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    arguments.add_argument("--pruners", nargs="+", choices=PRUNERS, default=PRUNERS)
    arguments.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    arguments.add_argument("--kills", type=int, default=5, help="of a process that does it all in one go")
    arguments.add_argument("--within", type=float, default=120, help="seconds on the clock, for the kills")
    arguments.add_argument("--profile", help="begin of the names of files for pstats")
    given = arguments.parse_args()
    print(f"{'trials':>7} {'pruner':8} {'':20} {'ours':>16} {'plain Optuna':>16}", flush=True)
    for n_trials in given.trials:
        with tempfile.TemporaryDirectory() as place:
            make_studies(Path(place), n_trials, given.pruners)
            for pruner in given.pruners:
                for name in given.only:
                    shown = [_measured(one, Path(place), pruner, given.profile) for one in MEASURES[name]]
                    print(f"{n_trials:7} {pruner:8} {name:20} {shown[0]:>16} {shown[1]:>16}", flush=True)
                if given.kills:
                    print(
                        f"{n_trials:7} {pruner:8} {killed(Path(place), pruner, given.kills, given.within)}", flush=True
                    )


def _measured(measure: Callable[[Path, str], float] | None, place: Path, pruner: str, profile: str | None) -> str:
    """In a process that has nothing of the study in memory yet."""
    if measure is None:
        return ""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        seconds, memory = process.submit(measured, measure, place, pruner, profile).result()
    return f"{seconds:.3f} s {memory:5} MB"


if __name__ == "__main__":
    main()
