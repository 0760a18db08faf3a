"""Gradient norms over time: of which sequences, as lines, and as a table."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes

from data.tensors.batches import Batch

from ...report.figures import sheets
from ...report.figures.sections import Table
from ..measures.gradients import fit_decay
from ..model import Diagnosed

N_PER_CLASS, MOST, MOST_STEPS = 8, 64, 20_000
# Where less than this of the gradient is left, the first step teaches nothing.
VANISHED = 1e-3


def chosen_batch(diagnosed: Diagnosed) -> Batch:
    """Sequences of every class whose gradients are looked at."""
    _, batch = diagnosed.first.batch(diagnosed.chosen(N_PER_CLASS, MOST, MOST_STEPS))
    return batch


def line(axes: Axes, values: torch.Tensor, **style: object) -> None:
    """A line over negative time; zeros have no place on a logarithmic scale."""
    points = [(-k, value) for k, value in enumerate(values.tolist()) if value > 0]
    if points:
        axes.plot(*zip(*points, strict=True), **style)  # type: ignore[arg-type]
        sheets.logarithmic(axes)
        axes.tick_params(which="both", length=0)
        sheets.whole_numbers(axes)


def norms_table(rows: list[tuple[str, torch.Tensor]]) -> Table:
    """Norms at up to twelve places and the fitted factor."""
    longest = max(len(values) for _, values in rows)
    places = sorted({round(k * (longest - 1) / 11) for k in range(12)})
    cells = []
    for name, values in rows:
        decay = fit_decay(values)
        cells.append(
            (
                name,
                "–" if decay is None else f"{decay.factor:.4f}",
                *(f"{float(values[k]):.3g}" if k < len(values) else "–" for k in places),
            )
        )
    head = ("sequences", "factor a step", *(f"{k} before the end" for k in places))
    return Table("Mean gradient norms", head, tuple(cells))
