"""The way of the hidden states through their principal components, and when the classes part."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ..measures.projections import Components, principal_components
from ..measures.states import Layer, between_class_share, classes_in, resampled_paths
from ..model import Diagnosed
from ..reading import N_PER_CLASS, recorded, shown_layers
from ..words import percent, slug

N_POINTS = 30
N_DRAWN_PER_CLASS = 4


def trajectories(diagnosed: Diagnosed) -> list[Section]:
    """The way of the hidden state through its principal components, for every recurrent layer."""
    layers, labels = recorded(diagnosed)
    return [_trajectory(diagnosed, layer, labels) for layer in shown_layers(layers)]


def _trajectory(diagnosed: Diagnosed, layer: Layer, labels: Tensor) -> Section:
    paths = resampled_paths(layer.states, layer.lengths, N_POINTS)
    components = principal_components(paths.flatten(0, 1))
    apart = between_class_share(paths, labels)
    figure = _trajectory_figure(diagnosed, paths, labels, components, apart)
    first_two = float(components.explained[:2].sum())
    n_needed = components.needed_for(0.9)
    grew = float(apart[-1] - apart[0])
    half = next((k for k, share in enumerate(apart.tolist()) if share >= (float(apart[0]) + float(apart.max())) / 2), 0)
    what = "hidden states" if layer.is_recurrent else "features"
    nearest, farthest = _nearest_and_farthest(paths[:, -1], labels)
    names = diagnosed.class_names
    summary = (
        f"{percent(first_two)} of what the {what} of the {layer.name} do happens in the two directions drawn; "
        f"{n_needed} of {components.directions.shape[1]} hold 90%. "
    )
    if grew > 0.1:
        summary += (
            f"The paths part by class: {percent(float(apart[0]))} of the variance lies between the classes at the "
            f"first step, {percent(float(apart[-1]))} at the last, and half of that way is gone after "
            f"{percent(half / (N_POINTS - 1))} of a sequence. "
        )
    elif float(apart.mean()) > 0.3:
        summary += (
            f"The classes are apart all along ({percent(float(apart[0]))} of the variance lies between them at the "
            f"first step, {percent(float(apart[-1]))} at the last). "
        )
    else:
        summary += (
            f"The classes hardly part here ({percent(float(apart.max()))} of the variance lies between them at most): "
            "what tells them is in single steps or is left to the layers after it. "
        )
    if nearest is not None and farthest is not None:
        summary += (
            f"At the end {names[nearest[0]]} and {names[nearest[1]]} lie nearest to each other, {names[farthest[0]]} "
            f"and {names[farthest[1]]} farthest apart."
        )
    both_ways = layer.is_recurrent and len(getattr(layer.module, "cells", ())) == 2
    notes = [
        f"Of up to {N_PER_CLASS} sequences of each class; time is the share of a sequence that has been read. "
        "Thick lines are the mean path of a class, thin ones single sequences; the mark is the end.",
    ]
    if both_ways:
        notes.append("The layer reads both ways, so that at every step half of its features have seen what is to come.")
    rows = tuple(
        (str(k + 1), f"{float(share):.4f}", f"{float(total):.4f}")
        for k, (share, total) in enumerate(
            zip(components.explained[:10], components.explained.cumsum(0)[:10], strict=True)
        )
    )
    return Section(
        f"trajectories_{slug(layer.name)}",
        f"The way through the {what} of the {layer.name}",
        summary,
        tuple(notes),
        figure,
        f"Paths of each class through the first two principal components of the {layer.name}, the variance that each "
        "component explains, and how far the classes are apart over time.",
        (Table("Variance that the principal components explain", ("component", "share", "together"), rows),),
    )


def _trajectory_figure(
    diagnosed: Diagnosed, paths: Tensor, labels: Tensor, components: Components, apart: Tensor
) -> Figure:
    figure = sheets.blank(5.0)
    grid = figure.add_gridspec(2, 2, width_ratios=(2.4, 1))
    plane, bars, over_time = (figure.add_subplot(cell) for cell in (grid[:, 0], grid[0, 1], grid[1, 1]))
    sheets.calm(plane, "Paths through time")
    sheets.calm(bars, "Variance explained")
    sheets.calm(over_time, "Between classes")
    projected = components.project(paths).numpy()
    for one_class in classes_in(labels):
        own = projected[(labels == one_class).numpy()]
        colour, marker = sheets.class_colour(one_class), sheets.class_marker(one_class)
        for path in own[:N_DRAWN_PER_CLASS]:
            plane.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.6, alpha=0.45)
        mean = own.mean(axis=0)
        plane.plot(mean[:, 0], mean[:, 1], color=colour, linewidth=2.2)
        plane.scatter(
            mean[-1, 0], mean[-1, 1], color=colour, marker=marker, s=42, zorder=4,
            label=sheets.class_label(diagnosed.class_names, one_class),
        )  # fmt: skip
    shares = components.explained.tolist()
    labelled = [f"{percent(share)}" for share in (*shares, 0.0)[:2]]
    sheets.labelled(plane, f"first component ({labelled[0]})", f"second ({labelled[1]})")
    plane.set_xticks([])
    plane.set_yticks([])
    n = min(len(shares), 10)
    bars.bar(range(1, n + 1), shares[:n], color=LIGHT.complete, width=0.7)
    sheets.labelled(bars, "component")
    sheets.whole_numbers(bars)
    over_time.plot([k / (N_POINTS - 1) for k in range(N_POINTS)], apart.tolist(), color=LIGHT.best, linewidth=1.8)
    over_time.set_ylim(0, 1)
    sheets.labelled(over_time, "share of the sequence read")
    for axes in (bars, over_time):
        sheets.gridded(axes)
        sheets.in_percent(axes.yaxis)
    sheets.in_percent(over_time.xaxis)
    sheets.legend_below(figure, plane, 4)
    return figure


def _nearest_and_farthest(ends: Tensor, labels: Tensor) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The two pairs of classes whose mean end points are nearest and farthest."""
    present = classes_in(labels)
    if len(present) < 3:
        return None, None
    means = torch.stack([ends[labels == k].mean(dim=0) for k in present])
    distances = torch.cdist(means, means)
    off = ~torch.eye(len(present), dtype=torch.bool)
    a, b = divmod(int(distances.masked_fill(~off, torch.inf).argmin()), len(present))
    c, d = divmod(int(distances.masked_fill(~off, -torch.inf).argmax()), len(present))
    return (present[a], present[b]), (present[c], present[d])
