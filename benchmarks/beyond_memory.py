"""Recordings that are more than memory: what is resident while they are read and trained on, and what a batch costs.

PYTHONPATH=. .venv/bin/python benchmarks/beyond_memory.py --gigabytes .5 2
PYTHONPATH=. .venv/bin/python benchmarks/beyond_memory.py --gigabytes .2 --storage table disk --epochs 3

PYTHONPATH=. .venv/bin/python benchmarks/beyond_memory.py --gigabytes .5 2 --megabytes-a-file 1 128 --suffix .csv

Noise is written as files below ``--folder``, a folder a class, and removed again; the table that is made of it
is in ``data/cache/tables``. Each line is a process of its own: RssAnon is what cannot be dropped, RssFile what the
system may drop (pages of the table, and programs), VmHWM all that was ever resident.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas
import torch

from data.tensors.channels import Preparation
from tune.config.settings import resolve
from tune.config.spaces import Scalar
from tune.training.fold_fits import advance, begin_fits, fit_runs
from tune.training.hyperparameters import training_settings
from tune.training.memory import share_one_heap
from tune.training.splits import describe_data, load_splits
from tune.training.train import predict

RATE_HZ, N_CHANNELS, N_PEOPLE, CLASSES = 50, 6, 8, ("one", "other")


def write(folder: Path, gigabytes: float, megabytes_a_file: float, suffix: str) -> None:
    """Recordings with so many bytes in single precision, at least one a person and class."""
    generator = np.random.default_rng(0)
    n_files = N_PEOPLE * len(CLASSES) * max(1, round(1e3 * gigabytes / megabytes_a_file / N_PEOPLE / len(CLASSES)))
    n_steps = int(gigabytes * 1e9 / 4 / N_CHANNELS / n_files)
    for number in range(n_files):
        one, person, take = CLASSES[number % 2], number // 2 % N_PEOPLE, number // 2 // N_PEOPLE
        path = folder / one / f"p{person:02d}_{take:03d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = generator.standard_normal((n_steps, N_CHANNELS), dtype=np.float32) * (1 + number % 2)
        frame = pandas.DataFrame(values, columns=[f"channel {k}" for k in range(N_CHANNELS)])
        frame.insert(0, "time", np.arange(n_steps) / RATE_HZ)
        if suffix == ".csv":
            frame.to_csv(path, index=False, float_format="%.6g")
        else:
            frame.to_parquet(path)


def of_process(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def train(folder: Path, storage: str, epochs: int) -> dict[str, float]:
    """Reads, trains one small network, and tests it, as a trial does."""
    torch.set_num_threads(1)
    share_one_heap()  # as a study does
    peak, ended = {"RssAnon": 0, "RssFile": 0}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            peak.update({name: max(most, of_process(name)) for name, most in peak.items()})

    threading.Thread(target=watch, daemon=True).start()
    began, cpu = time.perf_counter(), time.process_time()
    data = {"path": str(folder), "storage": storage}
    settings = resolve(
        {"dataset": "files", "data": data, "split": {"folds": 0}, "training": {"epochs": epochs, "patience": epochs}}
    )
    splits = load_splits(settings)
    describe_data(settings, splits)
    read, read_cpu, peak_read = time.perf_counter() - began, time.process_time() - cpu, peak["RssAnon"]
    parameters: dict[str, Scalar] = {
        "hidden_size": 16,
        "n_layers": 1,
        "batch_size": 256,
        "jitter": 0.05,
        "normalisation": "global",
    }
    parameters |= {
        "front_layers": 2,
        "front_channels": 8,
        "front_stride": 4,
        "learning_rate": 1e-3,
        "weight_decay": 0.01,
        "schedule": "cosine",
    }
    training = training_settings(settings, parameters, seed=0)
    fits = begin_fits(parameters, settings, splits, training, torch.device("cpu"))
    began, cpu = time.perf_counter(), time.process_time()
    runs = fit_runs(fits, splits, parameters, training, lambda: None)
    for _ in range(epochs):
        advance(fits, runs, training)
    trained, trained_cpu = time.perf_counter() - began, time.process_time() - cpu
    logits = predict(fits[0].model, splits.prepared(0, "test", Preparation()), torch.device("cpu"))
    ended.set()
    return {
        "n_sequences": len(splits.dataset),
        "read_seconds": read,
        "read_cpu": read_cpu,
        "epoch_seconds": trained / epochs,
        "epoch_cpu": trained_cpu / epochs,
        "rss_anon_read": peak_read,
        "rss_anon": peak["RssAnon"],
        "rss_file": peak["RssFile"],
        "vm_hwm": of_process("VmHWM"),
        "logits": float(logits.double().sum()),
    }


def main() -> None:
    """Prints a line for each size and storage."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 2.0])
    arguments.add_argument("--megabytes-a-file", type=float, nargs="+", default=[32.0])
    arguments.add_argument("--suffix", choices=[".parquet", ".csv"], default=".parquet")
    arguments.add_argument("--storage", nargs="+", default=["disk"])
    arguments.add_argument("--epochs", type=int, default=1)
    arguments.add_argument("--folder", type=Path, default=None, help="gets the recordings")
    arguments.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        print(json.dumps(train(given.folder, given.storage[0], given.epochs)))
        return
    found = []
    for gigabytes, megabytes in itertools.product(given.gigabytes, given.megabytes_a_file):
        folder = Path(tempfile.mkdtemp(prefix="beyond-memory-", dir=given.folder))
        try:
            write(folder, gigabytes, megabytes, given.suffix)
            for storage in given.storage:
                command = [sys.executable, __file__, "--child", "--folder", folder, "--storage", storage]
                command += ["--epochs", str(given.epochs)]
                result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                found.append((gigabytes, result["rss_anon"] / 1e9))
                print(
                    f"{gigabytes:g} GB in files of {megabytes:g} MB, {storage}: {result['n_sequences']:,} windows, "
                    f"read in {result['read_seconds']:.0f} s ({result['read_cpu']:.0f} s of processor time), "
                    f"an epoch in {result['epoch_seconds']:.1f} s ({result['epoch_cpu']:.1f} s), RssAnon "
                    f"{result['rss_anon'] / 1e9:.2f} GB ({result['rss_anon_read'] / 1e9:.2f} when all was read), "
                    f"RssFile {result['rss_file'] / 1e9:.2f} GB, VmHWM {result['vm_hwm'] / 1e9:.2f} GB, "
                    f"sum of logits {result['logits']!r}",
                    flush=True,
                )
        finally:
            shutil.rmtree(folder)
    if len(given.gigabytes) > 1 and len(given.storage) == 1:
        slope, start = np.polyfit([size for size, _ in found], [peak for _, peak in found], 1)
        print(f"RssAnon is {start:.2f} GB and {slope:.3f} GB more for each GB of values")


if __name__ == "__main__":
    main()
