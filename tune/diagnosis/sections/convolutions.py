"""What the convolutions look for, and how much of the signal one of their outputs sees."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ...report.figures.words import shortened
from ..measures.receptive_field import first_filters, receptive_field
from ..measures.states import record
from ..model import Diagnosed
from ..words import listed, percent, steps_text

N_FILTERS = 12
N_PER_CLASS, MOST = 6, 120
MOST_LINES = 6


def filters(diagnosed: Diagnosed) -> list[Section]:
    """The first convolution's filters and the receptive field; a sentence where there is no convolution."""
    title, name = "The convolutions: what they look for, and how far they see", "filters"
    judged = diagnosed.first
    weights = first_filters(judged.network)
    seen = receptive_field(judged.network, judged.prepared.n_channels)
    if weights is None or seen is None:
        summary = "The network has no convolutional front: its first layer reads one step at a time."
        return [Section(name, title, summary)]
    rate, longest = judged.measured.sample_rate_hz, int(judged.measured.lengths.max())
    sizes = weights.norm(dim=(1, 2))
    activity = _activity(diagnosed)
    order = (sizes if activity is None else sizes * activity).argsort(descending=True)[:N_FILTERS].tolist()
    by_channel = weights.norm(dim=(0, 2))
    shares = by_channel / by_channel.sum()
    names = judged.prepared.channel_names
    strongest = [
        f"{shortened(names[k], 60)} ({percent(float(shares[k]))})" for k in shares.argsort(descending=True)[:3]
    ]
    smooth = _smooth(weights)
    share = min(seen / longest, 1.0)
    summary = (
        f"One step after the convolutions sees {steps_text(seen, rate)} of the signal"
        + (f", {percent(share)} of the longest sequence. " if share < 1 else ": all of even the longest sequence. ")
        + (
            f"Of {len(weights)} filters {smooth} mostly average (their weights have one sign), the others compare one "
            f"moment with another. " if weights.shape[2] > 1 else ""
        )
        + f"They weigh most: {listed(strongest, 3)}, of {len(names)} channels"
        + (f" ({percent(1 / len(names))} each if all counted alike)." if len(names) > 1 else ".")
    )  # fmt: skip
    dead = None if activity is None else int((activity < 1e-6).sum())
    if dead:
        summary += f" {dead} of {len(weights)} filters are never active: they could be left out."
    figure = _figure(weights[order], names, [f"Filter {k}" for k in order])
    table = Table(
        "Weight of each channel in the first convolution",
        ("channel", "share"),
        tuple((one, f"{float(share):.4f}") for one, share in zip(names, shares, strict=True)),
    )
    note = (
        f"The {len(order)} filters of the first convolution that say most (weight times mean output); "
        + ("channels as lines." if len(names) <= MOST_LINES else "a row for each channel, a column for each step.")
        + " The receptive field was measured by gradients, through all layers and strides of the convolutions."
    )
    return [Section(name, title, summary, (note,), figure, f"Weights of single filters over time. {summary}", (table,))]


def _activity(diagnosed: Diagnosed) -> Tensor | None:
    """Mean output of each feature of the first convolution's layer; None where its layer is not watched as such."""
    _, (values, lengths, _) = diagnosed.first.batch(diagnosed.chosen(N_PER_CLASS, MOST))
    layers = record(diagnosed.first.network, values, lengths).layers
    first = layers[0]
    if not first.name.startswith("convolution"):
        return None
    real = torch.cat([first.states[k, : int(n)] for k, n in enumerate(first.lengths.tolist())])
    return real.mean(dim=0)


def _smooth(weights: Tensor) -> int:
    """Filters whose strongest channel hardly changes its sign over time."""
    strongest = weights.norm(dim=2).argmax(dim=1)
    own = weights[torch.arange(len(weights)), strongest]
    return int((own.sum(dim=1).abs() > 0.8 * own.abs().sum(dim=1)).sum())


def _figure(weights: Tensor, names: tuple[str, ...], titles: list[str]) -> Figure:
    figure, every = sheets.panels(len(weights), 4, 1.6, titles=titles, share_y=True)
    largest = float(weights.abs().max()) or 1.0
    as_lines, image = len(names) <= MOST_LINES, None
    for axes, own in zip(every, weights, strict=True):
        if as_lines:
            for channel, line in enumerate(own):
                axes.plot(
                    line.tolist(), color=sheets.class_colour(channel), marker=sheets.class_marker(channel),
                    markersize=3, linewidth=1.2, label=shortened(names[channel], 30),
                )  # fmt: skip
            axes.axhline(0, color=LIGHT.rule, linewidth=1, zorder=0)
            axes.set_ylim(-1.05 * largest, 1.05 * largest)
        else:
            image = axes.imshow(
                own.numpy(), aspect="auto", cmap=sheets.SIGNED, vmin=-largest, vmax=largest, interpolation="none"
            )
            sheets.labelled(axes, y="channel" if axes in every[::4] else "")
        sheets.whole_numbers(axes, most=4)
        sheets.labelled(axes, "step" if axes in every[-4:] else "")
    if image is None:
        sheets.legend_below(figure, every[0], 3)
    else:
        sheets.colour_bar(figure, image, every, "weight")
    return figure
