"""How long C takes for one sequence beside onnxruntime: one thread, processor time, in turn, so that all meet the same.

Networks are untrained, which makes no difference to their speed; ``gru`` is the first configuration of a study.

    PYTHONPATH=. .venv/bin/python benchmarks/device.py [--seconds 2] [--only gru lstm]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from benchmarks.export import DATA, PLAIN_GRU, model_of
from models import ARCHITECTURES
from tune.deploy.c.calibration import input_scales
from tune.deploy.c.compiled import CompiledClassifier
from tune.deploy.c.source import size_of, to_c
from tune.deploy.classifier import Classifier, OnnxClassifier
from tune.deploy.metadata import facts_of
from tune.deploy.onnx_model import to_onnx

FLAGS = {"-O2": ("-O2",), "-O3 for this processor": ("-O3", "-march=native", "-ffp-contract=fast")}
N_ROUNDS = 15


def seconds_a_run(classifiers: list[Classifier], n_steps: int, seconds: float) -> np.ndarray:
    """Processor time of one sequence, [rounds, classifiers]."""
    n_channels = len(classifiers[0].facts.channel_names)
    values = np.random.default_rng(0).standard_normal((1, n_steps, n_channels)).astype(np.float32)
    lengths, found = np.array([n_steps]), []
    for _ in range(N_ROUNDS):
        taken = []
        for classifier in classifiers:
            classifier.run(values, lengths)
            n_runs, begun = 0, time.process_time()
            while (now := time.process_time()) - begun < seconds / N_ROUNDS:
                classifier.run(values, lengths)
                n_runs += 1
            taken.append((now - begun) / n_runs)
        found.append(taken)
    return np.array(found)


def main() -> None:
    """Prints a table."""
    writable = [PLAIN_GRU, *(name for name in ARCHITECTURES if name != "minirocket")]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", nargs="+", choices=writable, default=writable, help="networks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    forms = [f"{precision} {flags}" for precision in ("float", "int8") for flags in FLAGS]
    print("| data | network | multiply-adds | onnxruntime | " + " | ".join(forms) + " |")
    print("|---|---|---|---|" + "---|" * len(forms))
    for data, (kind, channels, n_classes, n_steps) in DATA.items():
        for architecture in arguments.only:
            model = model_of(architecture, kind, channels, n_classes)
            noise = [np.random.default_rng(0).standard_normal((n_steps, len(channels))).astype(np.float32)]
            sources = [to_c(model), to_c(model, input_scales(model, noise))]
            classifiers: list[Classifier] = [OnnxClassifier(to_onnx(model), architecture)]
            classifiers += [
                CompiledClassifier(source, facts_of(model), flags) for source in sources for flags in FLAGS.values()
            ]
            taken = seconds_a_run(classifiers, n_steps, arguments.seconds)
            ratios = np.median(taken[:, 1:] / taken[:, :1], axis=0)
            print(
                f"| {data} | {architecture} | {size_of(model, sources[0]).macs:,} | "
                f"{1e6 * np.median(taken[:, 0]):.0f} µs | " + " | ".join(f"{one:.2f}" for one in ratios) + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
