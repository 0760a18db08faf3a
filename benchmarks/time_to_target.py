"""How long from process start to a validation accuracy: this tuner against the stack that others publish.

Both get the same 80/20 splits of the SmartWatch gestures and run in turn (ours, theirs, ours, theirs, ...), each as a
real process, from the root of the checkout:

    .venv/bin/python -m benchmarks.time_to_target --repeats 5

Nothing else may run meanwhile. The published stack computes with one thread a core, and such threads wait for each
other actively: beside two busy processes on two cores an epoch took it 15 to 110 s instead of 1 to 2.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.processor_time import adopt_orphans, processor_seconds
from data import DataError
from tune.config.settings import resolve
from tune.core.files import write_text
from tune.training.splits import load_splits

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
RUN_TUNING = HERE.parent / "run_tuning.sh"
PUBLISHED = HERE / "published_stack.py"
REQUIREMENTS = HERE / "published_stack_requirements.txt"

SPLIT = {"kind": "stratified", "validation_fraction": 0.2, "test_fraction": 0.0}
GOAL = 0.1
QUIET_SHARE = 0.05


@dataclass(frozen=True)
class Run:
    """One process, watched from outside.

    Attributes:
        seconds_to_target: From its start to the line that says so; None if it never came.
        seconds_to_exit: From its start to its end.
        cpu_seconds: Of all cores together, user and system.
        others_share: Share of all cores that other processes used meanwhile; None where the system does not say.
    """

    seconds_to_target: float | None
    seconds_to_exit: float
    cpu_seconds: float
    others_share: float | None


def ours_reached(line: str) -> bool:
    """Whether this line of the tuner's output says that the target was reached."""
    return re.search(r"target (\S+ )?reached", line, re.IGNORECASE) is not None


def published_reached(line: str) -> bool:
    """Whether this line of ``published_stack.py`` says that the target was reached."""
    return '"target_reached": true' in line


def watch(command: list[str], log: Path, says_reached: Callable[[str], bool], limit_seconds: float) -> Run:
    """Runs a command to its end or to the limit, and notes when it says that the target was reached.

    Raises:
        ClickException: If it fails by itself.
    """
    busy_before, cpu_before = _busy_seconds(), processor_seconds()
    seconds_to_target = None
    # A line is to be seen when it is written, not when a pipe's buffer is full.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w", encoding="utf-8") as file:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
        )
        guard = threading.Timer(limit_seconds, os.killpg, (process.pid, signal.SIGKILL))
        guard.start()
        try:
            for line in process.stdout or ():
                if seconds_to_target is None and says_reached(line):
                    seconds_to_target = time.perf_counter() - started
                file.write(line)
            exit_code = process.wait()
        finally:
            guard.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds_to_exit = time.perf_counter() - started
    over_the_limit = exit_code == -signal.SIGKILL and seconds_to_exit >= limit_seconds
    if exit_code != 0 and not over_the_limit:
        raise click.ClickException(f"{command[0]} ended with exit code {exit_code}; its output is in {log}")
    cpu_seconds = processor_seconds() - cpu_before
    others_share = None
    if busy_before is not None and (busy_after := _busy_seconds()) is not None:
        others_share = (busy_after - busy_before - cpu_seconds) / (seconds_to_exit * (os.cpu_count() or 1))
    return Run(seconds_to_target, seconds_to_exit, cpu_seconds, others_share)


def run_ours(seed: int, target: float, limit_seconds: float, folder: Path) -> Run:
    """This tuner, as a user starts it."""
    command = [str(RUN_TUNING), "--dataset", "smartwatch", "--model-type", "gru", "--split", "stratified"]
    command += ["--set", "split.test_fraction=0", "--set", "split.validation_fraction=0.2"]
    command += ["--set", f"split.seed={seed}", "--seed", str(seed), "--target", str(target), "--trials", "200"]
    command += ["--save-dir", str(folder / f"studies-{seed}"), "--study-name", "bench"]
    return watch(command, folder / f"ours-{seed}.log", ours_reached, limit_seconds)


def run_published(python: Path, seed: int, target: float, limit_seconds: float, folder: Path) -> Run:
    """The published stack, on the split that ``run_ours`` cuts with the same seed."""
    command = [str(python), str(PUBLISHED), str(folder / f"split-{seed}.npz"), "--target", str(target)]
    command += ["--seed", str(seed), "--limit-seconds", str(limit_seconds), "--started", str(time.time())]
    return watch(command, folder / f"published-{seed}.log", published_reached, limit_seconds)


def export_split(seed: int, folder: Path) -> None:
    """Writes the training and validation set of the tuner's own split for a process that cannot import us.

    Raises:
        ClickException: If the recordings cannot be had.
    """
    try:
        fold = load_splits(resolve({"dataset": "smartwatch", "split": {**SPLIT, "seed": seed}})).folds[0]
    except DataError as error:
        raise click.ClickException(str(error)) from error
    arrays = {
        f"{name}_{field}": getattr(part, field).numpy()
        for name, part in (("train", fold.train), ("valid", fold.validation))
        for field in ("values", "lengths", "labels")
    }
    np.savez(folder / f"split-{seed}.npz", **arrays)


def published_environment(folder: Path) -> Path:
    """The interpreter of the published stack's virtual environment, made on first use and when its pins change."""
    python, marker, wanted = folder / "bin" / "python", folder / "installed.txt", REQUIREMENTS.read_text("utf-8")
    if not marker.is_file() or marker.read_text("utf-8") != wanted:
        click.echo(f"installing the published stack into {folder} (minutes, once)")
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS))
        write_text(marker, wanted)
    return python


def warm_up(python: Path) -> None:
    """Sets both sides up and reads their code once, so that neither pays for the installation or a cold disk."""
    _run(str(RUN_TUNING), "--help")
    _run(str(python), str(PUBLISHED), "--help")


def ratio(ours: Run, published: Run) -> float:
    """Our time over theirs; where theirs never reached the target, over the time it was given, which flatters it."""
    if ours.seconds_to_target is None:
        return math.inf
    return ours.seconds_to_target / (published.seconds_to_target or published.seconds_to_exit)


def _run(*command: str) -> None:
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if finished.returncode != 0:
        raise click.ClickException(f"'{' '.join(command)}' ended with exit code {finished.returncode}")


def _busy_seconds() -> float | None:
    """What all processes of a Linux system have computed since its start (proc(5): user, nice, system)."""
    statistics_file = Path("/proc/stat")
    if not statistics_file.is_file():
        return None
    ticks = statistics_file.read_text("utf-8").split(maxsplit=4)[1:4]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _cells(run: Run) -> str:
    to_target = "not reached" if run.seconds_to_target is None else f"{run.seconds_to_target:.1f}"
    others = "?" if run.others_share is None else f"{run.others_share:.0%}"
    return f"{to_target} | {run.seconds_to_exit:.1f} | {run.cpu_seconds:.1f} | {others}"


@click.command()
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Splits, with seeds 0, 1, ...")
@click.option("--target", default=0.995, show_default=True, type=click.FloatRange(0, 1), help="Validation accuracy.")
@click.option("--limit-seconds", default=400.0, show_default=True, type=click.FloatRange(1), help="For each run.")
@click.option(
    "--environment",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS / "published-stack-env",
    help="Virtual environment of the published stack; made on first use.",
)
def main(repeats: int, target: float, limit_seconds: float, environment: Path) -> None:
    """Measures the time to a target accuracy, ours and the published stack's in turn, as a Markdown table."""
    adopt_orphans()
    python = published_environment(environment.resolve())
    warm_up(python)
    folder = RESULTS / f"time-to-target-{time.strftime('%Y%m%d-%H%M%S')}"
    folder.mkdir(parents=True)
    for seed in range(repeats):
        export_split(seed, folder)
    pairs: list[tuple[Run, Run]] = []
    cells = "target, s | exit, s | CPU, s | others"
    click.echo(f"| seed | ours: {cells} | published: {cells} | ratio |\n|{'---|' * 10}")
    for seed in range(repeats):
        ours = run_ours(seed, target, limit_seconds, folder)
        published = run_published(python, seed, target, limit_seconds, folder)
        pairs.append((ours, published))
        click.echo(f"| {seed} | {_cells(ours)} | {_cells(published)} | {ratio(ours, published):.3f} |")

    median_ratio = statistics.median(ratio(*pair) for pair in pairs)
    for name, runs in zip(("ours", "published"), zip(*pairs, strict=True), strict=True):
        median = statistics.median(run.seconds_to_target or math.inf for run in runs)
        shown = f"{median:.1f} s" if math.isfinite(median) else f"more than {limit_seconds:g} s"
        click.echo(f"median time to {target}, {name}: {shown}")
    click.echo(f"median ratio: {median_ratio:.3f} (goal {GOAL}: {'reached' if median_ratio <= GOAL else 'missed'})")
    if any((run.others_share or 0.0) > QUIET_SHARE for pair in pairs for run in pair):
        click.echo(f"other processes used more than {QUIET_SHARE:.0%} of the cores: measure again on a quiet machine")
    record = {
        "target": target,
        "limit_seconds": limit_seconds,
        "n_cores": os.cpu_count(),
        "pairs": [{"seed": seed, "ours": asdict(a), "published": asdict(b)} for seed, (a, b) in enumerate(pairs)],
        "median_ratio": median_ratio if math.isfinite(median_ratio) else None,
    }
    write_text(folder / "result.json", json.dumps(record, indent=2) + "\n")
    click.echo(f"figures and logs: {folder}")


if __name__ == "__main__":
    main()
