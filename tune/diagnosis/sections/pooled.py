"""A map of what the head is given: how far the classes lie apart when the last layers have done their work."""

from __future__ import annotations

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ..measures.projections import own_neighbours, tsne
from ..measures.states import classes_in
from ..model import Diagnosed
from ..words import listed, percent

MOST_POINTS = 800
PERPLEXITY = 30.0


def pooled_map(diagnosed: Diagnosed) -> Section:
    """A t-SNE map of what the head is given."""
    title, name = "A map of what the head is given (t-SNE)", "tsne"
    judged = diagnosed.first
    rows = diagnosed.chosen(MOST_POINTS, MOST_POINTS)
    logits, pooled = judged.outputs
    labels, predicted = judged.measured.labels[rows], logits[rows].argmax(dim=1)
    found = tsne(pooled[rows], labels, perplexity=PERPLEXITY, seed=diagnosed.seed % 2**31)
    if found is None:
        return Section(name, title, f"{len(rows)} sequences are too few for a map, or all of them are one point.")
    figure, (axes,) = sheets.panels(1, 1, 4.4)
    places = found.places.numpy()
    for one_class in classes_in(labels):
        own = (labels == one_class).numpy()
        axes.scatter(
            places[own, 0], places[own, 1], color=sheets.class_colour(one_class), marker=sheets.class_marker(one_class),
            s=24, linewidths=0, label=sheets.class_label(diagnosed.class_names, one_class),
        )  # fmt: skip
    wrong = (predicted != labels).numpy()
    axes.scatter(
        places[wrong, 0], places[wrong, 1], facecolors="none", edgecolors=LIGHT.ink, s=52, linewidths=0.9,
        label="mistaken",
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    sheets.legend_below(figure, axes, 5)
    even = [float((labels == k).double().mean()) for k in classes_in(labels)]
    chance = sum(share**2 for share in even)
    apart = [
        (float(found_share), diagnosed.class_names[k])
        for k, found_share in own_neighbours(pooled[rows], labels).items()
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
    return Section(
        name,
        title,
        summary,
        (
            f"{len(rows)} sequences of {diagnosed.part_words}, perplexity {found.perplexity:.0f}, seeded, begun from "
            "the principal components. Neighbourhoods in such a map mean something; distances between groups and their "
            "sizes do not (Wattenberg et al. 2016).",
        ),
        figure,
        f"A scatter plot with a point for each sequence, its class by colour and shape, mistakes ringed. {summary}",
        (
            Table(
                "Sequences whose nearest neighbour is of their own class",
                ("class", "share"),
                tuple((who, f"{share:.4f}") for share, who in apart),
            ),
        ),
    )
