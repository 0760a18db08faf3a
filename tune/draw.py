"""Everything that a study leaves to look at: four pictures and one page."""

from __future__ import annotations

from pathlib import Path

import optuna

from .figures import TITLES, Figures, ParetoInfo
from .figures.words import StudyContext
from .files import write_bytes, write_text
from .pages import page
from .pages.pareto import pareto_sections
from .pages.sections import Written
from .plots import pictures

__all__ = ["StudyContext", "draw_all", "study_context"]

PAGE_NAME = "plots.html"
_METRICS = {"accuracy": "validation accuracy", "macro_f1": "validation macro F1", "loss": "validation loss (nats)"}


def study_context(study: optuna.Study, metric: str, n_validation: int | None = None) -> StudyContext:
    """How to name and write things for a study.

    Args:
        study: Of this tuner.
        metric: What its first, or only, objective is: ``accuracy``, ``macro_f1`` or ``loss`` of the validation data.
        n_validation: Sequences that each value was judged on, where it is known.

    Raises:
        ValueError: If there is no such metric.
    """
    if metric not in _METRICS:
        *others, last = _METRICS
        raise ValueError(f"there is no metric {metric!r}: {', '.join(others)} or {last}")
    is_share = metric == "accuracy"
    return StudyContext(
        title=study.study_name,
        metric=_METRICS[metric],
        direction="maximize" if study.directions[0] == optuna.study.StudyDirection.MAXIMIZE else "minimize",
        percent=is_share,
        n_validation=n_validation if is_share else None,
    )


def draw_all(
    figures: Figures,
    folder: Path,
    *,
    searched: Written,
    context: StudyContext,
    pareto: ParetoInfo | str | None = None,
) -> list[str]:
    """Writes every figure of a study as PNG, and all of them as one page, ``plots.html``.

    A figure that cannot be drawn leaves a PNG that says why. Each file is whole or not there.

    Args:
        figures: Of a study at any time of its life.
        folder: Where to write; made if it is not there.
        searched: The same figures as sections of a page (``sections.figure_sections``).
        context: How to name and write things.
        pareto: The front of two objectives, or why there is none yet; None where there is one objective.

    Returns:
        A sentence for every figure that could not be drawn.

    Raises:
        OSError: If a file cannot be written.
    """
    for name, content in pictures(figures, context, pareto).items():
        write_bytes(folder / name, content)
    write_text(folder / PAGE_NAME, page(searched, context, pareto_sections(pareto, context)))
    infos = {**figures._asdict(), "pareto": pareto}
    return [f"{TITLES[name]} cannot be drawn: {info}." for name, info in infos.items() if isinstance(info, str)]
