"""Accuracy of aeon's MiniRocket classifier on sets of the time-series archive, as one JSON line a set.

Runs in its own virtual environment and imports nothing of this project; ``minirocket.py`` tells how to make it.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier
from aeon.datasets import load_from_ts_file

FEWEST_STEPS = 9


def padded(sequences: list[np.ndarray]) -> np.ndarray:
    """Sequences of one length, [sequences, channels, steps]: zeros stand behind the shorter ones."""
    n_steps = max(FEWEST_STEPS, *(one.shape[1] for one in sequences))
    return np.stack([np.pad(one, ((0, 0), (0, n_steps - one.shape[1]))) for one in sequences])


def main() -> None:
    """Fits on each training file and predicts the test file, once for every seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.names:
        parts = [load_from_ts_file(str(options.folder / f"{name}_{part}.ts")) for part in ("TRAIN", "TEST")]
        n_steps = max(max(one.shape[1] for one in sequences) for sequences, _ in parts)
        (train, train_labels), (test, test_labels) = (
            (padded([*sequences, np.zeros((sequences[0].shape[0], n_steps))])[:-1], labels)
            for sequences, labels in parts
        )
        accuracies, began = [], time.process_time()
        for seed in range(options.seeds):
            classifier = MiniRocketClassifier(random_state=seed).fit(train, train_labels)
            accuracies.append(float(np.mean(classifier.predict(test) == test_labels)))
        seconds = (time.process_time() - began) / options.seeds
        print(json.dumps({"name": name, "accuracies": accuracies, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
