"""The tuning stack that others publish for the SmartWatch gestures, timed on a split that it is given.

Runs in its own virtual environment (``published_stack_requirements.txt``) and imports nothing of this project.
``time_to_target.py`` prepares both and starts it. What is imitated: the MADS machine-learning course
(github.com/raoulg/MADS-MachineLearning-course), whose ``notebooks/2_convolutions/03_mlflow.py`` gives the Hyperopt
loop and whose ``notebooks/3_recurrent_networks`` gives model, loss, optimiser and scheduler for the gestures.

Wherever the course leaves a choice, the faster one is taken: nothing is logged to MLflow or TensorBoard (about 15 ms
an epoch), and the sequences come from one file in memory instead of 3,251 text files.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe
from hyperopt.pyll import scope
from mads_datasets.base import BaseDatastreamer
from mltrainer import Trainer, TrainerSettings
from mltrainer.metrics import Accuracy
from mltrainer.preprocessors import PaddedPreprocessor
from mltrainer.rnn_models import GRUmodel, ModelConfig
from torch import Tensor, nn, optim

N_EPOCHS = 20
BATCH_SIZE = 32
SPACE = {
    "hidden_size": scope.int(hp.quniform("hidden_size", 16, 256, 8)),
    "num_layers": scope.int(hp.quniform("num_layers", 1, 3, 1)),
    "dropout": hp.uniform("dropout", 0.0, 0.5),
}


class Finished(Exception):
    """The target or the time limit was reached; carries which."""


class EpochPrinter:
    """A reporter for mltrainer's Trainer: prints one JSON line an epoch, and ends the search in the middle of a trial.

    Hyperopt itself looks at its time limit and its loss threshold between two trials only.
    """

    def __init__(self, trial: Mapping[str, Any], target: float, limit_seconds: float, started: float) -> None:
        self.trial = trial
        self.target = target
        self.limit_seconds = limit_seconds
        self.started = started

    def report(self, epoch: int, train_loss: float, test_loss: float, metric_dict: dict[str, float]) -> None:
        """Called by the Trainer after each epoch's validation.

        Raises:
            Finished: If this epoch reached the target or went past the limit.
        """
        accuracy, seconds = metric_dict["Accuracy"], time.time() - self.started
        reached = accuracy >= self.target
        line = {**self.trial, "epoch": epoch, "accuracy": accuracy, "seconds": seconds, "target_reached": reached}
        print(json.dumps(line), flush=True)
        if reached:
            raise Finished("target")
        if seconds > self.limit_seconds:
            raise Finished("limit")


def read_sequences(path: Path, part: str) -> list[tuple[Tensor, Tensor]]:
    """The (values [time, channels], label) pairs of one part of the split, as mads-datasets holds them."""
    with np.load(path) as arrays:
        values, lengths, labels = (
            torch.from_numpy(arrays[f"{part}_{name}"]) for name in ("values", "lengths", "labels")
        )
    return list(zip(torch.split(values, lengths.tolist()), labels.unbind(), strict=True))


def train(
    parameters: Mapping[str, Any], parts: Mapping[str, list[tuple[Tensor, Tensor]]], printer: EpochPrinter
) -> float:
    """Trains one configuration as the course does, and returns the last epoch's validation loss.

    Validation is the Trainer's own: the mean over whole batches, which leaves ``len(valid) % 32`` sequences out.
    """
    streamers = {
        part: BaseDatastreamer(pairs, batchsize=BATCH_SIZE, preprocessor=PaddedPreprocessor())
        for part, pairs in parts.items()
    }
    n_channels = parts["train"][0][0].shape[1]
    n_classes = 1 + max(int(label) for pairs in parts.values() for _, label in pairs)
    trainer = Trainer(
        model=GRUmodel(ModelConfig(input_size=n_channels, output_size=n_classes, **parameters)),
        settings=TrainerSettings(
            epochs=N_EPOCHS,
            metrics=[Accuracy()],
            logdir=Path("modellog"),
            train_steps=len(streamers["train"]),
            valid_steps=len(streamers["valid"]),
            reporttypes=[],
        ),
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optim.Adam,
        traindataloader=streamers["train"].stream(),
        validdataloader=streamers["valid"].stream(),
        scheduler=optim.lr_scheduler.ReduceLROnPlateau,
        device="cpu",
    )
    trainer.reporters.append(printer)
    trainer.loop()
    return float(trainer.test_loss)


def main() -> None:
    """Searches until an epoch's validation accuracy reaches the target, or the time is over."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("split", type=Path, help="npz with {train,valid}_{values,lengths,labels}")
    parser.add_argument("--target", type=float, default=0.995, help="validation accuracy, 0 to 1")
    parser.add_argument("--limit-seconds", type=float, default=400.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--started", type=float, default=time.time(), help="when the process began, in Unix seconds")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    np.random.seed(arguments.seed)  # mads-datasets shuffles with numpy's global generator
    parts = {part: read_sequences(arguments.split, part) for part in ("train", "valid")}
    trials = Trials()

    def objective(parameters: dict[str, Any]) -> dict[str, Any]:
        trial = {"trial": len(trials.trials) - 1, **parameters}
        printer = EpochPrinter(trial, arguments.target, arguments.limit_seconds, arguments.started)
        return {"loss": train(parameters, parts, printer), "status": STATUS_OK}

    try:
        rstate = np.random.default_rng(arguments.seed)
        fmin(objective, SPACE, algo=tpe.suggest, trials=trials, rstate=rstate, show_progressbar=False)
    except Finished:
        return


if __name__ == "__main__":
    main()
