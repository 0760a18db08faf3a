"""Learning: how the fit went, epoch after epoch."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ..model import Diagnosed
from ..words import percent

# A loss on validation that has risen by this share since its least is more than noise.
RISEN = 1.1
LARGE_GAP = 0.05


def learning_section(diagnosed: Diagnosed) -> Section:
    """The fit's own record."""
    return Section("learning", "Learning", "How did the training go?", sections=(curves(diagnosed),))


def curves(diagnosed: Diagnosed) -> Section:
    """Loss and accuracy on both parts, learning rate and gradient norm."""
    title, name = "Training, epoch by epoch", "training"
    if not diagnosed.history or not diagnosed.history[0]:
        summary = "The folder of a model does not hold the record of its training: diagnose the study to see it."
        return Section(name, title, summary)
    if diagnosed.first.network.closed_form:
        (epoch, *_) = diagnosed.history[0]
        summary = (
            f"It was solved in one step, not trained epoch by epoch: accuracy {percent(epoch['train_accuracy'])} on "
            f"training sequences that were left out and {percent(epoch['validation']['accuracy'])} on validation."
        )
        return Section(name, title, summary)
    titles = ("Loss", "Accuracy", "Learning rate", "Gradient norm, before clipping")
    figure, every = sheets.panels(4, 2, 2.3, titles=titles)
    for fold, epochs in enumerate(diagnosed.history):
        _draw(every, epochs, first=fold == 0, clip=None if diagnosed.training is None else diagnosed.training.clip_norm)
    for best in set(diagnosed.best_epochs):
        for axes in every[:2]:
            axes.axvline(best, color=LIGHT.rule, linewidth=5, zorder=0)
    for axes in every:
        sheets.whole_numbers(axes)
        sheets.gridded(axes)
    for axes in every[2:]:
        axes.set_xlabel("epoch", size=9, color=LIGHT.muted)
    sheets.in_percent(every[1].yaxis)
    sheets.legend_below(figure, every[0])
    notes = [
        "The loss on the training set is the one that was minimised, with dropout, label smoothing and mixed or varied "
        "sequences where these were on: it may lie above that of validation, which is plain cross-entropy.",
        "The grey bar marks the epoch whose weights were kept.",
    ]
    if "best_model" in diagnosed.notes[0]:
        notes.append(
            "The curves are those of the search; the network shown here was trained once more in the same way, "
            "with the validation set among its training data."
        )
    rows = tuple(_row(fold, epoch) for fold, epochs in enumerate(diagnosed.history) for epoch in epochs)
    head = (
        "fold", "epoch", "train loss", "validation loss", "train accuracy", "validation accuracy", "learning rate",
        "gradient norm",
    )  # fmt: skip
    return Section(
        name,
        title,
        _words(diagnosed),
        tuple(notes),
        figure,
        "Four panels over the epochs: loss and accuracy on training and validation set, learning rate, gradient norm.",
        (Table("Every epoch", head, rows),),
    )


def _draw(every: list[Axes], epochs: tuple[dict[str, Any], ...], *, first: bool, clip: float | None) -> None:
    numbers = [epoch["epoch"] for epoch in epochs]
    mark = "o" if len(numbers) < 20 else None
    for axes, key in zip(every[:2], ("loss", "accuracy"), strict=True):
        for part, colour in (("train", LIGHT.complete), ("validation", LIGHT.best)):
            values = [epoch["train_" + key] if part == "train" else epoch["validation"][key] for epoch in epochs]
            label = (part if part == "validation" else "training") if first else None
            axes.plot(numbers, values, color=colour, marker=mark, markersize=3.5, linewidth=1.5, label=label)
    for axes, key in zip(every[2:], ("learning_rate", "gradient_norm"), strict=True):
        axes.plot(
            numbers, [epoch[key] for epoch in epochs], color=LIGHT.ink, marker=mark, markersize=3.5, linewidth=1.3,
            clip_on=False,
        )  # fmt: skip
        axes.set_ylim(bottom=0)
    if first and clip is not None:
        every[3].axhline(clip, color=LIGHT.best, linewidth=1, linestyle="--", label="clipped above")


def _words(diagnosed: Diagnosed) -> str:
    epochs = diagnosed.history[0]
    best = epochs[diagnosed.best_epochs[0] - 1]
    last = epochs[-1]
    sentences = []
    fold = " of the first fold" if len(diagnosed.history) > 1 else ""
    sentences.append(
        f"The best epoch{fold} is {best['epoch']} of {len(epochs)}: accuracy {percent(best['train_accuracy'])} in "
        f"training and {percent(best['validation']['accuracy'])} on validation."
    )
    gap = best["train_accuracy"] - best["validation"]["accuracy"]
    losses = [epoch["validation"]["loss"] for epoch in epochs]
    least = losses.index(min(losses))
    if last["validation"]["loss"] > RISEN * losses[least] and gap > 0:
        sentences.append(
            f"The loss on validation is least in epoch {least + 1} and has risen by "
            f"{percent(last['validation']['loss'] / losses[least] - 1)} since: it overfits, "
            "and more dropout, variation or weight decay is worth a try."
        )
    elif best["epoch"] == len(epochs) and len(epochs) > 1 and losses[-1] <= min(losses[:-1]):
        sentences.append("It was still getting better at the end: more epochs are worth a try.")
    else:
        sentences.append("The loss on validation has stopped falling: it has learned what these settings can.")
    if gap > LARGE_GAP:
        sentences.append(f"It is {percent(gap)} better on what it was trained on: new people look different to it.")
    clip = None if diagnosed.training is None else diagnosed.training.clip_norm
    if clip is not None:
        n_clipped = sum(epoch["gradient_norm"] > clip for epoch in epochs)
        if n_clipped == len(epochs):
            sentences.append("The mean gradient is above the clipping norm all the time: clipping sets the pace.")
        elif n_clipped:
            sentences.append(f"The mean gradient is above the clipping norm in {n_clipped} of {len(epochs)} epochs.")
    return " ".join(sentences)


def _row(fold: int, epoch: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(fold),
        str(epoch["epoch"]),
        f"{epoch['train_loss']:.4f}",
        f"{epoch['validation']['loss']:.4f}",
        f"{epoch['train_accuracy']:.4f}",
        f"{epoch['validation']['accuracy']:.4f}",
        f"{epoch['learning_rate']:.6g}",
        f"{epoch['gradient_norm']:.4g}",
    )
