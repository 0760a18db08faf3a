"""Trials a minute of two workers against one: the same study, `--workers 1` and `--workers 2`, in turn.

PYTHONPATH=. .venv/bin/python benchmarks/workers.py --dataset smartwatch --trials 40

Nothing else may run meanwhile, and there must be a core for every worker. Two ratios come of each run: over the whole
search, in which two processes more have to start; and from the first stored trial to the last, in which none has.
Beside them stands the processor time that a run takes, start-up included, which hardly depends on what else the machine
does: twice that of one worker by that of two is the most that the ratio could be with a core for each.
Every trial has the same epochs (no pruning), and configurations are drawn at random, since what TPE draws depends on
who finished before.

A machine sets its own limit: two cores that share their memory, or are two threads of one core, do less than twice
the work. What it is, is measured before and after by processes that do nothing but train one network on one batch.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

import optuna
import torch

from benchmarks.processor_time import adopt_orphans, processor_seconds
from models import build

NAME = "speed"


@dataclass(frozen=True)
class Speed:
    """Trials a minute of one run.

    Attributes:
        whole: From the start of the process to its last trial.
        steady: From the end of its first trial to that of its last.
        processor_seconds: Of all its processes, a trial.
    """

    whole: float
    steady: float
    processor_seconds: float


def measure(dataset: str, n_workers: int, n_trials: int, epochs: int, seed: int) -> Speed:
    """One study, as a user starts it.

    Raises:
        CalledProcessError: If it fails.
    """
    command = [sys.executable, "-m", "tune", "--dataset", dataset, "--trials", str(n_trials), "--epochs", str(epochs)]
    command += ["--folds", "0", "--no-floors", "--confirm", "0", "--ensemble", "off"]
    command += ["--workers", str(n_workers), "--seed", str(seed), "--sampler", "random", "--pruner", "none"]
    command += ["--set", f"training.patience={epochs}", "--set", "training.refit=false", "--study-name", NAME]
    with tempfile.TemporaryDirectory() as place:
        began, before = time.time(), processor_seconds()
        subprocess.run([*command, "--save-dir", place], check=True, stdout=subprocess.DEVNULL)
        study = optuna.load_study(study_name=NAME, storage=f"sqlite:///{Path(place).as_posix()}/tune.db")
        ends = sorted(one.datetime_complete.timestamp() for one in study.get_trials() if one.datetime_complete)
    used = (processor_seconds() - before) / len(ends)
    return Speed(60 * len(ends) / (ends[-1] - began), 60 * (len(ends) - 1) / (ends[-1] - ends[0]), used)


def limit_of_machine(n_processes: int, seconds: float) -> float:
    """How many times the steps of one process this machine does with several, which share nothing and write nothing."""
    alone, together = _steps_of(1, seconds), _steps_of(n_processes, seconds)
    return together / alone


def _steps_of(n_processes: int, seconds: float) -> int:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["models"])
    barrier = context.Barrier(n_processes)
    counts: Queue[int] = context.Queue()
    processes = [context.Process(target=_only_train, args=(seconds, barrier, counts)) for _ in range(n_processes)]
    for process in processes:
        process.start()
    total = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def _only_train(seconds: float, barrier: Barrier, counts: Queue[int]) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build("gru", 6, 20, hidden_size=96, n_layers=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    values, lengths = torch.randn(64, 30, 6), torch.full((64,), 30)
    labels = torch.randint(20, (64,))
    n_steps = 0
    barrier.wait()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(values, lengths), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        n_steps += 1
    counts.put(n_steps)


def main() -> None:
    """Measures in turn, so that a machine that becomes slower or faster does so for both."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--dataset", default="smartwatch")
    arguments.add_argument("--trials", type=int, default=40)
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=15.0, help="that processes only train, each time")
    given = arguments.parse_args()
    adopt_orphans()
    ratios: list[tuple[float, float, float]] = []
    limits = [limit_of_machine(given.workers, given.seconds)]
    print(f"{given.workers} processes that only train do {limits[0]:.2f} times the steps of one", flush=True)
    for seed in range(given.repeats):
        one, many = (
            measure(given.dataset, n_workers, given.trials, given.epochs, seed) for n_workers in (1, given.workers)
        )
        most = given.workers * one.processor_seconds / many.processor_seconds
        ratios.append((many.whole / one.whole, many.steady / one.steady, most))
        print(
            f"seed {seed}: trials a minute with 1 and {given.workers} workers: "
            f"{one.whole:.1f} and {many.whole:.1f} with start-up ({ratios[-1][0]:.2f} times), "
            f"{one.steady:.1f} and {many.steady:.1f} without ({ratios[-1][1]:.2f} times); processor seconds "
            f"a trial: {one.processor_seconds:.2f} and {many.processor_seconds:.2f} (at most {most:.2f} times)",
            flush=True,
        )
    with_start, without, most = (median(ratio) for ratio in zip(*ratios, strict=True))
    limits.append(limit_of_machine(given.workers, given.seconds))
    print(f"{given.workers} processes that only train do {limits[1]:.2f} times the steps of one")
    print(f"median: {with_start:.2f} times with start-up, {without:.2f} times without, at most {most:.2f} times")


if __name__ == "__main__":
    main()
