"""Whether a study's memory stays flat: resident size after 10 trials and after 100. Linux only.

PYTHONPATH=. .venv/bin/python benchmarks/memory.py --dataset smartwatch --epochs 1
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tune.config.settings import resolve
from tune.config.spaces import Scalar
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.run import open_study, run_study
from tune.search.progress import Progress
from tune.study.storage import open_storage, sqlite_url
from tune.training.splits import load_splits

STATM = Path("/proc/self/statm")


def resident_mib() -> float:
    """Resident size of this process (proc(5), statm)."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watched(Progress):
    """Notes the resident size after every trial."""

    sizes: list[float]

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """The trial before is stored, its network gone."""
        super().trial_started(number, parameters, resumed)
        self.sizes.append(resident_mib())


def main() -> None:
    """One study of small trials."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--dataset", default="smartwatch")
    arguments.add_argument("--model-type", default="gru")
    arguments.add_argument("--trials", type=int, default=101)
    arguments.add_argument("--epochs", type=int, default=1)
    given = arguments.parse_args()
    layer = {
        "dataset": given.dataset,
        "architecture": given.model_type,
        # Nothing but trials: what else a run trains takes longer than the few of a short look.
        "search": {"trials": given.trials, "floors": False, "ensemble": 0},
        "confirmation": {"configurations": 0},
        "training": {"epochs": given.epochs, "patience": given.epochs},
        "split": {"folds": 0},
    }
    settings = resolve(layer)
    watched = Watched(metric="accuracy", n_epochs=given.epochs, n_trials=given.trials)
    watched.sizes = []
    with tempfile.TemporaryDirectory() as place:
        storage = open_storage(sqlite_url(Path(place) / "tune.db"))
        folder = StudyFolder(Path(place), "memory")
        context, notes = open_study(storage, folder, settings, None, load_splits(settings))
        run_study(context, notes, show=lambda progress: nullcontext(watched), stop=StopWatch())
    for number in range(0, len(watched.sizes), 10):
        print(f"after {number} trials: {watched.sizes[number]:.0f} MiB")
    if len(watched.sizes) > 100:
        print(f"100 against 10 trials: {watched.sizes[100] / watched.sizes[10]:.3f} times")


if __name__ == "__main__":
    main()
