"""How the figures of a study name and write things, and which trial they point at."""

from __future__ import annotations

from typing import cast

import optuna

from ..config.schema import Metric
from ..study.floors import stored_floors
from ..study.selection import floor_is_unbeaten, fresh_means, selected_trial
from .figures.words import StudyContext

_METRICS = {
    "accuracy": "validation accuracy",
    "balanced_accuracy": "validation balanced accuracy",
    "macro_f1": "validation macro F1",
    "loss": "validation loss (cross-entropy)",
}


def study_context(study: optuna.Study, metric: str, n_validation: int | None = None) -> StudyContext:
    """How to name and write things for a study.

    Args:
        study: Of this tuner.
        metric: What its first, or only, objective is, as a key of ``metrics.METRIC_LABELS``.
        n_validation: Sequences that each value was judged on, where it is known.

    Raises:
        ValueError: If there is no such metric.
    """
    if metric not in _METRICS:
        *others, last = _METRICS
        raise ValueError(f"there is no metric {metric!r}: {', '.join(others)} or {last}")
    chosen, floors = selected_trial(study), stored_floors(study)
    floor = floors["minirocket"] if floors and floor_is_unbeaten(study) else None
    return StudyContext(
        title=study.study_name,
        metric=_METRICS[metric],
        direction="maximize" if study.directions[0].name == "MAXIMIZE" else "minimize",
        percent=metric != "loss",
        n_validation=n_validation if metric == "accuracy" else None,
        selected=None if chosen is None else chosen.number,
        fresh=fresh_means(study),
        floor=floor["validation"][cast(Metric, metric)] if floor and floor["validation"] else None,
    )
