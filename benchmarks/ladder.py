"""What each ingredient of the training is worth on people who were never trained on.

One network, no search: each rung adds one ingredient to those above it, or (marked +) one to the default. What a
protocol holds out is judged after the last epoch, so that nothing is chosen by it within a run. Results are kept line
by line: an interrupted run goes on.

    PYTHONPATH=. .venv/bin/python benchmarks/ladder.py --protocol smartwatch-people --seeds 3 --out ladder.jsonl
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch

from data.sequences import SequenceDataset
from data.splits.split import Split
from data.tensors.channels import Preparation
from tune.config.initial import initial_configurations
from tune.config.settings import resolve
from tune.config.spaces import OFF, Scalar
from tune.core.seeds import derive_seed
from tune.evaluation.evaluate import accuracy_by_recording
from tune.training.fold_fits import begin_fits, fit_runs
from tune.training.hyperparameters import fields_of, training_settings
from tune.training.splits import Fold, Splits, load_splits
from tune.training.train import predict

CPU = torch.device("cpu")
# What each protocol holds out: how many people at a time, a fifth at random in turn, or the official test set.
PROTOCOLS: dict[str, tuple[str, int]] = {
    "smartwatch-people": ("smartwatch", 1),
    "smartwatch-random": ("smartwatch", 0),
    "watch-people": ("watch", 2),
    "uci-har-official": ("uci-har", -1),
    "signs-random": ("signs", 0),
}
N_RANDOM_FOLDS = 5

BARE: dict[str, Scalar] = {
    **OFF,
    "front_layers": 0,
    "dropout": 0.0,
    "normalisation": "global",
    "derived_channels": "none",
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "scaling": 0.0,
    "rotation": 0.0,
    "time_warp": 0.0,
    "time_crop": 0.0,
    "channel_dropout": 0.0,
    "flip": False,
}
STEPS: dict[str, dict[str, Scalar]] = {
    "BiGRU, mean and max pooling": {},
    "dropout 0.3": {"dropout": 0.3},
    "convolutional front": {},
    "per-axis scaling 0.1": {"scaling": 0.1},
    "rotation 0.2": {"rotation": 0.2},
    "differences and magnitude": {"derived_channels": "both"},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "mixup 0.4 on the embeddings": {"mixup": 0.4},
    "a copy normalised by instance": {"normalisation": "both"},
}
DEFAULT = "the default first trial"
FURTHER: dict[str, dict[str, Scalar]] = {
    "+ time warp 0.2": {"time_warp": 0.2},
    "+ time crop 0.2": {"time_crop": 0.2},
    "+ jitter 0.05": {"jitter": 0.05},
    "+ channel dropout 0.1": {"channel_dropout": 0.1},
    "+ averaged weights 0.98": {"weight_averaging": 0.98},
    "+ focal loss, gamma 1": {"focal_gamma": 1.0},
    "+ confidence penalty 0.1": {"confidence_penalty": 0.1},
    "+ mixup at the input": {"mixup_at": "input"},
}


def rungs(dataset: str) -> dict[str, dict[str, Scalar]]:
    """The configuration of every rung, from the ground up; the default one by itself where it is not among them."""
    settings = resolve({"dataset": dataset, "architecture": "gru"})
    searched, _ = settings.ranges()
    good = initial_configurations(load_splits(settings).dataset.kind, settings.architecture, searched)[-1]
    built, found = {**good, **BARE}, {}
    for name, change in STEPS.items():
        built = {**built, **change, **({"front_layers": good["front_layers"]} if name == "convolutional front" else {})}
        found[name] = built
    if built != good:
        found[DEFAULT] = good
    return {**found, **{name: {**built, **change} for name, change in FURTHER.items()}}


def folds(protocol: str, seed: int) -> Iterator[tuple[SequenceDataset, SequenceDataset]]:
    """Training and held-out sequences, a pair a fold."""
    name, n_people = PROTOCOLS[protocol]
    if n_people == 0:
        wanted = {"kind": "stratified", "test_fraction": 0.0, "folds": N_RANDOM_FOLDS, "seed": seed}
        for fold in load_splits(resolve({"dataset": name, "split": wanted})).folds:
            yield fold.train, fold.validation
        return
    people = load_splits(resolve({"dataset": name})).dataset.group_names
    held_out: list[dict[str, Any]] = [{"kind": "official"}]
    if n_people > 0:
        held_out = [
            {"kind": "group", "test_groups": list(people[k : k + n_people])} for k in range(0, len(people), n_people)
        ]
    for split in held_out:
        splits = load_splits(resolve({"dataset": name, "split": split}))
        yield (
            splits.dataset.subset(torch.cat([splits.split.train, splits.split.validation])),
            splits.dataset.subset(splits.split.test),
        )


def accuracy(
    train: SequenceDataset, held_out: SequenceDataset, parameters: dict[str, Scalar], n_epochs: int, seed: int
) -> tuple[float, float | None]:
    """Of the last epoch's network on what is held out, by sequence and, where they are windows, by recording."""
    settings = resolve({"architecture": "gru", "training": {"epochs": n_epochs, "patience": n_epochs}})
    # What is held out stands where validation is watched; nothing is chosen by it.
    rows = Split("group", torch.arange(0), torch.arange(0), torch.arange(0))
    splits = Splits(train, rows, (Fold(train, held_out, None),))
    training = training_settings(settings, parameters, derive_seed(seed, "ladder"))
    fits = begin_fits(parameters, settings, splits, training, CPU)
    (run,) = fit_runs(fits, splits, parameters, training, lambda: None)
    by_sequence, by_recording = 0.0, None
    for result in run:
        fits[0].stale_epochs = 0  # Patience would look at what is held out.
        by_sequence = result.validation.accuracy
        if result.epoch == training.epochs:
            judged = splits.prepared(0, "validation", fields_of(Preparation, parameters))
            by_recording = accuracy_by_recording(predict(fits[0].judged, judged, CPU), judged)
    return by_sequence, by_recording


def main() -> None:
    """Runs what is missing and prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--protocol", default="smartwatch-people", choices=sorted(PROTOCOLS))
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=12, help="results of other numbers go into other files")
    arguments.add_argument("--out", type=Path, required=True, help="results, a line each")
    arguments.add_argument("--only", nargs="*", help="rungs that contain one of these texts")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    wanted = {
        name: values
        for name, values in rungs(PROTOCOLS[given.protocol][0]).items()
        if not given.only or any(text in name for text in given.only)
    }
    done: dict[tuple[str, int], list[float]] = {}
    line: dict[str, Any]
    if given.out.exists():
        for line in map(json.loads, given.out.read_text().splitlines()):
            if line["protocol"] == given.protocol:
                done[line["rung"], line["seed"]] = line["accuracies"]
    for seed in range(given.seeds):
        for name, parameters in wanted.items():
            if (name, seed) in done:
                continue
            started = time.process_time()
            judged = [accuracy(*fold, parameters, given.epochs, seed) for fold in folds(given.protocol, seed)]
            done[name, seed] = [by_sequence for by_sequence, _ in judged]
            line = {"protocol": given.protocol, "rung": name, "seed": seed, "accuracies": done[name, seed]}
            line["by_recording"] = [by_recording for _, by_recording in judged]
            seconds = (time.process_time() - started) / len(done[name, seed])
            with given.out.open("a") as file:
                file.write(json.dumps({**line, "processor_seconds_a_fit": round(seconds, 1)}) + "\n")
            print(f"seed {seed}, {name}: {fmean(done[name, seed]):.4f}, {seconds:.0f} s a fit", flush=True)
    print("\n| rung | mean | standard deviation over seeds | seeds | worst held out |\n|---|---|---|---|---|")
    for name in wanted:
        runs = [done[name, seed] for seed in range(given.seeds) if (name, seed) in done]
        means = [fmean(run) for run in runs]
        spread = f"{stdev(means):.4f}" if len(means) > 1 else "-"
        worst = min(fmean(person) for person in zip(*runs, strict=True))
        print(f"| {name} | {fmean(means):.4f} | {spread} | {len(means)} | {worst:.3f} |")


if __name__ == "__main__":
    main()
