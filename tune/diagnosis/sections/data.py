"""Data: what the recordings look like, how long they are, and how evenly classes and people share them."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from data.sequences import SequenceDataset

from ...report.figures import sheets
from ...report.figures.examples import Signals, examples_figure
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ...report.figures.words import counted, shortened
from ..measures.states import classes_in
from ..model import Diagnosed
from ..words import listed, percent, person_text, steps_text

MOST_PEOPLE = 60
PART_COLOURS = (LIGHT.complete, LIGHT.best, LIGHT.fanova)
MOST_CLASSES = 40


def data_section(diagnosed: Diagnosed) -> Section:
    """What the network was given to learn from."""
    n_folds = len(diagnosed.history)
    of_fold = f" Parts are those of the first of {n_folds} folds." if n_folds > 1 else ""
    return Section(
        "data",
        "Data",
        f"What was there to learn from?{of_fold}",
        sections=(examples(diagnosed), lengths(diagnosed), class_balance(diagnosed), people_balance(diagnosed)),
    )


def examples(diagnosed: Diagnosed) -> Section:
    """A typical sequence of each class."""
    measured = next(iter(diagnosed.parts.values()))
    rate = measured.sample_rate_hz
    time = "in steps, since the sample rate is not known" if rate is None else f"in seconds, with {rate:.3g} steps each"
    channels = listed([shortened(name, 40) for name in measured.channel_names], 12 if measured.n_channels <= 12 else 3)
    return Section(
        "examples",
        "An example of each class",
        f"{measured.n_classes} classes of {counted(measured.n_channels, 'channel')}: {channels}. Time runs {time}.",
        ("Each is the sequence of median length of its class in the training set.", Signals(measured).words),
        examples_figure(measured),
        f"A panel for each class with the signals of one sequence of it; channels: {channels}.",
    )


def lengths(diagnosed: Diagnosed) -> Section:
    """How long the sequences are."""
    every = torch.cat([part.lengths for part in diagnosed.parts.values()]).double()
    low, high = int(every.min()), int(every.max())
    rows = []
    for name, part in diagnosed.parts.items():
        shortest, median, longest = (int(one(part.lengths)) for one in (torch.min, torch.median, torch.max))
        rows.append((name, str(len(part)), str(shortest), str(median), str(longest)))
    measured = next(iter(diagnosed.parts.values()))
    if low == high:
        summary = f"All sequences have {steps_text(low, measured.sample_rate_hz)}: length tells the network nothing."
    else:
        by_class = torch.stack(
            [measured.lengths[measured.labels == k].double().mean() for k in classes_in(measured.labels)]
        )
        shortest = int(by_class.argmin())
        longest = int(by_class.argmax())
        present = classes_in(measured.labels)
        within = torch.sqrt(
            sum((measured.lengths[measured.labels == k].double().var(correction=0) for k in present), torch.zeros(()))
            / len(present)
        )
        apart = float(by_class.max() - by_class.min())
        summary = (
            f"Sequences have {low} to {high} steps. On average {measured.class_names[present[shortest]]} is shortest "
            f"({float(by_class.min()):.0f}) and {measured.class_names[present[longest]]} longest "
            f"({float(by_class.max()):.0f}): "
        ) + (
            "that is more than the scatter within a class, so that length alone already tells some classes apart."
            if apart > 2 * float(within)
            else "little beside the scatter within a class, so that length alone tells hardly anything."
        )
    head = ("part", "sequences", "shortest", "median", "longest")
    table = Table("Lengths of the sequences, in steps", head, tuple(rows))
    return Section(
        "lengths",
        "How long they are",
        summary,
        (),
        None if low == high else _lengths_figure(diagnosed.parts, low, high),
        "Histograms of the lengths, a part each.",
        (table,),
    )


def _lengths_figure(parts: dict[str, SequenceDataset], low: int, high: int) -> Figure:
    figure, (axes,) = sheets.panels(1, 1, 2.6)
    bins = torch.linspace(low - 0.5, high + 0.5, min(40, high - low + 1) + 1).tolist()
    for (name, part), colour in zip(parts.items(), PART_COLOURS, strict=False):
        axes.hist(
            part.lengths.numpy(), bins=bins, histtype="step", color=colour, linewidth=1.6, label=name, density=True
        )
    sheets.labelled(axes, "steps of a sequence", "share")
    axes.tick_params(labelleft=False)
    sheets.legend_below(figure, axes)
    return figure


def class_balance(diagnosed: Diagnosed) -> Section:
    """How many sequences each class has in each part."""
    names = diagnosed.class_names
    counts = {
        name: torch.bincount(part.labels, minlength=len(names)).tolist() for name, part in diagnosed.parts.items()
    }
    shown = list(range(min(len(names), MOST_CLASSES)))
    figure, (axes,) = sheets.panels(1, 1, max(1.6, 0.21 * len(shown) + 0.7))
    left = [0] * len(shown)
    for (name, of_part), colour in zip(counts.items(), PART_COLOURS, strict=False):
        widths = [of_part[k] for k in shown]
        axes.barh(shown, widths, left=left, color=colour, height=0.72, label=name)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    sheets.named_ticks(axes, "y", [names[k] for k in shown], n_characters=30)
    axes.invert_yaxis()
    axes.set_ylim(len(shown) - 0.4, -0.6)
    sheets.gridded(axes, "x")
    sheets.labelled(axes, "sequences")
    sheets.legend_below(figure, axes)
    first = next(iter(counts.values()))
    largest, smallest = max(first), min(first)
    which = names[first.index(largest)], names[first.index(smallest)]
    part_name = next(iter(counts)).replace("train", "training")
    if smallest == 0:
        summary = f"In the {part_name} set there is no sequence of {which[1]}: the network cannot know it."
    elif largest <= 1.5 * smallest:
        summary = (
            f"The classes are balanced: {f'{smallest} to ' if smallest < largest else ''}{largest} sequences each in "
            f"the {part_name} set, so that plain accuracy is a fair score."
        )
    else:
        summary = (
            f"{which[0]} has {largest / smallest:.1f} times as many sequences as {which[1]} in the {part_name} set "
            f"({largest} and {smallest}): look at macro F1 and the row of {which[1]} below rather than at accuracy."
        )
    rows = tuple((name, *(str(of_part[k]) for of_part in counts.values())) for k, name in enumerate(names))
    notes = [f"{sentence[0].upper()}{sentence[1:]}." for sentence in diagnosed.unjudged]
    if len(names) > MOST_CLASSES:
        notes.append(f"The first {MOST_CLASSES} of {len(names)} classes are drawn.")
    return Section(
        "class_balance",
        "Balance of the classes",
        summary,
        tuple(notes),
        figure,
        "Stacked bars: sequences of each class in each part.",
        (Table("Sequences of each class", ("class", *counts), rows),),
    )


def people_balance(diagnosed: Diagnosed) -> Section:
    """Who performed how many sequences of which class."""
    title, name = "Balance of the people", "people_balance"
    if any(part.groups is None for part in diagnosed.parts.values()):
        summary = (
            "Who performed the sequences is not known: errors cannot be told by person, and people may be in all parts."
        )
        return Section(name, title, summary)
    people = _people(diagnosed.parts)
    names = diagnosed.class_names
    matrix = torch.tensor([counts for _, _, counts in people])
    shown = people[:MOST_PEOPLE]
    figure, (axes,) = sheets.panels(1, 1, max(1.8, 0.2 * len(shown) + 1.2))
    image = axes.imshow(matrix[: len(shown)].numpy(), aspect="auto", cmap=sheets.AMOUNT, vmin=0, interpolation="none")
    sheets.named_ticks(axes, "y", [f"{who} ({part})" for who, part, _ in shown], n_characters=30)
    sheets.named_ticks(axes, "x", names, n_characters=30, rotation=45)
    sheets.colour_bar(figure, image, axes, "sequences")
    totals = matrix.sum(dim=1)
    missing = [
        (who, int((row == 0).sum())) for (who, _, _), row in zip(people, matrix, strict=True) if (row == 0).any()
    ]
    heaviest = int(totals.argmax())
    summary = (
        f"{'1 person' if len(people) == 1 else f'{len(people)} people'}; {person_text(people[heaviest][0])} performed "
        f"most ({int(totals[heaviest])}, {percent(float(totals[heaviest] / totals.sum()))} of all). "
    ) + (
        f"Classes are missing of {listed([f'{person_text(who)} ({n})' for who, n in missing], 6)}: what the network "
        "knows of these classes comes from fewer people."
        if missing
        else "Everybody performed every class."
    )
    rows = tuple((who, part, *map(str, counts)) for who, part, counts in people)
    return Section(
        name,
        title,
        summary,
        (f"The first {MOST_PEOPLE} of {len(people)} people are drawn.",) if len(people) > MOST_PEOPLE else (),
        figure,
        "An image: a row for each person, a column for each class, darker for more sequences.",
        (Table("Sequences of each person and class", ("person", "part", *names), rows),),
    )


def _people(parts: dict[str, SequenceDataset]) -> list[tuple[str, str, list[int]]]:
    """Name, part and sequences of each class of every person; one who is in two parts has two entries."""
    found = []
    for name, part in parts.items():
        assert part.groups is not None
        for person in classes_in(part.groups):
            counts = torch.bincount(part.labels[part.groups == person], minlength=part.n_classes).tolist()
            found.append((part.group_names[person], name, counts))
    return found
