"""Which steps and channels the predictions rest on, and whether that can be believed."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from data.tensors.batches import Batch

from ...report.figures import sheets
from ...report.figures.examples import Signals
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ...report.figures.words import shortened
from ..measures.attribution import (
    Attribution,
    CaptumMissingError,
    DeletionCurves,
    deletion_curves,
    integrated_gradients,
)
from ..measures.states import classes_in, resampled_paths
from ..model import Diagnosed
from ..words import listed, percent

N_PER_CLASS, MOST, MOST_STEPS = 6, 60, 20_000
N_DRAWN = 6
N_POINTS = 20
MOST_CHANNELS = 24
# Area between two curves of probabilities that is more than what another random order would make.
SMALLEST_ADVANTAGE = 0.02


def attribution(diagnosed: Diagnosed) -> list[Section]:
    """Integrated gradients of the predictions, and the curves that check them."""
    rows, batch = diagnosed.first.batch(diagnosed.chosen(N_PER_CLASS, MOST, MOST_STEPS))
    with torch.no_grad():
        targets = diagnosed.first.network(batch.values, batch.lengths).argmax(dim=1)
    title = "Which steps and channels its predictions rest on"
    try:
        found = integrated_gradients(diagnosed.first.network, batch.values, batch.lengths, targets)
    except CaptumMissingError as error:
        sentence = str(error)
        return [Section("attribution", title, f"{sentence[:1].upper()}{sentence[1:]}")]
    return [
        _where(diagnosed, title, rows, batch, found),
        _deletion(deletion_curves(diagnosed.first.network, batch.values, batch.lengths, found, seed=diagnosed.seed)),
    ]


def _where(diagnosed: Diagnosed, title: str, rows: Tensor, batch: Batch, found: Attribution) -> Section:
    size = found.values.abs()
    by_channel = size.sum(dim=(0, 1))
    by_channel = by_channel / by_channel.sum().clamp_min(1e-12)
    over_time = resampled_paths(size.sum(dim=2, keepdim=True), batch.lengths, N_POINTS).squeeze(2)
    over_time = (over_time / over_time.sum(dim=1, keepdim=True).clamp_min(1e-12)).mean(dim=0)
    names = diagnosed.first.prepared.channel_names
    order = by_channel.argsort(descending=True).tolist()
    strongest = [f"{shortened(names[k], 60)} ({percent(float(by_channel[k]))})" for k in order[:3]]
    thirds = [float(part.sum()) for part in over_time.tensor_split(3)]
    where = ("the first", "the middle", "the last")[thirds.index(max(thirds))]
    even = max(thirds) < 0.4
    least = [k for k in order if float(by_channel[k]) < 0.25 / len(names)]
    summary = (
        f"Its predictions rest most on {listed(strongest, 3)}"
        + (f" of {len(names)} channels; " if len(names) > 3 else "; ")
        + (
            "all thirds of a sequence count about alike."
            if even
            else f"{where} third of a sequence carries {percent(max(thirds))} of the weight."
        )
        + (
            f" {len(least)} {'channel counts' if len(least) == 1 else 'channels count'} for hardly anything."
            if least
            else ""
        )
    )
    if found.gap > 0.1:
        summary += f" The attributions miss their sum by {percent(found.gap)}: take them as rough."
    return Section(
        "attribution",
        title,
        summary,
        (
            "Integrated gradients of the predicted class' logit (Sundararajan et al. 2017), from a signal that says "
            f"nothing, over {len(rows)} sequences. They should sum to what the signal changes in the logit; the mean "
            f"gap is {percent(found.gap)}. Shaded: the steps of each sequence that add most, from a "
            "tenth of the largest (pale) to the largest (deep). Dashed: if all steps counted alike.",
            Signals(diagnosed.first.measured).words,
        ),
        _figure(diagnosed, rows, batch, found, by_channel, over_time),
        f"Signals with the steps that matter shaded, the weight of each channel, and of each part of time. {summary}",
        (
            Table(
                "Weight of each channel",
                ("channel", "share"),
                tuple((names[k], f"{float(by_channel[k]):.4f}") for k in order),
            ),
        ),
    )


def _figure(
    diagnosed: Diagnosed, rows: Tensor, batch: Batch, found: Attribution, by_channel: Tensor, over_time: Tensor
) -> Figure:
    names = diagnosed.first.prepared.channel_names
    drawn = [int((batch.labels == k).nonzero()[0]) for k in classes_in(batch.labels)[:N_DRAWN]]
    shown = by_channel.argsort(descending=True).tolist()[:MOST_CHANNELS]
    n_rows = -(-len(drawn) // 2)
    bars_height = max(2.2, 0.2 * len(shown) + 0.8)
    figure = sheets.blank(1.5 * n_rows + bars_height)
    grid = figure.add_gridspec(n_rows + 1, 2, height_ratios=[*[1.5] * n_rows, bars_height])
    signals, first = Signals(diagnosed.first.measured), None
    for place, k in enumerate(drawn):
        axes = figure.add_subplot(grid[place // 2, place % 2])
        said = shortened(diagnosed.class_names[int(found.targets[k])], 30)
        right = int(found.targets[k]) == int(batch.labels[k])
        sheets.calm(axes, said if right else f"{said}, wrongly")
        row = int(rows[k])
        signals.draw(axes, row, labels=place == 0)
        signals.fit(axes, [row])
        sheets.labelled(axes, signals.time if place >= len(drawn) - 2 else "")
        first = axes if place == 0 else first
        # As much as is measured: a front with strides does not change the input's steps.
        weight = found.values[k, : int(batch.lengths[k])].sum(dim=1).clamp_min(0)
        weight = weight / weight.max().clamp_min(1e-12)
        times = signals.times(row)
        width = times[1] - times[0] if len(times) > 1 else 1.0
        for time, strength in zip(times, weight.tolist(), strict=True):
            if strength > 0.1:
                axes.axvspan(
                    time - width / 2, time + width / 2, color=LIGHT.best, alpha=0.35 * strength, linewidth=0, zorder=0
                )
    bars = figure.add_subplot(grid[n_rows, 0])
    sheets.calm(bars, "Weight of the channels")
    bars.barh(range(len(shown)), [float(by_channel[k]) for k in shown], color=LIGHT.complete, alpha=0.3, height=0.8)
    for place, k in enumerate(shown):  # Beside the axes, long names would take a third of every panel.
        bars.text(0, place, f" {shortened(names[k], 48)}", va="center", size=8.5, color=LIGHT.ink, parse_math=False)
    bars.set_yticks([])
    bars.invert_yaxis()
    sheets.in_percent(bars.xaxis)
    sheets.gridded(bars, "x")
    time = figure.add_subplot(grid[n_rows, 1])
    sheets.calm(time, "Weight over a sequence")
    time.plot([k / (N_POINTS - 1) for k in range(N_POINTS)], over_time.tolist(), color=LIGHT.complete, linewidth=1.8)
    time.set_ylim(bottom=0)
    time.axhline(1 / N_POINTS, color=LIGHT.muted, linewidth=1, linestyle="--")
    sheets.in_percent(time.xaxis)
    sheets.in_percent(time.yaxis)
    sheets.labelled(time, "share of the sequence")
    sheets.gridded(time)
    if first is not None:
        sheets.legend_below(figure, first, 3)
    return figure


def _deletion(curves: DeletionCurves) -> Section:
    figure, (axes,) = sheets.panels(1, 1, 2.9)
    for values, colour, style, label in (
        (curves.first, LIGHT.best, "-", "what adds most goes first"),
        (curves.random, LIGHT.pruned, "--", "in random order"),
        (curves.last, LIGHT.complete, "-", "what adds most goes last"),
    ):
        axes.plot(curves.shares, values, color=colour, linestyle=style, marker="o", markersize=3.5, label=label)
    axes.set_ylim(0, 1.02)
    sheets.in_percent(axes.xaxis, axes.yaxis)
    sheets.labelled(axes, "share of the values deleted", "confidence in the prediction")
    sheets.gridded(axes)
    sheets.legend_below(figure, axes, 3)
    at = 2
    summary = (
        f"With {percent(curves.shares[at])} of the values deleted, those that add most first, the confidence falls "
        f"from {percent(curves.first[0])} to {percent(curves.first[at])}; in random order it falls to "
        f"{percent(curves.random[at])}, and when they go last to {percent(curves.last[at])}. "
    ) + (
        "The attributions name what the network really uses."
        if curves.advantage > SMALLEST_ADVANTAGE
        else "That is no better than chance: do not read much into the attributions above."
    )
    rows = tuple(
        (f"{share:.1f}", f"{a:.4f}", f"{b:.4f}", f"{c:.4f}")
        for share, a, b, c in zip(curves.shares, curves.first, curves.random, curves.last, strict=True)
    )
    return Section(
        "deletion",
        "Are these the values that it really uses?",
        summary,
        (
            "Deleted values are set to zero, which is what the attributions start from (Petsiuk et al. 2018). The mean "
            "probability of the class that was predicted; of random orders, the mean of three.",
        ),
        figure,
        f"Three curves of confidence against the share of values deleted. {summary}",
        (Table("Confidence when values are deleted", ("deleted", "most first", "random", "most last"), rows),),
    )
