"""What a study wants to know of a network before it is trained: its size, its speed, and whether these are allowed."""

from __future__ import annotations

import math
from typing import Any

from optuna import Trial

from data.tensors.channels import Preparation, n_prepared_channels
from models import SequenceClassifier, build

from ..config.settings import Settings
from ..config.spaces import Scalar
from ..training.hyperparameters import fields_of, model_parameters
from ..training.latency import latency_ms
from ..training.splits import Splits
from .records import Outcome

PARAMETERS, LATENCY = "parameters", "latency"


def measured(trial: Trial, parameters: dict[str, Scalar], settings: Settings, splits: Splits) -> dict[str, Any]:
    """Size and latency of a trial's network, as far as the study asks for them, and puts them on its record.

    A trial that goes on after an interruption keeps what was measured at its begin.

    Args:
        trial: Takes the values, and for every cap a constraint, which samplers learn from.
        parameters: Every searched and fixed hyperparameter.
        settings: Of the study.
        splits: Of the study.
    """
    asked, found = wanted(settings), dict[str, Any]()
    if not asked:
        return found
    search, known = settings.search, trial.user_attrs
    network = _untrained(parameters, settings, splits)
    found["n_parameters"] = sum(weight.numel() for weight in network.parameters())
    found["n_trainable_parameters"] = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    is_too_large = search.max_parameters is not None and found["n_parameters"] > search.max_parameters
    if LATENCY in asked and not is_too_large:
        found["latency_ms"] = known.get("latency_ms") or _latency(network, parameters, splits)
    for name, value in found.items():
        if name not in known:
            trial.set_user_attr(name, value)
    for name, cap, key in _caps(settings):
        if name in found and key not in trial.constraints:
            # At most 0 where it is kept to; of the ratio, since some samplers model it.
            trial.set_constraint(key, math.log(found[name] / cap))
    return found


def latency_of(parameters: dict[str, Scalar], settings: Settings, splits: Splits) -> float:
    """Milliseconds that the network of these hyperparameters takes for one sequence of median length."""
    return _latency(_untrained(parameters, settings, splits), parameters, splits)


def wanted(settings: Settings) -> set[str]:
    """What of a network is to be known before it is trained."""
    search = settings.search
    return {
        name
        for name, cap in ((PARAMETERS, search.max_parameters), (LATENCY, search.max_latency_ms))
        if cap is not None or search.second_objective == name
    }


def infeasible(settings: Settings, found: dict[str, Any]) -> Outcome | None:
    """What becomes of a trial whose network is over a cap, and is not trained; None for any other."""
    reasons = [
        f"{_written(name, found[name])} are more than {key} allows, {cap:,}"
        for name, cap, key in _caps(settings)
        if name in found and found[name] > cap
    ]
    if not reasons:
        return None
    record = {**found, "epochs_run": 0, "training_seconds": 0.0}
    return Outcome(True, None, f"not trained: {' and '.join(reasons)}", record, ())


def second_value(settings: Settings, record: dict[str, Any]) -> float | None:
    """What a trial came to in the second objective; None where there is none."""
    second = settings.search.second_objective
    if second is None:
        return None
    return float(record["n_parameters" if second == PARAMETERS else "latency_ms"])


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


def _caps(settings: Settings) -> list[tuple[str, float, str]]:
    """Of each cap that is set: what it is about, the cap, and the name of the setting."""
    search = settings.search
    caps = (
        ("n_parameters", search.max_parameters, "max_parameters"),
        ("latency_ms", search.max_latency_ms, "max_latency_ms"),
    )
    return [(name, cap, key) for name, cap, key in caps if cap is not None]


def _written(name: str, value: float) -> str:
    return f"{value:,} parameters" if name == "n_parameters" else f"{value:.3g} ms for a sequence"
