"""Which sampler and which pruner find a good configuration soonest.

Every strategy gets the same time on one core, without the default first trial (which would hide the search behind
the experience of its authors). The time is the processor's, which other programs on the machine do not stretch.
Reported are the best validation score so far (its mean over the time, at its end, and after a number of finished
trials), and the test score of the configuration that was best in the end.

    PYTHONPATH=. .venv/bin/python benchmarks/strategies.py --dataset smartwatch --seconds 30 --seeds 3
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import torch
from optuna.distributions import BaseDistribution

from data.tensors.channels import Preparation
from tune.config.settings import Settings, resolve
from tune.core.files import write_text
from tune.core.folders import StudyFolder
from tune.core.seeds import derive_seed
from tune.core.stopping import StopWatch
from tune.evaluation.test_evaluation import evaluate_selected
from tune.search.loop import ThisProcess
from tune.study.context import RunContext
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import with_strategy
from tune.training.fit import EpochResult, Fit, TrainingSettings
from tune.training.fold_fits import begin_fits, fit_runs
from tune.training.hyperparameters import fields_of, training_settings
from tune.training.metrics import score
from tune.training.splits import Splits, load_splits
from tune.training.train import predict

CPU = torch.device("cpu")
STRATEGIES = (
    "random x none",
    "random x median",
    "random x quartile",
    "random x hyperband",
    "tpe x none",
    "tpe x median",
    "tpe x quartile",
    "tpe x hyperband",
    "gp x none",
    "gp x quartile",
    "sober 2",
)
N_TRIALS_COMPARED = 10
N_EPOCHS = 8

# Trials of seconds, so that a strategy makes a dozen decisions in the time it gets.
CHEAP = {
    "gru": {"hidden_size": {"high": 32}, "n_layers": 1, "front_channels": {"high": 32}},
    "shared": {"batch_size": [64, 128]},
}

# Windows of 200 steps are shortened before the recurrent layer, for the same reason.
SHORTENED = {"front_layers": {"low": 2}, "front_stride": 2}


class ProcessorWatch(StopWatch):
    """Ends a run after so many seconds of this process on the processor."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.process_time() + seconds

    @property
    def reason(self) -> str | None:
        """In words; None while the run goes on."""
        return "time is up" if time.process_time() >= self._end else None


class Trace:
    """Best score so far, with the seconds and the finished trials at which it was reached."""

    def __init__(self) -> None:
        self.started = time.process_time()
        self.points: list[tuple[float, int, float]] = []
        self.n_finished = 0

    def add(self, value: float | None) -> None:
        """A trial is finished."""
        self.n_finished += 1
        best = self.points[-1][2] if self.points else 0.0
        self.points.append((time.process_time() - self.started, self.n_finished, max(best, value or 0.0)))

    def trial_started(self, number: int, parameters: dict[str, Any], resumed: bool) -> None:
        """Nothing to note."""

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """Nothing to note."""

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A trial is finished."""
        self.add(value)


def run_study(settings: Settings, splits: Splits, seconds: float) -> tuple[Trace, float]:
    """A study with the sampler and pruner of the settings; the trace and the best one's test accuracy."""
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place), "strategy")
        folder.root.mkdir()
        storage = open_storage(sqlite_url(Path(place) / "tune.db"))
        study = optuna.create_study(storage=storage, study_name="strategy", direction="maximize")
        with_strategy(study, settings)
        trace = Trace()
        context = RunContext(study, settings, splits, folder, CPU)
        ThisProcess().run(context, trace, ProcessorWatch(seconds))
        evaluate_selected(context)
        found = list(study.user_attrs.get("evaluations", {}).values())
        return trace, float(found[0]["test"]["accuracy"]) if found else 0.0


def run_sober(settings: Settings, splits: Splits, seconds: float, n_epochs_for_all: int) -> tuple[Trace, float]:
    """A few epochs for random configurations during half of the time, then the best ones in full (arXiv 2307.15422)."""
    trace, deadline = Trace(), time.process_time() + seconds
    candidates: list[tuple[float, int, Fit, TrainingSettings, dict[str, Any]]] = []
    searched, fixed = settings.ranges()
    number, best, best_test = 0, 0.0, 0.0
    while time.process_time() < deadline - seconds / 2:
        seed = derive_seed(settings.search.seed, "sober", number)
        parameters = {**fixed, **_draw(searched, seed)}
        training = training_settings(settings, parameters, seed)
        fit = begin_fits(parameters, settings, splits, training, CPU)[0]
        for result in _epochs(fit, splits, training, parameters):
            if result.epoch == n_epochs_for_all:
                break
        trace.add(fit.best.validation.accuracy)
        heapq.heappush(candidates, (-fit.best.validation.accuracy, number, fit, training, parameters))
        number += 1
    while candidates and time.process_time() < deadline:
        _, _, fit, training, parameters = heapq.heappop(candidates)
        for _ in _epochs(fit, splits, training, parameters):
            if time.process_time() > deadline:
                break
        trace.add(fit.best.validation.accuracy)
        if fit.best.validation.accuracy > best:
            best = fit.best.validation.accuracy
            fit.model.load_state_dict(fit.best_weights)
            test = splits.prepared(0, "test", fields_of(Preparation, parameters))
            best_test = score(predict(fit.model, test, CPU), test.labels).accuracy
    return trace, best_test


def _epochs(fit: Fit, splits: Splits, training: TrainingSettings, parameters: dict[str, Any]) -> Iterator[EpochResult]:
    return fit_runs([fit], splits, parameters, training, lambda: None)[0]


def _draw(searched: dict[str, BaseDistribution], seed: int) -> dict[str, Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask(fixed_distributions=searched)
    return dict(trial.params)


def summarise(trace: Trace, seconds: float) -> dict[str, float]:
    """The figures of one run."""
    in_time = [value for at, _, value in trace.points if at <= seconds]
    by_trials = [value for _, n_trials, value in trace.points if n_trials <= N_TRIALS_COMPARED]
    anytime, at_before, best_before = 0.0, 0.0, 0.0
    for at, _, value in [*trace.points, (seconds, 0, 0.0)]:
        anytime += (min(at, seconds) - min(at_before, seconds)) * best_before
        at_before, best_before = at, max(value, best_before)
    return {
        "anytime": anytime / seconds,
        "after_time": in_time[-1] if in_time else 0.0,
        f"after_{N_TRIALS_COMPARED}_trials": by_trials[-1] if by_trials else 0.0,
        "n_trials": float(trace.n_finished),
    }


def main() -> None:
    """Runs every strategy with every seed, in turn, and prints a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dataset", default="smartwatch")
    arguments.add_argument("--seconds", type=float, default=30.0)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--strategies", nargs="*", default=STRATEGIES)
    arguments.add_argument("--output", type=Path, default=Path("benchmarks/results/strategies.json"))
    given = arguments.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in given.strategies}
    for seed in range(1, given.seeds + 1):
        for name in given.strategies:
            sampler, _, pruner = name.partition(" x ")
            own = {} if name.startswith("sober") else {"sampler": sampler, "pruner": pruner}
            settings = resolve(
                {
                    "dataset": given.dataset,
                    "search": {"seed": seed, "trials": 1_000, **own},
                    "split": {"seed": seed, "folds": 0},
                },
                {"space": CHEAP, "training": {"epochs": N_EPOCHS, "patience": 6, "refit": False}},
                {"space": {"gru": SHORTENED}} if given.dataset == "watch" else {},
            )
            splits = load_splits(settings)
            if own:
                trace, test = run_study(settings, splits, given.seconds)
            else:
                trace, test = run_sober(settings, splits, given.seconds, int(name.split()[1]))
            found[name].append({**summarise(trace, given.seconds), "test": test})
            print(seed, name, found[name][-1], flush=True)
            write_text(given.output, json.dumps({"arguments": str(vars(given)), "found": found}, indent=2))
    print(f"\n{given.dataset}, {given.seconds:g} s, {given.seeds} seeds\n")
    print("| strategy | mean over the time | at its end | after 10 trials | test | trials |\n|---|---|---|---|---|---|")
    for name, runs in found.items():
        means = {key: fmean(run[key] for run in runs) for key in runs[0]}
        shares = ("anytime", "after_time", f"after_{N_TRIALS_COMPARED}_trials", "test")
        print(f"| {name} |", " | ".join(f"{100 * means[key]:.2f}" for key in shares), f"| {means['n_trials']:.1f} |")


if __name__ == "__main__":
    main()
