"""Memory: what the layers hold while a sequence is read, and how the classes part in them."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...figures.words import shortened
from ...palette import LIGHT
from .. import canvas
from ..findings import Picture, Section, Table
from ..measures.projections import Components, principal_components, tsne
from ..measures.states import Layer, between_class_share, record, resampled_paths
from ..subject import Subject
from ..words import listed, percent
from .attention import attention
from .convolutions import filters

N_PATHS_PER_CLASS, MOST_PATHS = 20, 400
N_POINTS = 30
N_DRAWN_PER_CLASS = 4
MOST_STATE_PANELS = 12
MOST_UNITS = 64
MOST_TSNE = 800
PERPLEXITY = 30.0


def memory_section(subject: Subject) -> Section:
    """What it holds while it reads."""
    return Section(
        "memory",
        "Memory",
        "What does it hold while it reads, and when do the classes part?",
        (*trajectories(subject), *state_maps(subject), pooled_map(subject), *attention(subject), *filters(subject)),
    )


def recorded(subject: Subject) -> tuple[tuple[Layer, ...], Tensor]:
    """What the layers put out for sequences of every class, and their labels."""
    rows, (values, lengths, labels) = subject.first.batch(subject.chosen(N_PATHS_PER_CLASS, MOST_PATHS))
    return record(subject.first.network, values, lengths).layers, labels


def shown_layers(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The recurrent layers; where there are none, the last one."""
    recurrent = tuple(layer for layer in layers if layer.is_recurrent)
    return recurrent or layers[-1:]


def trajectories(subject: Subject) -> list[Picture]:
    """The way of the hidden state through its principal components, for every recurrent layer."""
    layers, labels = recorded(subject)
    return [_trajectory(subject, layer, labels) for layer in shown_layers(layers)]


def _trajectory(subject: Subject, layer: Layer, labels: Tensor) -> Picture:
    paths = resampled_paths(layer.states, layer.lengths, N_POINTS)
    components = principal_components(paths.flatten(0, 1))
    apart = between_class_share(paths, labels)
    figure = _trajectory_figure(subject, paths, labels, components, apart)
    first_two = float(components.explained[:2].sum())
    n_needed = components.needed_for(0.9)
    grew = float(apart[-1] - apart[0])
    half = next((k for k, share in enumerate(apart.tolist()) if share >= (float(apart[0]) + float(apart.max())) / 2), 0)
    what = "hidden states" if layer.is_recurrent else "features"
    nearest, farthest = _nearest_and_farthest(paths[:, -1], labels)
    names = subject.class_names
    summary = (
        f"{percent(first_two)} of what the {what} of the {layer.name} do happens in the two directions drawn; "
        f"{n_needed} of {components.directions.shape[1]} hold 90%. "
    )
    if grew > 0.1:
        summary += (
            f"The paths part by class: {percent(float(apart[0]))} of the variance lies between the classes at the first "
            f"step, {percent(float(apart[-1]))} at the last, and half of that way is gone after "
            f"{percent(half / (N_POINTS - 1))} of a sequence. "
        )
    elif float(apart.mean()) > 0.3:
        summary += (
            f"The classes are apart all along ({percent(float(apart[0]))} of the variance lies between them at the first "
            f"step, {percent(float(apart[-1]))} at the last). "
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
        f"Of up to {N_PATHS_PER_CLASS} sequences of each class; time is the share of a sequence that has been read. "
        "Thick lines are the mean path of a class, thin ones single sequences; the mark is the end.",
    ]
    if both_ways:
        notes.append("The layer reads both ways, so that at every step half of its features have seen what is to come.")
    slug = layer.name.replace(" ", "_").replace("-", "_")
    rows = tuple(
        (str(k + 1), f"{float(share):.4f}", f"{float(total):.4f}")
        for k, (share, total) in enumerate(
            zip(components.explained[:10], components.explained.cumsum(0)[:10], strict=True)
        )
    )
    return Picture(
        f"trajectories_{slug}",
        f"The way through the {what} of the {layer.name}",
        summary,
        tuple(notes),
        figure,
        f"Paths of each class through the first two principal components of the {layer.name}, the variance that each "
        "component explains, and how far the classes are apart over time.",
        Table("Variance that the principal components explain", ("component", "share", "together"), rows),
    )


def _trajectory_figure(
    subject: Subject, paths: Tensor, labels: Tensor, components: Components, apart: Tensor
) -> Figure:
    figure = Figure(
        figsize=(canvas.WIDTH_INCHES, 5.0), dpi=canvas.DOTS_PER_INCH, facecolor=LIGHT.paper, layout="constrained"
    )
    grid = figure.add_gridspec(2, 2, width_ratios=(2.4, 1))
    plane, bars, over_time = (figure.add_subplot(cell) for cell in (grid[:, 0], grid[0, 1], grid[1, 1]))
    canvas.calm(plane, "Paths through time")
    canvas.calm(bars, "Variance explained")
    canvas.calm(over_time, "Between classes")
    projected = components.project(paths).numpy()
    for one_class in labels.unique().tolist():
        own = projected[(labels == one_class).numpy()]
        colour, marker = canvas.class_colour(one_class), canvas.class_marker(one_class)
        for path in own[:N_DRAWN_PER_CLASS]:
            plane.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.6, alpha=0.45)
        mean = own.mean(axis=0)
        plane.plot(mean[:, 0], mean[:, 1], color=colour, linewidth=2.2)
        plane.scatter(
            mean[-1, 0], mean[-1, 1], color=colour, marker=marker, s=42, zorder=4,
            label=shortened(subject.class_names[one_class], 24),
        )  # fmt: skip
    shares = components.explained.tolist()
    labelled = [f"{percent(share)}" for share in (*shares, 0.0)[:2]]
    canvas.labelled(plane, f"first component ({labelled[0]})", f"second ({labelled[1]})")
    plane.set_xticks([])
    plane.set_yticks([])
    n = min(len(shares), 10)
    bars.bar(range(1, n + 1), shares[:n], color=LIGHT.complete, width=0.7)
    canvas.labelled(bars, "component")
    canvas.whole_numbers(bars)
    over_time.plot([k / (N_POINTS - 1) for k in range(N_POINTS)], apart.tolist(), color=LIGHT.best, linewidth=1.8)
    over_time.set_ylim(0, 1)
    canvas.labelled(over_time, "share of the sequence read")
    for axes in (bars, over_time):
        canvas.gridded(axes)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    over_time.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    canvas.legend_below(figure, plane, 4)
    return figure


def _nearest_and_farthest(
    ends: Tensor, labels: Tensor
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The two pairs of classes whose mean end points are nearest and farthest."""
    present = labels.unique().tolist()
    if len(present) < 3:
        return None, None
    means = torch.stack([ends[labels == k].mean(dim=0) for k in present])
    distances = torch.cdist(means, means)
    off = ~torch.eye(len(present), dtype=torch.bool)
    pairs = [
        divmod(int(distances.masked_fill(~off, filling).flatten().argmin() if k == 0 else
                   distances.masked_fill(~off, filling).flatten().argmax()), len(present))
        for k, filling in enumerate((torch.inf, -torch.inf))
    ]  # fmt: skip
    (a, b), (c, d) = pairs
    return (present[a], present[b]), (present[c], present[d])


def state_maps(subject: Subject) -> list[Picture]:
    """Every unit's hidden state over time, for one sequence of each class."""
    layers, labels = recorded(subject)
    layer = shown_layers(layers)[-1]
    confident = subject.first.answers[0].softmax(dim=1).max(dim=1).values
    del confident
    shown = labels.unique().tolist()[:MOST_STATE_PANELS]
    rows = [int((labels == k).nonzero()[0]) for k in shown]
    paths = resampled_paths(layer.states, layer.lengths, N_POINTS)
    first = principal_components(paths.flatten(0, 1)).directions[0]
    order = first.argsort(descending=True)
    if len(order) > MOST_UNITS:
        order = torch.cat([order[: MOST_UNITS // 2], order[-MOST_UNITS // 2 :]])
    largest = float(layer.states[rows].abs().max()) or 1.0
    figure, every = canvas.panels(
        len(rows), 3, 1.7, titles=[subject.class_names[k] for k in shown], share_y=True
    )
    rate = subject.first.measured.sample_rate_hz
    for axes, row in zip(every, rows, strict=True):
        states = layer.states[row, : int(layer.lengths[row])][:, order].T
        image = axes.imshow(
            states.numpy(), aspect="auto", cmap=canvas.SIGNED, vmin=-largest, vmax=largest, interpolation="none"
        )
        canvas.labelled(axes, "steps of this layer" if axes in every[-3:] else "", "unit" if axes in every[::3] else "")
        axes.set_yticks([])
        canvas.whole_numbers(axes, most=4)
    bar = figure.colorbar(image, ax=every, fraction=0.02, pad=0.01)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=8, colors=LIGHT.muted, length=0)
    del rate
    real = torch.cat([layer.states[k, : int(n)] for k, n in enumerate(layer.lengths.tolist())])
    saturated = float((real.abs() > 0.95).double().mean())
    deviations = real.std(dim=0)
    quiet = int((deviations < 0.05 * deviations.max()).sum())
    longest = [layer.states[k, : int(n)] for k, n in enumerate(layer.lengths.tolist()) if n > 1]
    moves = torch.stack([(path.diff(dim=0).norm(dim=1).mean() / path.norm(dim=1).mean().clamp_min(1e-9)) for path in longest]) if longest else torch.zeros(1)  # noqa: E501
    move = float(moves.mean())
    summary = f"{quiet} of {real.shape[1]} units hardly move. " if quiet else "Every unit moves. "
    if layer.is_recurrent:
        summary += (
            f"{percent(saturated)} of the values are within 5% of -1 or 1"
            + (", where hardly a gradient passes. " if saturated > 0.2 else ": few are stuck. ")
        )
    summary += (
        f"From one step to the next the state moves by {percent(move)} of its size: "
        + ("it follows the signal." if move > 0.5 else "it carries most of itself on." if move < 0.2 else "it half keeps, half renews itself.")
    )
    note = (
        "One sequence of each class; a row for each unit, ordered by its part in the first principal component. "
        f"{'Half of the units are left out. ' if real.shape[1] > MOST_UNITS else ''}"
        f"{'' if len(labels.unique()) <= MOST_STATE_PANELS else f'The first {MOST_STATE_PANELS} classes.'}"
    )
    return [
        Picture(
            "hidden_states",
            f"What every unit of the {layer.name} does",
            summary,
            (note.strip(),),
            figure,
            f"A panel for each class: every unit's state over time in one sequence. {summary}",
        )
    ]


def pooled_map(subject: Subject) -> Picture:
    """A t-SNE map of what the head is given."""
    title, name = "A map of what the head is given (t-SNE)", "tsne"
    judged = subject.first
    rows = subject.chosen(MOST_TSNE, MOST_TSNE)
    logits, pooled = judged.answers
    labels, predicted = judged.measured.labels[rows], logits[rows].argmax(dim=1)
    found = tsne(pooled[rows], labels, perplexity=PERPLEXITY, seed=subject.seed % 2**31)
    if found is None:
        return Picture(name, title, f"{len(rows)} sequences are too few for a map, or all of them are one point.")
    figure, (axes,) = canvas.panels(1, 1, 5.2)
    places = found.places.numpy()
    for one_class in labels.unique().tolist():
        own = (labels == one_class).numpy()
        axes.scatter(
            places[own, 0], places[own, 1], color=canvas.class_colour(one_class), marker=canvas.class_marker(one_class),
            s=15, linewidths=0, label=shortened(subject.class_names[one_class], 24),
        )  # fmt: skip
    wrong = (predicted != labels).numpy()
    axes.scatter(
        places[wrong, 0], places[wrong, 1], facecolors="none", edgecolors=LIGHT.ink, s=52, linewidths=0.9,
        label="mistaken",
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    canvas.legend_below(figure, axes, 5)
    even = [float((labels == k).double().mean()) for k in labels.unique().tolist()]
    chance = sum(share**2 for share in even)
    apart = [
        (float(found_share), subject.class_names[k])
        for k, found_share in _own_neighbours(pooled[rows], labels).items()
    ]
    apart.sort()
    summary = (
        f"The nearest neighbour of {percent(found.same_neighbour)} of the sequences is of their own class "
        f"(by chance {percent(chance)}): "
        + ("the classes lie apart, and the head has an easy task. " if found.same_neighbour > 0.95 else
           "most of the work is done before the head. " if found.same_neighbour > 0.8 else
           "the classes overlap in what the head is given; the trouble is before it. ")
    )  # fmt: skip
    mixed = [f"{who} ({percent(share)})" for share, who in apart[:3] if share < 0.9]
    summary += f"Most mixed with others: {listed(mixed, 3)}." if mixed else "No class is mixed with others."
    return Picture(
        name,
        title,
        summary,
        (
            f"{len(rows)} sequences of {subject.part_words}, perplexity {found.perplexity:.0f}, seeded, begun from the "
            "principal components. Neighbourhoods in such a map mean something; distances between groups and their sizes "
            "do not (Wattenberg et al. 2016).",
        ),
        figure,
        f"A scatter plot with a point for each sequence, its class by colour and shape, mistakes ringed. {summary}",
        Table(
            "Sequences whose nearest neighbour is of their own class",
            ("class", "share"),
            tuple((who, f"{share:.4f}") for share, who in apart),
        ),
    )


def _own_neighbours(points: Tensor, labels: Tensor) -> dict[int, float]:
    distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
    same = labels[distances.argmin(dim=1)] == labels
    return {k: float(same[labels == k].double().mean()) for k in labels.unique().tolist()}
