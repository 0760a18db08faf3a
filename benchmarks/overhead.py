"""What the tuner itself costs: everything outside forward, backward and optimiser step, and a single report.

PYTHONPATH=. .venv/bin/python benchmarks/overhead.py --dataset smartwatch --trials 30
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import torch
from optuna.pruners import MedianPruner
from torch import nn

from models import SequenceClassifier
from tune import run
from tune.config.settings import resolve
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.evaluation import test_evaluation as judgement
from tune.search import loop as search
from tune.study.storage import open_storage, sqlite_url
from tune.training import train as training
from tune.training.adamw import AdamW
from tune.training.checkpoint import CheckpointWriter
from tune.training.splits import load_splits


class Stopwatch:
    """Adds up the time spent in the functions that it wraps; nested calls count once."""

    def __init__(self) -> None:
        self.seconds, self.n_calls, self._depth = 0.0, 0, 0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            self.n_calls += 1
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - started

        return timed


def measure_study(dataset: str, n_trials: int, n_epochs: int) -> None:
    """A study with and without what is training proper.

    Training proper is a step (targets and their mixing, forward, loss, backward, clipping, optimiser, averaging) and
    a prediction. Batches, augmentation and preparation, checkpoints, suggestions, reports, pruning, records, scores,
    intervals and exports are the tuner's own. The stricter count takes nothing but calls of the network, of backward
    and of the optimiser for training.
    """
    proper, strict, epochs, exporting = Stopwatch(), Stopwatch(), Stopwatch(), Stopwatch()
    training._train_step = proper.wrap(training._train_step)
    for module in (training, judgement):
        module.predict = proper.wrap(module.predict)  # type: ignore[attr-defined]
    nn.Module.__call__ = strict.wrap(nn.Module.__call__)  # type: ignore[method-assign]
    SequenceClassifier.embed = strict.wrap(SequenceClassifier.embed)  # type: ignore[method-assign]
    torch.Tensor.backward = strict.wrap(torch.Tensor.backward)  # type: ignore[method-assign]
    AdamW.step = strict.wrap(AdamW.step)
    training._run_epoch = epochs.wrap(training._run_epoch)
    run.exported = exporting.wrap(run.exported)
    shares = {
        "leases": (search, "lease_trial"),
        "suggestions": (search, "suggest_all"),
        "reports": (optuna.Trial, "report"),
        "pruning": (MedianPruner, "prune"),
        "checkpoints kept": (CheckpointWriter, "keep"),
        "checkpoints waited for": (CheckpointWriter, "__exit__"),
        "storing": (search, "store"),
        "putting away": (search, "put_away"),
        "memory given back": (search, "return_free_memory"),
        "batches waited for": (Future, "result"),
    }
    watches = {name: Stopwatch() for name in shares}
    for name, (owner, function) in shares.items():
        setattr(owner, function, watches[name].wrap(getattr(owner, function)))
    for library in ("pandas", "optuna.importance", "tune.report.page"):
        importlib.import_module(library)  # Loaded late, but start-up all the same, however long the study.
    layer = {"search": {"trials": n_trials}, "training": {"epochs": n_epochs}, "split": {"folds": 0}}
    # The floors' closed forms are neither training proper nor a cost of trials; the rest is more of the same.
    trials_alone = {"search": {"floors": False, "ensemble": 0}, "confirmation": {"configurations": 0}}
    settings = resolve({"dataset": dataset}, layer, trials_alone)
    splits = load_splits(settings)
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place), "cost")
        storage = open_storage(sqlite_url(Path(place) / "tune.db"))
        started = time.perf_counter()
        context, notes = run.open_study(storage, folder, settings, None, splits)
        run.run_study(context, notes, show=nullcontext, stop=StopWatch())
        total = time.perf_counter() - started
    print(f"{n_trials} trials on {dataset}: {total:.1f} s, of which training proper {proper.seconds:.1f} s")
    print(f"the tuner's own cost: {100 * (1 - proper.seconds / total):.1f}%, of {epochs.n_calls} epochs")
    for name, part in watches.items():
        print(f"  {name}: {part.seconds:.2f} s in {part.n_calls} calls")
    print(f"in the stricter count: {100 * (1 - strict.seconds / total):.1f}%; exports: {exporting.seconds:.1f} s")


def measure_report(n_reports: int = 300) -> None:
    """One report to a study on disk."""
    with tempfile.TemporaryDirectory() as place:
        storage = open_storage(sqlite_url(Path(place) / "tune.db"))
        trial = optuna.create_study(storage=storage).ask()
        times = []
        for step in range(n_reports):
            started = time.perf_counter()
            trial.report(0.5, step)
            times.append(time.perf_counter() - started)
    print(
        f"a report: median {1e3 * median(times):.2f} ms, 95% under {1e3 * sorted(times)[n_reports * 95 // 100]:.2f} ms"
    )


def measure_help(n_runs: int = 7) -> None:
    """``--help``, warm."""
    times = []
    for _ in range(n_runs):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tune", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    print(f"--help: median {median(times[1:]):.2f} s")


def main() -> None:
    """Measures all three."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dataset", default="smartwatch")
    arguments.add_argument("--trials", type=int, default=30)
    arguments.add_argument("--epochs", type=int, default=12)
    given = arguments.parse_args()
    measure_help()
    measure_report()
    measure_study(given.dataset, given.trials, given.epochs)


if __name__ == "__main__":
    main()
