"""A toy to tune: sequences so easy that a tiny network learns them in two epochs, and a study of them in a folder.

Run as a script, this file is one more worker of the study in the folder that it is given.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna import Study
from optuna.trial import FrozenTrial

from data.sequences import SequenceDataset
from data.splits.split import make_folds, make_split
from tune.config.settings import Settings, resolve
from tune.config.spaces import Scalar
from tune.core.folders import StudyFolder
from tune.core.stopping import StopWatch
from tune.search.loop import Ended, ThisProcess
from tune.study.context import RunContext
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import create_study, load_study, resume_study, stored_settings, with_histories
from tune.training.splits import Fold, Splits

N_PEOPLE, N_CLASSES, N_EACH = 6, 3, 2
CPU = torch.device("cpu")

# Small enough for milliseconds an epoch, and still of every kind: whole, real, categorical, logarithmic.
TINY: dict[str, Any] = {
    "dataset": "toy",
    "split": {"kind": "group", "folds": 0},
    "search": {"trials": 4, "seed": 3, "floors": False, "stop": "never"},
    "training": {"epochs": 3, "patience": 2},
    "machine": {"workers": 1},
    "confirmation": {"configurations": 0},
    "space": {
        "shared": {"batch_size": [8, 16]},
        "gru": {
            "hidden_size": {"low": 4, "high": 8},
            "n_layers": 1,
            "front_layers": 0,
            "front_channels": 4,
            "pooling": ["mean", "mean_max"],
        },
    },
}


def make_toy(n_people: int = N_PEOPLE, n_each: int = N_EACH, seed: int = 0) -> SequenceDataset:
    """Sequences of 3 to 9 steps: the first channel's level tells the class, the second is noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N_CLASSES).repeat_interleave(n_each).repeat(n_people)
    groups = torch.arange(n_people).repeat_interleave(N_CLASSES * n_each)
    lengths = torch.randint(3, 10, (len(labels),), generator=generator)
    values = torch.randn(int(lengths.sum()), 2, generator=generator)
    values[:, 0] += 2.0 * labels.repeat_interleave(lengths)
    return SequenceDataset(
        name="toy",
        kind="gesture",
        values=values,
        lengths=lengths,
        labels=labels,
        class_names=("low", "middle", "high"),
        channel_names=("level", "noise"),
        groups=groups,
        group_names=tuple(f"person {k}" for k in range(n_people)),
        sample_rate_hz=10.0,
    )


def make_settings(*layers: dict[str, Any]) -> Settings:
    """The tiny settings with ``layers`` on top."""
    return resolve(TINY, *layers)


def make_parts(dataset: SequenceDataset, settings: Settings) -> Splits:
    """What ``load_splits`` makes of files, of a data set in memory."""
    wanted = settings.split
    split = make_split(
        dataset,
        kind=wanted.kind,
        validation_fraction=wanted.validation_fraction,
        test_fraction=wanted.test_fraction,
        seed=wanted.seed,
    )
    splits = make_folds(dataset, split, wanted.folds, seed=wanted.seed) if wanted.folds else [split]
    folds = []
    for one in splits:
        train, validation = dataset.subset(one.train), dataset.subset(one.validation)
        test = dataset.subset(one.test) if len(one.test) else None
        folds.append(Fold(train, validation, test))
    return Splits(dataset, split, tuple(folds))


class Notes:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.started: list[tuple[int, bool]] = []
        self.epochs: list[tuple[int, int]] = []
        self.finished: list[tuple[int, str, str]] = []

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        self.started.append((number, resumed))

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        self.epochs.append((number, epoch))

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        self.finished.append((number, state, reason))


class StopAfter(StopWatch):
    """Stops like a signal that arrives before step ``n_steps`` of this run."""

    def __init__(self, n_steps: int) -> None:
        super().__init__()
        self._n_left = n_steps

    def check(self) -> None:
        self._n_left -= 1
        if self._n_left < 0:
            self.signal = signal.SIGINT
        super().check()


@dataclass(frozen=True)
class Lab:
    """A study of the toy in a folder of its own."""

    place: Path
    settings: Settings
    splits: Splits
    name: str = "toy-gru"

    @property
    def folder(self) -> StudyFolder:
        return StudyFolder(self.place, self.name)

    def study(self) -> Study:
        """Opens it as a new process would: created the first time, resumed ever after."""
        storage = open_storage(sqlite_url(self.place / "tune.db"))
        study = load_study(storage, self.name)
        if study is None or stored_settings(study) is None:
            return create_study(storage, self.folder, self.settings, self.splits)
        return resume_study(study, self.settings, self.splits)

    def context(self, study: Study | None = None) -> RunContext:
        return RunContext(study or self.study(), self.settings, self.splits, self.folder, CPU)

    def search(self, stop: StopWatch | None = None, observer: Notes | None = None) -> Ended:
        """One run, from opening the database to the end of the search."""
        torch.set_num_threads(1)
        return ThisProcess().run(self.context(), observer or Notes(), stop or StopWatch())

    def trials(self) -> list[FrozenTrial]:
        study = self.study()
        return with_histories(study, study.get_trials(deepcopy=False))

    def with_settings(self, *layers: dict[str, Any]) -> Lab:
        """The same study, run with other settings."""
        return replace(self, settings=resolve(self.settings.model_dump(mode="json"), *layers))


def outline_of(trial: FrozenTrial) -> dict[str, Any]:
    """Everything about a trial but the time it took."""
    attributes = json.loads(json.dumps(trial.user_attrs))
    attributes.pop("training_seconds", None)
    for fold in attributes.get("history", []):
        for epoch in fold:
            del epoch["seconds"]
    return {
        "number": trial.number,
        "state": trial.state.name,
        "parameters": trial.params,
        "value": trial.values,
        "reported": trial.intermediate_values,
        "attributes": attributes,
    }


@pytest.fixture
def toy() -> SequenceDataset:
    return make_toy()


@pytest.fixture
def settings() -> Settings:
    return make_settings()


@pytest.fixture
def splits(toy: SequenceDataset, settings: Settings) -> Splits:
    return make_parts(toy, settings)


NewLab = Callable[..., Lab]
NewNotes = type[Notes]
NewStop = type[StopAfter]
Outline = Callable[[FrozenTrial], dict[str, Any]]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without studies: to make one takes half a second, to copy it does not."""
    path = tmp_path_factory.mktemp("empty") / "tune.db"
    open_storage(sqlite_url(path)).engine.dispose()
    return path


@pytest.fixture
def new_lab(tmp_path: Path, empty_database: Path) -> NewLab:
    """Makes a study: ``new_lab("name of its folder", layer, ..., dataset=...)``."""

    def make(place: str, *layers: dict[str, Any], dataset: SequenceDataset | None = None) -> Lab:
        settings = make_settings(*layers)
        (tmp_path / place).mkdir()
        shutil.copy(empty_database, tmp_path / place)
        return Lab(tmp_path / place, settings, make_parts(dataset or make_toy(), settings))

    return make


@pytest.fixture
def new_notes() -> NewNotes:
    return Notes


@pytest.fixture
def stop_after() -> NewStop:
    return StopAfter


@pytest.fixture
def outline() -> Outline:
    return outline_of


def work(place: Path) -> None:
    """Searches the study that is in ``place``, with its own settings."""
    study = load_study(open_storage(sqlite_url(place / "tune.db")), "toy-gru")
    if study is None:
        raise LookupError(f"there is no study in {place}")
    settings = Settings.model_validate(stored_settings(study))
    Lab(place, settings, make_parts(make_toy(), settings)).search()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
