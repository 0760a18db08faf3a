"""What a study wants to know of a network before it is trained: its size, its speed, and whether these are allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from optuna import Study, Trial

from data.tensors.channels import Normaliser, Preparation, derived_names, n_prepared_channels
from models import SequenceClassifier, build

from ..config.settings import Settings
from ..config.spaces import Scalar
from ..device.footprint import Stream, footprint
from ..device.layers import untranslated
from ..device.lowering import program_for
from ..device.program import Precision, Scales
from ..training.decisions import N_WINDOWS, SMOOTHED_WINDOWS
from ..training.hyperparameters import fields_of, model_parameters
from ..training.latency import latency_ms
from ..training.splits import Splits
from .draws import BracketSampler
from .records import Outcome


@dataclass(frozen=True)
class Cost:
    """What less of is better.

    Attributes:
        name: As the second objective.
        record: On a trial's record.
        cap: The setting that limits it.
        words: How much of it there is.
    """

    name: str
    record: str
    cap: str
    words: str


LATENCY = Cost("latency", "latency_ms", "max_latency_ms", "{:.3g} ms for a sequence")
ON_A_DEVICE = (
    Cost("flash", "flash_bytes", "max_flash", "{:,} bytes of flash"),
    Cost("ram", "ram_bytes", "max_ram", "{:,} bytes of RAM"),
    Cost("macs", "macs", "max_macs", "{:,} multiply-adds"),
)
COSTS = (Cost("parameters", "n_parameters", "max_parameters", "{:,} parameters"), LATENCY, *ON_A_DEVICE)
CAPS = tuple(cost.cap for cost in COSTS)
UNWRITABLE = "unwritable"


def measured(trial: Trial, parameters: dict[str, Scalar], settings: Settings, splits: Splits) -> dict[str, Any]:
    """Size and latency of a trial's network, as far as the study asks for them, and puts them on its record.

    A trial that goes on after an interruption keeps what was measured at its begin.

    Args:
        trial: Takes the values, and for every cap a constraint, which samplers learn from.
        parameters: Every searched and fixed hyperparameter.
        settings: Of the study.
        splits: Of the study.
    """
    asked = wanted(settings)
    if not asked:
        return {}
    known, network = trial.user_attrs, _untrained(parameters, settings, splits)
    found = _counted(network, parameters, settings, splits)
    if LATENCY in asked and infeasible(settings, found) is None:
        found["latency_ms"] = known.get("latency_ms") or _latency(network, parameters, splits)
    for name, value in found.items():
        if name not in known:
            trial.set_user_attr(name, value)
    for cost, cap in _caps(settings):
        if cost.record in found and cost.cap not in trial.constraints:
            # At most 0 where it is kept to; of the ratio, since some samplers model it.
            trial.set_constraint(cost.cap, math.log(found[cost.record] / cap))
    if UNWRITABLE in found and UNWRITABLE not in trial.constraints:
        trial.set_constraint(UNWRITABLE, 1.0)
    return found


def draw_what_may_be_trained(study: Study, settings: Settings, splits: Splits) -> None:
    """Has a study draw again what is over a cap that can be counted; how long a network takes is clocked, not asked."""
    if isinstance(study.sampler, BracketSampler):
        study.sampler.allows = partial(may_be_trained, settings, splits)


def may_be_trained(settings: Settings, splits: Splits, searched: Mapping[str, Scalar]) -> bool:
    """Whether a network of these values is within every cap that can be counted."""
    if not _caps(settings):
        return True
    parameters = {**searched, **settings.ranges()[1]}
    found = _counted(_untrained(parameters, settings, splits), parameters, settings, splits)
    return infeasible(settings, found) is None


def _counted(
    network: SequenceClassifier, parameters: dict[str, Scalar], settings: Settings, splits: Splits
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "n_parameters": sum(weight.numel() for weight in network.parameters()),
        "n_trainable_parameters": sum(weight.numel() for weight in network.parameters() if weight.requires_grad),
    }
    if wanted(settings).isdisjoint(ON_A_DEVICE):
        return found
    return found | _on_a_device(network, parameters, splits, settings.search.device_precision)


def _on_a_device(
    network: SequenceClassifier, parameters: dict[str, Scalar], splits: Splits, precision: Precision
) -> dict[str, Any]:
    """What the C of a network takes, which does not depend on its weights."""
    if missing := untranslated(network):
        return {UNWRITABLE: f"it cannot be written as C ({' and '.join(missing)})"}
    dataset, preparation = splits.dataset, fields_of(Preparation, parameters)
    ones = torch.ones(len(derived_names(dataset.channel_names, preparation.derived_channels)))
    window = int(dataset.lengths.median())
    normaliser = Normaliser(ones, ones)
    longest = int(dataset.lengths.max())
    scales: Scales | None = {} if precision == "int8" else None
    program = program_for(network, (preparation, normaliser), dataset.channel_names, longest, window, scales)
    # How many windows of a stream are averaged is chosen after the training: there has to be room for the most.
    smooth = SMOOTHED_WINDOWS if dataset.timeline is None else max(N_WINDOWS)
    size = footprint(program, Stream(window, smooth), dataset.channel_names, dataset.class_names)
    return {"flash_bytes": size.flash, "ram_bytes": size.ram, "macs": size.macs}


def latency_of(parameters: dict[str, Scalar], settings: Settings, splits: Splits) -> float:
    """Milliseconds that the network of these hyperparameters takes for one sequence of median length."""
    return _latency(_untrained(parameters, settings, splits), parameters, splits)


def wanted(settings: Settings) -> set[Cost]:
    """What of a network is to be known before it is trained."""
    second = settings.search.second_objective
    return {cost for cost, _ in _caps(settings)} | {cost for cost in COSTS if cost.name == second}


def infeasible(settings: Settings, found: dict[str, Any]) -> Outcome | None:
    """What becomes of a trial whose network is over a cap, and is not trained; None for any other."""
    reasons = [
        f"{cost.words.format(found[cost.record])} are more than {cost.cap} allows, {cap:,}"
        for cost, cap in _caps(settings)
        if cost.record in found and found[cost.record] > cap
    ]
    reasons += [found[UNWRITABLE]] if UNWRITABLE in found else []
    if not reasons:
        return None
    record = {**found, "epochs_run": 0, "training_seconds": 0.0}
    return Outcome(True, None, f"not trained: {' and '.join(reasons)}", record, ())


def second_value(settings: Settings, record: dict[str, Any]) -> float | None:
    """What a trial came to in the second objective; None where there is none."""
    second = settings.search.second_objective
    if second is None:
        return None
    return float(record[next(cost.record for cost in COSTS if cost.name == second)])


def _untrained(parameters: dict[str, Scalar], settings: Settings, splits: Splits) -> SequenceClassifier:
    return build(
        settings.architecture,
        _n_channels(parameters, splits),
        splits.dataset.n_classes,
        **model_parameters(settings.architecture, parameters),
    )


def _latency(network: SequenceClassifier, parameters: dict[str, Scalar], splits: Splits) -> float:
    return latency_ms(network, int(splits.dataset.lengths.median()), _n_channels(parameters, splits))


def _n_channels(parameters: dict[str, Scalar], splits: Splits) -> int:
    return n_prepared_channels(splits.dataset.channel_names, fields_of(Preparation, parameters))


def _caps(settings: Settings) -> list[tuple[Cost, float]]:
    """What is limited, and by how much."""
    limits = [(cost, getattr(settings.search, cost.cap)) for cost in COSTS]
    return [(cost, limit) for cost, limit in limits if limit is not None]
