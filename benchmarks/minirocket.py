"""MiniRocket as it is built here against aeon's, on sets of the time-series archive: test accuracy over seeds.

    python3 -m venv AEON && AEON/bin/pip install aeon==1.6.0
    python -m benchmarks.minirocket --folder FOLDER --aeon AEON/bin/python

Both are given the training file as it is and judged on the test file once; aeon gets zeros behind shorter sequences.
The rows of the table in ``README.md`` are printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path
from statistics import fmean

import torch

from data.recording import TEST
from data.tensors.channels import Preparation, fit_normaliser, prepare_measured
from models import build
from tune.config.settings import resolve
from tune.config.suitability import suited
from tune.training.closed_form import fit_closed_form
from tune.training.splits import load_dataset
from tune.training.train import predict

NAMES = (
    *("GunPoint", "BasicMotions", "ArrowHead", "OSULeaf", "PickupGestureWiimoteZ", "ItalyPowerDemand", "ACSF1"),
    "JapaneseVowels",
)
CPU = torch.device("cpu")


def accuracies(path: Path, n_seeds: int) -> tuple[list[float], float]:
    """Test accuracy with each seed, and processor time of one fit and its predictions."""
    settings = resolve({"dataset": "files", "data": {"path": str(path)}, "architecture": "minirocket"})
    dataset = load_dataset(settings)
    span = suited(settings, dataset)[0].space["minirocket"]["receptive_field"]
    longest = span["high"] if isinstance(span, dict) else span
    if dataset.official is None:
        raise ValueError(f"{path} has no test file beside it")
    train, test = (dataset.subset((dataset.official == TEST).eq(part).nonzero().flatten()) for part in (False, True))
    normaliser = fit_normaliser(train)
    fitted, judged = (prepare_measured(part, normaliser, Preparation()) for part in (train, test))
    found, began = [], time.process_time()
    for seed in range(n_seeds):
        torch.manual_seed(seed)
        model = build("minirocket", fitted.n_channels, fitted.n_classes, receptive_field=longest)
        fit_closed_form(model, fitted, seed, CPU)
        right = predict(model, judged, CPU).argmax(dim=1) == judged.labels
        found.append(float(right.double().mean()))
    return found, (time.process_time() - began) / n_seeds


def main() -> None:
    """Prints a row for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--aeon", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--names", nargs="+", default=NAMES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    script = Path(__file__).with_name("aeon_minirocket.py")
    command = [options.aeon, "-P", script, options.folder, *options.names, "--seeds", str(options.seeds)]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    print("| data | aeon | here | difference | s, aeon | s, here |\n|---|---|---|---|---|---|")
    for theirs in map(json.loads, lines):
        own, seconds = accuracies(options.folder / f"{theirs['name']}_TRAIN.ts", options.seeds)
        means = fmean(theirs["accuracies"]), fmean(own)
        columns = [f"{mean:.3f}" for mean in means]
        columns += [f"{100 * (means[1] - means[0]):+.1f}", f"{theirs['seconds']:.2f}", f"{seconds:.2f}"]
        print(f"| {theirs['name']} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
