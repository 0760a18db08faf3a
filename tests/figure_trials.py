"""Made-up trials for the tests of the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune.report.figures.words import StudyContext

ACCURACY = StudyContext("watch-gru", "validation accuracy", "maximize", percent=True, n_validation=96)
LOSS = StudyContext("watch-gru", "validation loss", "minimize")
UNIT = FloatDistribution(0, 1)


def trial(
    number: int,
    value: float | None = None,
    params: Mapping[str, Any] | None = None,
    spaces: Mapping[str, BaseDistribution] | None = None,
    state: TrialState = TrialState.COMPLETE,
    reported: Mapping[int, float] | None = None,
    is_given: bool = False,
) -> FrozenTrial:
    params = dict(params or {})
    made = create_trial(
        state=state,
        value=value,
        params=params,
        distributions=dict(spaces or dict.fromkeys(params, UNIT)),
        intermediate_values=dict(reported or {}),
        system_attrs={"fixed_params": params} if is_given else {},
    )
    made.number = number
    return made


def decided_by_x(n_trials: int, **further: Any) -> list[FrozenTrial]:
    generator = np.random.default_rng(0)
    return [
        trial(n, 1 - (x - 0.5) ** 2, {"noise": noise, "x": x, **further})
        for n, (x, noise) in enumerate(generator.random((n_trials, 2)))
    ]
