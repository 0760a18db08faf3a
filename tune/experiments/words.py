"""What a comparison says, in sentences that a tired person understands."""

from __future__ import annotations

from .conclusions import Conclusions, Pair, Row
from .evidence import Judged

EMPTY = "–"


def percent(share: float, digits: int = 2) -> str:
    """A share as people read it."""
    return f"{100 * share:.{digits}f}%"


def points(share: float) -> str:
    """A difference of shares in points."""
    return f"{100 * share:.1f}".replace("-", "−")


def p_text(p_value: float) -> str:
    """A p value, no more exact than it is known."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def pair_sentence(pair: Pair, judged: Judged, n_pairs: int) -> str:
    """Whether one is better, or the two cannot be told apart, and what would be needed."""
    found = pair.difference
    if found is None:
        return f"{pair.first} and {pair.second} have no run with a common seed: not compared."
    better, worse = (pair.first, pair.second) if found.mean.mean >= 0 else (pair.second, pair.first)
    size = abs(found.mean.mean)
    if pair.p_value is None or found.interval is None:
        return (
            f"{better} is {points(size)} points above {worse} in {pair.n_seeds} run{'' if pair.n_seeds == 1 else 's'}: "
            f"not tested, since at least two seeds and two {judged.unit} are needed."
        )
    low, high = sorted(found.interval if found.mean.mean >= 0 else (-found.interval[1], -found.interval[0]))
    span = f"95% interval {points(low)} to {points(high)}"
    correction = "" if n_pairs == 1 else f" with Holm's correction for {n_pairs} pairs"
    if pair.different:
        return (
            f"{better} is better than {worse}: by {points(size)} points ({span}; {p_text(pair.p_value)}{correction})."
        )
    if size < 1e-12:
        return f"{better} and {worse} are not distinguishable with this much data: both got equally many right."
    sentence = (
        f"{better} and {worse} are not distinguishable with this much data: {points(size)} points apart "
        f"({span}; {p_text(pair.p_value)}{correction})."
    )
    if found.seeds_needed is not None and found.seeds_needed > pair.n_seeds:
        return f"{sentence} Were the difference really that large, about {found.seeds_needed} seeds would show it."
    if found.seeds_needed is not None:
        return f"{sentence} It is at the edge of what {pair.n_seeds} seeds can show: a few more would settle it."
    return (
        f"{sentence} No number of seeds would show a difference of this size: more {judged.unit} have to be judged "
        f"than these {judged.n_units}."
    )


def published_sentence(row: Row) -> str | None:
    """Whether a published accuracy lies where ours does; None without one, or without an interval."""
    values = sorted(one.value for one in row.published if one.metric == "accuracy")
    if not values or row.interval is None:
        return None
    low, high = row.interval
    above, below = [v for v in values if v > high], [v for v in values if v < low]
    inside = [v for v in values if low <= v <= high]
    listed = ", ".join(map(percent, values))
    ours = f"our interval of {percent(low, 1)} to {percent(high, 1)}"
    if len(inside) == len(values):
        return f"{row.name}: published {listed} is within {ours}."
    if len(above) == len(values):
        return f"{row.name}: published {listed} is above {ours}."
    if len(below) == len(values):
        return f"{row.name}: published {listed} is below {ours}."
    return f"{row.name}: of the published {listed}, {len(inside)} lie{'s' if len(inside) == 1 else ''} within {ours}."


def judged_sentences(judged: Judged, n_folds: int) -> list[str]:
    """What was judged, what is resampled, and what the result therefore says nothing about."""
    n_sequences, unit = len(judged.units), judged.unit
    people = "" if judged.n_people is None else f" of {judged.n_people} people"
    said = [f"Judged are {n_sequences} sequences{people} of the {judged.part} set."]
    if judged.part == "validation":
        said.append(
            "It also chose each run's best epoch, so that all accuracies are a little too good, for each one alike."
        )
    drawn = f"seeds and {unit} ({judged.n_units})"
    said.append(f"Intervals and tests draw both {drawn} anew; a pair keeps its seeds and sequences together.")
    if unit != "people":
        who = "the same people are trained on" if judged.n_people and not judged.new_people else "too few were judged"
        who = who if judged.n_people is not None else "it is not known who performed a sequence"
        said.append(f"They say nothing about new people: {who}.")
    if n_folds == 1:
        said.append(
            "All seeds share one split: how other training data would change the result is not in the intervals."
        )
    else:
        said.append(
            "The folds share most of their training data, so how other training data would change the result is only "
            "partly in the intervals."
        )
    return said


def table(found: Conclusions) -> list[list[str]]:
    """The table of a protocol: a heading, then a row for each configuration.

    Scores beside the accuracy have a column where somebody has published them.
    """
    others = list(dict.fromkeys(p.metric for row in found.rows for p in row.published if p.metric != "accuracy"))
    names = [metric.replace("_", " ") for metric in others]
    rows = [["configuration", "accuracy", "95% interval", *names, "published", "parameters", "seconds a run", "runs"]]
    for row in found.rows:
        seconds = row.seconds
        rows.append(
            [
                row.name,
                EMPTY if row.accuracy is None else percent(row.accuracy.mean),
                EMPTY if row.interval is None else f"{100 * row.interval[0]:.1f} to {percent(row.interval[1], 1)}",
                *(f"{row.scores[metric]:.4f}" if metric in row.scores else EMPTY for metric in others),
                ", ".join(_published(one.metric, one.value) for one in row.published) or EMPTY,
                EMPTY if row.n_parameters is None else f"{row.n_parameters:,}",
                EMPTY if seconds is None else f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}",
                f"{row.n_runs}" + (f" ({row.n_lost} lost)" if row.n_lost else ""),
            ]
        )
    return rows


def _published(metric: str, value: float) -> str:
    return percent(value) if metric == "accuracy" else f"{metric.replace('_', ' ')} {value:g}"
