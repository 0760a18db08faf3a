"""From the hyperparameters of a trial to what each of them is an argument of: network, training, data."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TypeVar

from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation
from models import architecture

from ..config.settings import Settings
from ..config.spaces import Scalar
from .fit import TrainingSettings

# Of what is solved: nothing of it is ever used.
WITHOUT_STEPS: dict[str, Scalar] = {"learning_rate": 0.0, "batch_size": 1, "weight_decay": 0.0, "schedule": "plateau"}

Record = TypeVar("Record", Preparation, Augmentation)


def training_settings(settings: Settings, parameters: dict[str, Scalar], seed: int) -> TrainingSettings:
    """The training settings of a trial: the study's, and those of its hyperparameters that are about training.

    Raises:
        ValueError: If epochs or patience are still left to the size of the data; see ``splits.settled``.
    """
    if not settings.training.patience or not settings.n_epochs:
        raise ValueError("epochs and patience are left to the size of the data, which these settings have not met yet")
    searched = {field.name: parameters[field.name] for field in fields(TrainingSettings) if field.name in parameters}
    if architecture(settings.architecture).closed_form:
        searched = {**WITHOUT_STEPS, **searched}
    return TrainingSettings(
        **{**settings.training.model_dump(exclude={"refit"}), "epochs": settings.n_epochs},
        **searched,  # type: ignore[arg-type]
        metric=settings.search.metric,
        seed=seed,
    )


def fields_of(dataclass_type: type[Record], parameters: dict[str, Scalar]) -> Record:
    """A record of settings from those hyperparameters that are its fields; the others keep their defaults."""
    names = [field.name for field in fields(dataclass_type) if field.name in parameters]
    return dataclass_type(**{name: parameters[name] for name in names})  # type: ignore[arg-type]


def model_parameters(name: str, parameters: dict[str, Scalar]) -> dict[str, Scalar]:
    """Those hyperparameters of a trial that its network's constructor takes."""
    accepted = inspect.signature(architecture(name)).parameters
    return {key: value for key, value in parameters.items() if key in accepted}
