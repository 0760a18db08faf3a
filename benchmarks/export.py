"""How much quicker an exported network answers than PyTorch: sequences a second at batch 1 and 64, on one thread.

Networks are untrained, which makes no difference to their speed; sizes are the tuner's defaults.

    PYTHONPATH=. .venv/bin/python benchmarks/export.py [--seconds 2]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from data.tensors.channels import Preparation, derived_names, n_prepared_channels
from models import ARCHITECTURES, build
from tune.config.initial import initial_configurations
from tune.config.spaces import SPACES
from tune.deploy.classifier import Classifier, OnnxClassifier, TorchClassifier
from tune.deploy.onnx_model import to_onnx
from tune.training.model_folder import ModelDescription, StoredModel

# Kind of data, measured channels, classes and steps of a sequence: SmartWatch gestures, and windows of the watch.
DATA = {
    "smartwatch": ("gesture", ("ax", "ay", "az"), 20, 19),
    "watch": ("activity", ("ax", "ay", "az", "gx", "gy", "gz"), 7, 200),
}
BATCHES = (1, 64)
PLAIN_GRU = "gru, plain"


def model_of(architecture: str, kind: str, channels: tuple[str, ...], n_classes: int, n_steps: int = 10) -> StoredModel:
    """A network of the default size; the plain GRU is one layer of 64 and nothing else."""
    plain = architecture == PLAIN_GRU
    name = "gru" if plain else architecture
    space = SPACES[name]
    chosen = {} if plain else initial_configurations(kind, name, space)[0]
    hyperparameters = {key: value for key, value in chosen.items() if key in space}
    preparation = Preparation() if plain else Preparation("both", "both")
    n_derived = len(derived_names(channels, preparation.derived_channels))
    network = build(name, n_prepared_channels(channels, preparation), n_classes, **hyperparameters)
    description = {
        "format": "seqtune model 1",
        "architecture": name,
        "hyperparameters": hyperparameters,
        "preparation": {
            "normalisation": preparation.normalisation,
            "derived_channels": preparation.derived_channels,
        },
        "normaliser": {"mean": [0.0] * n_derived, "deviation": [1.0] * n_derived},
        "channel_names": channels,
        "class_names": [f"class {k}" for k in range(n_classes)],
        "temperature": 1.0,
        "sample_rate_hz": None,
        "kind": kind,
        "data": {"dataset": "noise"},
        "lengths": {"shortest": 1, "median": n_steps, "longest": 1000},
        "scores": {},
        "study": "benchmark",
        "trial": 0,
        "weights_sha256": "",
        "versions": {},
    }
    return StoredModel(ModelDescription.model_validate(description), network.eval())


def rounds(classifiers: list[Classifier], n_steps: int, batch_size: int, seconds: float) -> list[float]:
    """Sequences a second of each, the median of rounds in turn: what else the machine does hits all alike."""
    rng = np.random.default_rng(0)
    n_channels = len(classifiers[0].facts.channel_names)
    values = rng.standard_normal((batch_size, n_steps, n_channels)).astype(np.float32)
    lengths = np.full(batch_size, n_steps)
    found: list[list[float]] = [[] for _ in classifiers]
    for _ in range(7):
        for classifier, rates in zip(classifiers, found, strict=True):
            classifier.run(values, lengths)
            n_runs, begun = 0, time.perf_counter()
            while time.perf_counter() - begun < seconds / 7:
                classifier.run(values, lengths)
                n_runs += 1
            rates.append(n_runs * batch_size / (time.perf_counter() - begun))
    return [float(np.median(rates)) for rates in found]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--only", nargs="+", choices=(PLAIN_GRU, *ARCHITECTURES), default=(PLAIN_GRU, *ARCHITECTURES))
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| data | network | batch | PyTorch /s | ONNX /s | int8 /s | ONNX / PyTorch | ONNX kB | int8 kB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for data, (kind, channels, n_classes, n_steps) in DATA.items():
        for architecture in given.only:
            model = model_of(architecture, kind, channels, n_classes)
            contents = [to_onnx(model, int8=int8) for int8 in (False, True)]
            forms: list[Classifier] = [TorchClassifier(model), *(OnnxClassifier(one, architecture) for one in contents)]
            for batch_size in BATCHES:
                torch_rate, onnx_rate, int8_rate = rounds(forms, n_steps, batch_size, given.seconds)
                sizes = " | ".join(f"{len(one) / 1000:.0f}" for one in contents)
                print(
                    f"| {data} | {architecture} | {batch_size} | {torch_rate:,.0f} | {onnx_rate:,.0f} | "
                    f"{int8_rate:,.0f} | {onnx_rate / torch_rate:.1f} | {sizes} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
