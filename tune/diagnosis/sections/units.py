"""What every unit of a layer does over time."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...report.figures import sheets
from ...report.figures.sections import Section, Table
from ..measures.projections import principal_components
from ..measures.states import Layer, classes_in
from ..model import Diagnosed
from ..reading import recorded, shown_layers
from ..words import percent

MOST_PANELS = 12
MOST_UNITS = 64
# A value this near to the end of tanh's range lets hardly a gradient through.
STUCK = 0.95


def units(diagnosed: Diagnosed) -> Section:
    """Every unit's state over time in one sequence of each class, for the last layer that holds states."""
    layers, labels = recorded(diagnosed)
    layer = shown_layers(layers)[-1]
    paths = [layer.states[k, : int(n)] for k, n in enumerate(layer.lengths.tolist())]
    real = torch.cat(paths)
    std = real.std(dim=0, correction=0)
    quiet = int((std < 0.05 * std.max()).sum())
    summary = f"{quiet} of {real.shape[1]} units hardly move. " if quiet else f"All {real.shape[1]} units move. "
    if layer.is_recurrent:
        stuck = float((real.abs() > STUCK).double().mean())
        summary += f"{percent(stuck)} of the values are within 5% of -1 or 1" + (
            ", where hardly a gradient passes. " if stuck > 0.2 else ": few are stuck. "
        )
    move = mean_move(paths)
    manner = (
        "it follows the signal" if move > 0.5 else "it carries most of itself on" if move < 0.2 else
        "it keeps much of itself and renews the rest"
    )  # fmt: skip
    summary += f"From one step to the next the state moves by {percent(move)} of its size: {manner}."
    n_classes = len(classes_in(labels))
    left_out = "Those in the middle of this order are left out. " if real.shape[1] > MOST_UNITS else ""
    first = f"The first {MOST_PANELS} classes." if n_classes > MOST_PANELS else ""
    rows = tuple(
        (str(k), f"{float(one.mean()):.4f}", f"{float(one.std(correction=0)):.4f}") for k, one in enumerate(real.T)
    )
    return Section(
        "hidden_states",
        f"What every unit of the {layer.name} does",
        summary,
        (
            "One sequence of each class; a row for each unit, ordered by its part in the first principal component. "
            f"{left_out}{first}".strip(),
        ),
        _figure(diagnosed, layer, labels, real),
        f"A panel for each class: every unit's state over time in one sequence. {summary}",
        (Table("Mean and standard deviation of every unit", ("unit", "mean", "std. dev."), rows),),
    )


def mean_move(paths: list[Tensor]) -> float:
    """How far the states move from step to step, as a share of their size; 0 where no sequence has two steps."""
    moves = [
        float(path.diff(dim=0).norm(dim=1).mean() / path.norm(dim=1).mean().clamp_min(1e-9))
        for path in paths
        if len(path) > 1
    ]
    return sum(moves) / len(moves) if moves else 0.0


def _figure(diagnosed: Diagnosed, layer: Layer, labels: Tensor, real: Tensor) -> Figure:
    shown = classes_in(labels)[:MOST_PANELS]
    rows = [int((labels == k).nonzero()[0]) for k in shown]
    order = principal_components(real).directions[0].argsort(descending=True)
    if len(order) > MOST_UNITS:
        order = torch.cat([order[: MOST_UNITS // 2], order[-MOST_UNITS // 2 :]])
    largest = float(layer.states[rows].abs().max()) or 1.0
    titles = [diagnosed.class_names[k] for k in shown]
    figure, every = sheets.panels(len(rows), 3, 1.7, titles=titles, share_y=True)
    image = None
    for axes, row in zip(every, rows, strict=True):
        states = layer.states[row, : int(layer.lengths[row])][:, order].T
        image = axes.imshow(
            states.numpy(), aspect="auto", cmap=sheets.SIGNED, vmin=-largest, vmax=largest, interpolation="none"
        )
        sheets.labelled(axes, "step of this layer" if axes in every[-3:] else "", "unit" if axes in every[::3] else "")
        axes.set_yticks([])
        sheets.whole_numbers(axes, most=4)
    if image is not None:
        sheets.colour_bar(figure, image, every, "state")
    return figure
