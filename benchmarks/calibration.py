"""What the temperature of ``best_model/`` does to probabilities on the test set.

Beside it stands the temperature of least loss on the validation set (Guo et al. 2017), unchecked. Runs the command
line as a user would.

    PYTHONPATH=. .venv/bin/python benchmarks/calibration.py --data smartwatch watch --seeds 3
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from torch import Tensor
from torch.nn.functional import cross_entropy

from data import DATASETS
from tune.cli.commands.lesson import of_study
from tune.training.calibration import expected_calibration_error, fit_temperature

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """A short study for each data set and seed, as rows of a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--data", nargs="+", default=["smartwatch", "watch"], help="data sets, or paths of one's own"
    )
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--trials", type=int, default=2)
    arguments.add_argument("--epochs", type=int, default=12)
    given = arguments.parse_args()
    print("| data | seed | accuracy | raw: loss, ECE | exported: T, loss, ECE | unchecked: T, loss, ECE |")
    print("|---|---|---|---|---|---|")
    for data in given.data:
        for seed in range(given.seeds):
            print(row(data, seed, given.trials, given.epochs), flush=True)


def row(data: str, seed: int, n_trials: int, n_epochs: int) -> str:
    """One study's losses and calibration errors on its test set."""
    option = "--dataset" if data in DATASETS else "--data-path"
    with tempfile.TemporaryDirectory() as place:
        command = [
            *(sys.executable, "-m", "tune", "run", option, data, "--study-name", "one", "--save-dir", place),
            *("--trials", str(n_trials), "--epochs", str(n_epochs), "--confirm", "0", "--folds", "0", "--no-floors"),
            *("--seed", str(seed), "--set", f"split.seed={seed}"),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        validation, test = (of_study("one", save_dir=place, part=part) for part in ("validation", "test"))
        unchecked = fit_temperature(validation.first.outputs[0], validation.labels)
        logits, labels, exported = test.first.outputs[0], test.labels, test.first.temperature
    accuracy = float((test.predicted == labels).double().mean())
    told = " | ".join(
        f"{temperature:.3f}, {_words(logits / temperature, labels)}" for temperature in (exported, unchecked)
    )
    return f"| {Path(data).stem} | {seed} | {accuracy:.3f} | {_words(logits, labels)} | {told} |"


def _words(logits: Tensor, labels: Tensor) -> str:
    loss = float(cross_entropy(logits.double(), labels))
    return f"{loss:.3f}, {expected_calibration_error(logits, labels):.3f}"


if __name__ == "__main__":
    main()
