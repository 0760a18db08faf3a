"""Whether the network knows how sure to be."""

from __future__ import annotations

from matplotlib.axes import Axes

from ...report.figures import sheets
from ...report.figures.palette import LIGHT
from ...report.figures.sections import Section, Table
from ...training.calibration import expected_calibration_error
from ..measures.errors import ReliabilityBin, reliability
from ..model import Diagnosed
from ..words import percent


def calibration(diagnosed: Diagnosed) -> Section:
    """Confidence against accuracy, as put out and with the temperature."""
    temperature = diagnosed.judged[0].temperature
    kinds, titles = ["raw"], ["As the network says"]
    if temperature != 1:
        kinds.append("with temperature")
        titles.append("With its temperature")
    figure, every = sheets.panels(len(kinds), 2, 2.9, titles=titles, share_y=True)
    rows, errors = [], []
    for axes, kind, probabilities in zip(
        every, kinds, (diagnosed.raw_probabilities, diagnosed.probabilities), strict=False
    ):
        bins = reliability(probabilities, diagnosed.labels)
        errors.append(expected_calibration_error(probabilities.clamp_min(1e-12).log(), diagnosed.labels, n_bins=10))
        _draw_reliability(axes, bins)
        rows += [
            (kind, f"{b.low:.1f}", f"{b.high:.1f}", f"{b.confidence:.4f}", f"{b.accuracy:.4f}", str(b.n)) for b in bins
        ]
    sheets.labelled(every[0], y="share that is right")
    confidence, accuracy = (
        float(diagnosed.raw_probabilities.max(dim=1).values.mean()),
        float((diagnosed.predicted == diagnosed.labels).double().mean()),
    )
    manner = "surer than it should be" if confidence > accuracy else "less sure than it could be"
    summary = (
        f"It says {percent(confidence)} on average and is right in {percent(accuracy)}: "
        f"{manner if abs(confidence - accuracy) > 0.01 else 'as sure as it should be'}. The calibration error is "
        f"{percent(errors[0])}"
        + (f"; with the temperature {temperature:.3g} it is {percent(errors[1])}." if temperature != 1 else ".")
    )
    fitted = {
        "validation": "which is here, so a little too good",
        "test": "not here: a fair trial",
    }.get(diagnosed.part, "of its study")
    about = (
        f"The temperature divides the logits; it was fitted on the validation set ({fitted})."
        if temperature != 1
        else "The logits are not divided by a temperature: none is known to do better on what it was not fitted on."
    )
    return Section(
        "reliability",
        "Does it know how sure to be?",
        summary,
        (
            "On the line, 80% of predictions with 80% confidence are correct; below it the network is overconfident. "
            "Larger dots stand for more predictions.",
            about,
        ),
        figure,
        f"Reliability diagrams, confidence against share of correct predictions. {summary}",
        (
            Table(
                "Reliability", ("probabilities", "from", "to", "mean confidence", "accuracy", "sequences"), tuple(rows)
            ),
        ),
    )


def _draw_reliability(axes: Axes, bins: list[ReliabilityBin]) -> None:
    axes.plot((0, 1), (0, 1), color=LIGHT.rule, linewidth=1.2)
    largest = max(one.n for one in bins)
    axes.plot([one.confidence for one in bins], [one.accuracy for one in bins], color=LIGHT.complete, linewidth=1.2)
    axes.scatter(
        [one.confidence for one in bins],
        [one.accuracy for one in bins],
        s=[12 + 130 * one.n / largest for one in bins],
        color=LIGHT.complete,
        zorder=3,
        clip_on=False,
    )
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    sheets.in_percent(axes.xaxis, axes.yaxis)
    sheets.gridded(axes, "both")
    sheets.labelled(axes, "confidence")
