"""Who attends to whom over time, in networks that have attention."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ...report.figures.words import shortened
from ..measures.attention import AttentionMap, attention_maps, reach, spread
from ..measures.states import classes_in
from ..model import Diagnosed
from ..words import percent, slug

N_PER_CLASS, MOST = 4, 80
# Of steps that ask and steps that answer, in all sequences: a map grows with the square of the length.
MOST_PAIRS = 10_000_000
N_DRAWN = 4
# Mean distance, as a share of the sequence, under attention that is spread evenly.
EVEN_REACH = 1 / 3


def attention(diagnosed: Diagnosed) -> list[Section]:
    """A picture for every attention of the network; a sentence where it has none."""
    _, (values, lengths, labels) = diagnosed.first.batch(
        diagnosed.chosen(N_PER_CLASS, MOST, MOST_PAIRS // diagnosed.longest)
    )
    found = attention_maps(diagnosed.first.network, values, lengths)
    if not found:
        summary = f"The network ({diagnosed.architecture}) has no attention: nothing in it looks back at chosen steps."
        return [Section("attention", "Who attends to whom", summary)]
    rows = [int((labels == k).nonzero()[0]) for k in classes_in(labels)[:N_DRAWN]]
    titles = [shortened(diagnosed.class_names[int(labels[row])], 30) for row in rows]
    return [_picture(one, rows, titles) for one in found]


def _picture(found: AttentionMap, rows: list[int], titles: list[str]) -> Section:
    even = spread(found)
    is_pooling = found.weights.shape[2] == 1
    numbers = tuple(
        (str(head + 1), f"{reach(_one_head(found, head)):.4f}", f"{spread(_one_head(found, head)):.4f}")
        for head in range(found.weights.shape[1])
    )
    if is_pooling:
        middle = _middle(found)
        where = "the end" if middle > 0.6 else "the beginning" if middle < 0.4 else "the middle, or all of it"
        summary = (
            f"The network takes what it needs from {where}: the mean weight lies at {percent(middle)} of the sequence. "
            + _about_spread(even)
        )
        figure = _lines(found, rows, titles)
        alt = "The weight of each step in the pooling, for sequences of several classes."
        note = "The weight with which every step enters what the head is given."
    else:
        distance = reach(found)
        manner = (
            "mostly to near steps" if distance < 0.6 * EVEN_REACH else
            "farther than even attention would" if distance > 1.15 * EVEN_REACH else "near and far about alike"
        )  # fmt: skip
        summary = (
            f"Steps attend {manner}: on average {percent(distance)} of the sequence away (evenly spread attention: "
            f"33%). {_about_spread(even)} {_about_heads(numbers)}"
        )
        figure = _maps(found, rows, titles)
        alt = "For sequences of several classes, which step (row) attends to which (column), the mean over the heads."
        note = (
            "A row for each step that asks, a column for each that answers; darker means more; the mean over the heads."
        )
    return Section(
        f"attention_{slug(found.name)}",
        f"Who attends to whom: {found.name}",
        summary.strip(),
        (note,),
        figure,
        f"{alt} {summary}",
        (
            Table(
                "Every head: mean distance as a share of the sequence, and evenness (1: all steps alike)",
                ("head", "distance", "evenness"),
                numbers,
            ),
        ),
    )


def _about_spread(even: float) -> str:
    if even > 0.95:
        return "It is spread almost evenly over all steps: this attention averages rather than chooses."
    if even < 0.5:
        return "It is sharp: a few steps get most of it."
    return f"It chooses somewhat (evenness {even:.2f} of 1)."


def _about_heads(numbers: tuple[tuple[str, ...], ...]) -> str:
    if len(numbers) < 2:
        return ""
    ordered = sorted(numbers, key=lambda row: float(row[1]))
    return (
        f"Of the {len(numbers)} heads, head {ordered[0][0]} looks nearest ({percent(float(ordered[0][1]))}) and head "
        f"{ordered[-1][0]} farthest ({percent(float(ordered[-1][1]))})."
    )


def _one_head(found: AttentionMap, head: int) -> AttentionMap:
    return found._replace(weights=found.weights[:, head : head + 1])


def _middle(found: AttentionMap) -> float:
    """Where the mean weight of a pooling lies, as a share of the sequence."""
    places: list[float] = []
    for weights, n in zip(found.weights[:, 0, 0], found.answering.tolist(), strict=True):
        if n > 1:
            places.append(float((weights[:n] * torch.linspace(0, 1, n)).sum()))
    return sum(places) / max(len(places), 1)


def _maps(found: AttentionMap, rows: list[int], titles: list[str]) -> Figure:
    figure, every = sheets.panels(len(rows), min(len(rows), 4), 2.6, titles=titles)
    maps = [found.weights[row].mean(dim=0)[: int(found.asking[row]), : int(found.answering[row])] for row in rows]
    image, largest = None, max(float(own.max()) for own in maps)
    for axes, own in zip(every, maps, strict=True):
        image = axes.imshow(own.numpy(), aspect="auto", cmap=sheets.AMOUNT, vmin=0, vmax=largest, interpolation="none")
        sheets.labelled(axes, "step attended to", "step that asks" if axes is every[0] else "")
        sheets.whole_numbers(axes, most=4)
        sheets.whole_numbers(axes, "y", most=4)
    if image is not None:
        sheets.colour_bar(figure, image, every, "weight")
    return figure


def _lines(found: AttentionMap, rows: list[int], titles: list[str]) -> Figure:
    figure, (axes,) = sheets.panels(1, 1, 2.6)
    for k, (row, title) in enumerate(zip(rows, titles, strict=True)):
        own = found.weights[row, 0, 0, : int(found.answering[row])]
        axes.plot(own.tolist(), color=sheets.class_colour(k), marker=sheets.class_marker(k), markersize=3, label=title)
    axes.set_ylim(bottom=0)
    sheets.in_percent(axes.yaxis)
    axes.yaxis.label.set_color(LIGHT.muted)
    sheets.whole_numbers(axes)
    sheets.gridded(axes)
    sheets.labelled(axes, "step", "weight")
    sheets.legend_below(figure, axes)
    return figure
