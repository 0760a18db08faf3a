"""From the hyperparameters of a trial to what each of them is an argument of: network, training, data."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TypeVar

from data.augment import Augmentation
from data.channels import Preparation
from models import ARCHITECTURES

from ..config.settings import Settings
from ..config.spaces import Scalar
from .fit import TrainingSettings

Record = TypeVar("Record", Preparation, Augmentation)


def training_settings(settings: Settings, parameters: dict[str, Scalar], seed: int) -> TrainingSettings:
    """The training settings of a trial: the study's, and those of its hyperparameters that are about training."""
    searched = {field.name: parameters[field.name] for field in fields(TrainingSettings) if field.name in parameters}
    return TrainingSettings(
        **settings.training.model_dump(exclude={"refit"}),
        **searched,  # type: ignore[arg-type]
        metric=settings.search.metric,
        seed=seed,
    )


def fields_of(dataclass_type: type[Record], parameters: dict[str, Scalar]) -> Record:
    """A record of settings from those hyperparameters that are its fields; the others keep their defaults."""
    names = [field.name for field in fields(dataclass_type) if field.name in parameters]
    return dataclass_type(**{name: parameters[name] for name in names})  # type: ignore[arg-type]


def model_parameters(architecture: str, parameters: dict[str, Scalar]) -> dict[str, Scalar]:
    """Those hyperparameters of a trial that its network's constructor takes."""
    accepted = inspect.signature(ARCHITECTURES[architecture]).parameters
    return {name: value for name, value in parameters.items() if name in accepted}
