"""In which bare networks the gradient vanishes, and in which it does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure

from data.tensors.batches import Batch
from models import SequenceClassifier

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section
from ..baselines import Baseline, size_of
from ..measures.gradients import fit_decay, from_the_end, gradient_norms
from ..model import Diagnosed
from ..words import left_text
from .norms import VANISHED, chosen_batch, line, norms_table

COLOURS = {"rnn": LIGHT.best, "gru": LIGHT.complete, "lstm": LIGHT.fanova}


def vanishing(diagnosed: Diagnosed, compared: Sequence[Baseline]) -> Section:
    """The gradient of bare networks side by side."""
    title, name = "Where the gradient vanishes, and where it does not", "vanishing"
    if not compared:
        summary = (
            "Add --against rnn,lstm (or any of rnn, gru, lstm) to train bare networks of the same size and see in "
            "which of them the gradient vanishes."
        )
        return Section(name, title, summary)
    batch = chosen_batch(diagnosed)
    lines = {rival.name: [_of_rival(network, batch) for network in (rival.fresh, rival.trained)] for rival in compared}
    figure = _rival_figure(lines)
    told, rows = [], []
    for rival in compared:
        for what, own in zip(("freshly made", "trained"), lines[rival.name], strict=True):
            if own is not None:
                rows.append((f"{rival.name}, {what}, states", own[1]))
                rows.append((f"{rival.name}, {what}, input", own[0]))
        trained = lines[rival.name][1]
        if trained is None:
            told.append(f"the {rival.name}'s training did not stay finite")
            continue
        left, decay = _left(trained[1]), fit_decay(trained[1])
        factor = "" if decay is None else f", {decay.factor:.2f} times a step"
        verdict = "it vanishes" if left < VANISHED else "little is left" if left < 0.03 else "it comes through"
        told.append(f"in the {rival.name} {left_text(left)} ({verdict}{factor})")
    n_back = max(len(own[1]) for both in lines.values() for own in both if own is not None) - 1
    hidden_size, n_layers = size_of(diagnosed)
    first = compared[0]
    scores = ", ".join(f"{r.name} {r.accuracy:.1%}" for r in compared if r.accuracy is not None)
    fresh = [_left(own[0][1]) for own in lines.values() if own[0] is not None]
    summary = (
        f"Of the gradient at the last state there is left at the state {n_back} steps before it, after training: "
        f"{'; '.join(told)}. Freshly made, {left_text(min(fresh))} to {left_text(max(fresh))} is left: "
        + (
            "without training gates are half open and lose it too; they learn to keep it, a vanilla RNN hardly can. "
            if max(fresh) < 0.03
            else "some keep it from the start. "
        )
        + (f"What that is worth: {scores} right." if scores else "")
    )
    return Section(
        name,
        title,
        summary,
        (
            f"Bare networks of {hidden_size} units and {n_layers} {'layer' if n_layers == 1 else 'layers'}: nothing in "
            "front, one direction, and a head that reads the last state alone, so that there is no way around the "
            f"steps in between. Trained for {first.n_epochs} epochs on {first.n_sequences} sequences with the training "
            "settings of the network above; gradients of its loss on the same sequences.",
            "The state is what one step of the last layer hands to the next: h, and of an LSTM its cell state as well.",
        ),
        figure,
        f"Gradient norms of bare networks against time, freshly made and trained. {summary}",
        (norms_table(rows),),
    )


def _of_rival(network: SequenceClassifier | None, batch: Batch) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Of the input and of the last layer's state, from the end."""
    if network is None:
        return None
    found = gradient_norms(network, batch.values, batch.lengths, batch.labels)
    return from_the_end(found[0]), from_the_end(found[-1])


def _left(values: torch.Tensor) -> float:
    return float(values[-1] / values[0]) if float(values[0]) else 0.0


def _rival_figure(lines: dict[str, list[tuple[torch.Tensor, torch.Tensor] | None]]) -> Figure:
    titles = ("States, freshly made", "States, trained", "Input, freshly made", "Input, trained")
    figure, every = sheets.panels(4, 2, 2.5, titles=titles)
    for k, axes in enumerate(every):
        for name, both in lines.items():
            own = both[k % 2]
            if own is not None:
                values = own[1 - k // 2]
                relative = values / values[0] if float(values[0]) else values
                line(axes, relative, color=COLOURS[name], label=name, linewidth=1.8)
        sheets.gridded(axes)
        sheets.labelled(
            axes, "steps before the end" if k > 1 else "", "relative to the last step" if k % 2 == 0 else ""
        )
    sheets.legend_below(figure, every[0], 3)
    return figure
