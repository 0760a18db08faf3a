"""Gradients: how far back the network can learn, and in which networks that vanishes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes

from data.tensors.batches import Batch
from models import SequenceClassifier, build

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section
from ...report.figures.words import shortened
from ..baselines import Baseline
from ..measures.gradients import INPUT, WITH_MEMORY, GradientNorms, fit_decay, from_the_end, gradient_norms
from ..measures.states import classes_in
from ..model import Diagnosed
from ..words import left_text, slug, steps_text
from .attribution import attribution
from .norms import VANISHED, chosen_batch, line, norms_table
from .vanishing import vanishing

MOST_CLASS_LINES = 12


def gradients_section(diagnosed: Diagnosed, compared: Sequence[Baseline] = ()) -> Section:
    """How far back it learns, and which steps its predictions rest on."""
    title, question = "Gradients", "How far back can it learn, and what do its predictions rest on?"
    if diagnosed.first.network.closed_form:
        summary = (
            "Its features count how often something occurs, wherever in the sequence: a count has no gradient, so that "
            "there is nothing to follow back to single steps."
        )
        own = Section("gradients_input", "How much each step of the input teaches", summary)
        return Section("gradients", title, question, sections=(own, vanishing(diagnosed, compared)))
    batch = chosen_batch(diagnosed)
    found = gradient_norms(diagnosed.first.network, batch.values, batch.lengths, batch.labels)
    fresh = gradient_norms(fresh_network(diagnosed), batch.values, batch.lengths, batch.labels)
    return Section(
        "gradients",
        title,
        question,
        sections=(
            of_the_input(diagnosed, found, fresh, batch),
            *of_the_states(diagnosed, found, fresh, batch),
            vanishing(diagnosed, compared),
            *attribution(diagnosed),
        ),
    )


def fresh_network(diagnosed: Diagnosed) -> SequenceClassifier:
    """The same network before training, from the subject's seed."""
    torch.manual_seed(diagnosed.seed)
    n_channels = diagnosed.first.prepared.n_channels
    return build(diagnosed.architecture, n_channels, diagnosed.n_classes, **diagnosed.hyperparameters).eval()


def of_the_input(diagnosed: Diagnosed, found: list[GradientNorms], fresh: list[GradientNorms], batch: Batch) -> Section:
    """D loss / d input at every step."""
    title = "How much each step of the input teaches"
    return _picture(diagnosed, "gradients_input", title, found[0], fresh[0], batch)


def of_the_states(
    diagnosed: Diagnosed, found: list[GradientNorms], fresh: list[GradientNorms], batch: Batch
) -> list[Section]:
    """D loss / d h at every step, for every recurrent layer and direction, or else the last layer."""
    recurrent = [k for k, one in enumerate(found) if "recurrent layer" in one.name and WITH_MEMORY not in one.name]
    places = recurrent or [len(found) - 1]
    pictures = []
    for place in places:
        one = found[place]
        what = "state" if recurrent else "output"
        title = f"How much each {what} of the {one.name} matters to the loss"
        pictures.append(_picture(diagnosed, f"gradients_{slug(one.name)}", title, one, fresh[place], batch))
    return pictures


def _picture(
    diagnosed: Diagnosed, name: str, title: str, found: GradientNorms, fresh: GradientNorms, batch: Batch
) -> Section:
    # Steps of a layer behind strides are not steps of the signal.
    rate = diagnosed.first.measured.sample_rate_hz if torch.equal(found.lengths, batch.lengths) else None
    trained, untrained = from_the_end(found), from_the_end(fresh)
    figure, every = sheets.panels(2, 2, 2.9, titles=("Mean, trained and fresh", "Trained, a line for each class"))
    for values, colour, label, style in (
        (trained, LIGHT.complete, "trained", "-"),
        (untrained, LIGHT.pruned, "freshly made", "--"),
    ):
        line(every[0], values, color=colour, label=label, linestyle=style, linewidth=1.9)
        decay = fit_decay(values)
        if decay is not None and len(values) > 2:
            _fitted(every[0], values, decay.factor, colour)
    classes = classes_in(batch.labels)
    rows = [("all, trained", trained), ("all, freshly made", untrained)]
    for one_class in classes:
        own = from_the_end(found, (batch.labels == one_class).nonzero().flatten())
        rows.append((diagnosed.class_names[one_class], own))
        if len(rows) - 2 <= MOST_CLASS_LINES:
            line(
                every[1], own, color=sheets.class_colour(one_class), linewidth=1.2,
                label=shortened(diagnosed.class_names[one_class], 24),
            )  # fmt: skip
    backwards = "backwards" in found.name
    for axes in every:
        sheets.labelled(axes, "steps before it has read all" if backwards else "steps before the end")
        sheets.gridded(axes)
    sheets.labelled(every[0], y="gradient norm")
    sheets.legend_below(figure, every, 5)
    notes = [
        f"Mean over {len(batch.labels)} sequences of the norm of the loss' gradient; dotted lines are exponentials "
        "fitted to it. Time runs from left to right; 0 is the last step that is read.",
    ]
    if found.name != INPUT:
        notes.append(
            "The state's gradient is all of it: what the layers after it read from it, and what all later steps do."
        )
    if len(classes) > MOST_CLASS_LINES:
        notes.append(f"The first {MOST_CLASS_LINES} classes have a line; the table has all.")
    return Section(
        name,
        title,
        _words(diagnosed, found.name, trained, untrained, rate),
        tuple(notes),
        figure,
        "Gradient norm against time, trained and fresh, then trained for each class.",
        (norms_table(rows),),
    )


def _fitted(axes: Axes, values: torch.Tensor, factor: float, colour: str) -> None:
    """The exponential through the middle of the logarithms."""
    there = [(k, value) for k, value in enumerate(values.tolist()) if value > 0]
    middle = sum(k for k, _ in there) / len(there)
    log_mean = sum(torch.tensor(value).log().item() for _, value in there) / len(there)
    steps = torch.tensor([float(there[0][0]), float(there[-1][0])])
    fitted = (log_mean + (steps - middle) * torch.tensor(factor).log()).exp()
    axes.plot((-steps).tolist(), fitted.tolist(), color=colour, linewidth=0.9, linestyle=":")


def _words(diagnosed: Diagnosed, name: str, trained: torch.Tensor, untrained: torch.Tensor, rate: float | None) -> str:
    decay, untrained_decay = fit_decay(trained), fit_decay(untrained)
    if decay is None or untrained_decay is None or not float(trained[0]):
        return "The sequences are too short, or the gradient is zero: there is no decay to fit."
    left = [float(values[-1] / values[0]) if float(values[0]) else 0.0 for values in (trained, untrained)]
    n_back = len(trained) - 1
    back = steps_text(n_back, rate)
    if left[0] <= 1.005:
        sentence = f"{back.capitalize()} before the end {left_text(left[0])} of the last step's gradient is left"
    else:
        sentence = f"{back.capitalize()} before the end the gradient is {left_text(left[0])} that at the last step"
    sentence += (
        f" ({left_text(left[1])} before training); fitted, each step further back has {decay.factor:.3g} times the "
        f"gradient of the step after it ({untrained_decay.factor:.3g} before training)"
    )
    if decay.half_life < n_back:
        sentence += f", so that half is lost after {steps_text(decay.half_life, rate)}"
    if left[0] < VANISHED:
        verdict = ". The gradient vanishes: the first steps teach it nothing."
    elif left[0] < 0.1:
        verdict = ". Early steps teach it little."
    elif left[0] > 10:
        verdict = ". Early steps weigh more than late ones."
    else:
        verdict = ". Early steps teach it about as well as late ones."
    around = _ways_around(diagnosed)
    if around and left[0] >= VANISHED:
        verdict += f" The loss reaches them without going through all later steps: {around}."
    if decay.r_squared < 0.5:
        verdict += " The course is not exponential (the fit explains little of it): read the curve, not the factor."
    return sentence + verdict


def _ways_around(diagnosed: Diagnosed) -> str:
    given = diagnosed.hyperparameters
    ways = []
    pooling = given.get("pooling", "last")
    if pooling != "last":
        ways.append(f"the pooling ({pooling}) reads every step")
    if given.get("bidirectional") or diagnosed.architecture in ("bilstm", "enhanced-bilstm"):
        ways.append("a second direction begins at the other end")
    if diagnosed.architecture == "transformer":
        ways.append("attention reaches every step at once")
    return " and ".join(ways)
