"""The model card: what a network is for, how good it is and for whom, and how to run it (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data import files

from ..core.escaping import escaped
from ..evaluation.evaluate import FEWEST_PEOPLE, Evaluation
from ..training.metrics import METRIC_LABELS
from ..training.model_folder import ModelDescription
from .verification import TIMED_BATCHES, Drop, Tried

CARD = "MODEL_CARD.md"
MOST_CLASSES = 60
# Of a class with fewer sequences the share of correct predictions says little.
FEW_SEQUENCES = 10


@dataclass(frozen=True)
class Exported:
    """What a card is written about.

    Attributes:
        file_name: Of the file beside the card.
        tried: Every form that was tried, torch first.
        judged_on: ``test`` or ``validation``; empty where there were no recordings.
        split: How the study cut its data, as stored; empty where that is not known.
        used_before: How often the test set had been used.
    """

    description: ModelDescription
    file_name: str
    form: str
    tried: Sequence[Tried]
    judged_on: str
    why_not_judged: str
    split: dict[str, Any]
    used_before: int

    @property
    def own(self) -> Tried:
        """What was found of the form that was exported."""
        return next(one for one in self.tried if one.name == self.form)


def card_name(form: str, file_name: str = "") -> str:
    """Of its file: several exports lie side by side, each with its own, named after a file of no usual name."""
    own = file_name or ("" if form == "onnx" else form)
    return CARD.replace(".", f"-{own}.") if own else CARD


def model_card(exported: Exported) -> str:
    """The whole card, in Markdown."""
    description = exported.description
    sections = [
        f"# {escaped(description.study)}: {description.in_words()}, trial {description.trial}",
        _purpose(exported),
        _how_to_run(exported),
        _scores(exported),
        _people(exported),
        _classes(exported),
        _forms(exported),
        _limits(exported),
        _origin(exported),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _purpose(exported: Exported) -> str:
    description = exported.description
    what = {"gesture": "a gesture", "activity": "a movement", "landmarks": "a sign"}.get(description.kind, "a sequence")
    lengths = description.lengths
    rate = "at a rate that is not known"
    if description.sample_rate_hz is not None:
        rate = f"at {description.sample_rate_hz:g} steps a second"
    return "\n".join(
        (
            "## What it is for",
            "",
            f"It says which of {len(description.class_names)} classes {what} belongs to. It is given "
            f"{len(description.channel_names)} measured channels, as they come from the sensor, {rate}; sequences of "
            f"its data have {lengths.shortest} to {lengths.longest} steps, {lengths.median} in the median.",
            "",
            f"- Channels, in this order: {listed(description.channel_names)}",
            f"- Classes: {listed(description.class_names)}",
        )
    )


def _how_to_run(exported: Exported) -> str:
    if exported.form in ("c", "c-int8"):
        return "## How to run it\n\n`README.md` beside this file says it: on a computer, on an Arduino, and elsewhere."
    if exported.file_name.endswith(".pt2"):
        lines = [
            "import torch",
            f"program = torch.export.load({exported.file_name!r}).module()",
            "recording = torch.zeros(20, 3)  # [steps, channels]".replace(
                "20, 3", f"{exported.description.lengths.median}, {len(exported.description.channel_names)}"
            ),
            "logits, probabilities = program(recording[None], torch.tensor([len(recording)]))",
            "print(probabilities[0].argmax(), probabilities[0].max())",
        ]
        needs = "torch (a `.pt2` file is a program: run only files whose origin you trust)"
    else:
        lines = snippet(exported.file_name)
        needs = "onnxruntime and numpy"
    return "\n".join(
        (
            "## How to run it",
            "",
            f"With {needs} alone; `recording.csv` has a row a step and a header, by which its channels are found:",
            "",
            "```python",
            *lines,
            "```",
            "",
            "The inputs are `values` [batch, time, channels] and `lengths` [batch]: sequences of different lengths are "
            "padded with anything, and their lengths say where each ends. The preparation of the channels and the "
            f"temperature of the probabilities ({exported.description.temperature:.3g}) are inside.",
            *_of_streams(exported.description),
        )
    )


def _of_streams(description: ModelDescription) -> Iterator[str]:
    if description.decision is not None:
        rule = description.decision.in_words([escaped(name) for name in description.class_names])
        yield ""
        yield (
            f"Streams were judged in windows of {description.lengths.longest} steps, one every "
            f"{description.decision.hop}, and decided {rule}."
        )


def snippet(file_name: str) -> list[str]:
    """A few lines that classify a recording with onnxruntime and numpy alone."""
    options = 'delimiter=",", names=True, comments=None, deletechars="", replace_space=" ", encoding="utf-8-sig"'
    return [
        "import json, numpy, onnxruntime",
        f"session = onnxruntime.InferenceSession({file_name!r})",
        "names = session.get_modelmeta().custom_metadata_map",
        f'table = numpy.atleast_1d(numpy.genfromtxt("recording.csv", {options}))',
        'steps = numpy.stack([table[name] for name in json.loads(names["channel_names"])], 1).astype("float32")',
        'found = session.run(["probabilities"], {"values": steps[None], "lengths": numpy.array([len(steps)])})[0][0]',
        'print(json.loads(names["class_names"])[found.argmax()], found.max())',
    ]


def _scores(exported: Exported) -> str:
    evaluation = exported.own.evaluation
    lines = ["## How good it is", ""]
    if evaluation is None:
        lines.append(f"This file was not judged, since {escaped(exported.why_not_judged)}.")
        stored = exported.description.scores.get("test") or exported.description.scores.get("validation")
        if isinstance(stored, dict) and isinstance(stored.get("accuracy"), float):
            part = "test" if "test" in exported.description.scores else "validation"
            lines.append(f"Of the network in torch is on record: accuracy {stored['accuracy']:.3f} ({part} set).")
        return "\n".join(lines)
    lines += [
        f"Measured with this very file, on the {exported.judged_on} set: {_judged_on(evaluation)}.",
        "",
        "| score | value | 95% interval |",
        "|---|---|---|",
    ]
    for name, label in METRIC_LABELS.items():
        low, high = evaluation.intervals[name]
        lines.append(f"| {label} | {getattr(evaluation.scores, name):.3f} | {low:.3f} to {high:.3f} |")
    lines += ["", f"The intervals are over {evaluation.resampled}."]
    if exported.judged_on == "test":
        lines.append(
            f"The test set had been used {counted(exported.used_before, 'time', 'times')} before; each use makes it "
            "less of a test."
        )
    else:
        lines.append("The validation set chose this network, so that these scores are too good to some degree.")
    return "\n".join(lines)


def _judged_on(evaluation: Evaluation) -> str:
    people = "" if evaluation.n_people is None else f" of {counted(evaluation.n_people, 'person', 'people')}"
    return f"{counted(evaluation.n_sequences, 'sequence', 'sequences')}{people}"


def _people(exported: Exported) -> str:
    dataset = exported.description.data.dataset
    what = "Recordings of one's own" if dataset == files.NAME else f"Data set: {escaped(str(dataset))}"
    lines = ["## Data and people it was made from", "", f"{what}."]
    parts = exported.split.get("parts") or [{}]
    for name in ("train", "validation", "test"):
        part = parts[0].get(name)
        if part:
            people = part.get("people")
            of_whom = "" if people is None else f" of {counted(len(people), 'person', 'people')}"
            lines.append(f"- {name}: {counted(part['n_sequences'], 'sequence', 'sequences')}{of_whom}")
    kind = {
        "group": "Nobody is in two parts.",
        "stratified": "The parts were drawn at random: the same person may be in several.",
        "official": "The parts are the publisher's.",
    }.get(exported.split.get("kind", ""), "")
    tested = exported.description.scores.get("test")
    if isinstance(tested, dict) and tested.get("refitted"):
        kind += " The network was trained once more on training and validation set together, then tested."
    if kind:
        lines += ["", kind.strip()]
    own = exported.own.evaluation
    by_person = None if own is None else own.breakdown.per_person
    if by_person:
        lines += ["", "By person, without their names, the worst first:", "", "| person | accuracy | sequences |"]
        lines.append("|---|---|---|")
        ranked = sorted(by_person.values())
        lines += [f"| {k} | {accuracy:.3f} | {n} |" for k, (accuracy, n) in enumerate(ranked[:MOST_CLASSES], start=1)]
    elif own is not None:
        lines += ["", "Who performed the sequences is not known, so that nothing can be said of single people."]
    return "\n".join(lines)


def _classes(exported: Exported) -> str:
    evaluation = exported.own.evaluation
    if evaluation is None:
        return ""
    lines = ["## By class", "", "| class | precision | recall | F1 | sequences |", "|---|---|---|---|---|"]
    for one in evaluation.breakdown.per_class[:MOST_CLASSES]:
        shown = ("–" if value is None else f"{value:.3f}" for value in (one.precision, one.recall, one.f1))
        lines.append(f"| {escaped(one.name)} | {' | '.join(shown)} | {one.support} |")
    n_more = len(evaluation.breakdown.per_class) - MOST_CLASSES
    if n_more > 0:
        lines += ["", f"{n_more} more classes are not shown."]
    return "\n".join(lines)


def _forms(exported: Exported) -> str:
    lines = [
        "## Size and speed",
        "",
        "On one thread of the machine that exported it; a batch has different sequences of the data set.",
        "",
        "| form | size | "
        + " | ".join(f"ms for {size}" for size in TIMED_BATCHES)
        + " | accuracy | lost | logits differ by |",
        "|---|---|" + "---|" * len(TIMED_BATCHES) + "---|---|---|",
    ]
    for one in exported.tried:
        times = " | ".join(f"{one.milliseconds[size]:.2f}" for size in TIMED_BATCHES)
        lines.append(
            f"| {one.name} | {shown_bytes(one.n_bytes)} | {times} | {shown_accuracy(one)} | {shown_drop(one.drop)} | "
            f"{one.difference:.1g} |"
        )
    return "\n".join(lines)


def shown_accuracy(tried: Tried) -> str:
    """Accuracy with its interval."""
    if tried.evaluation is None:
        return "–"
    low, high = tried.evaluation.intervals["accuracy"]
    return f"{tried.evaluation.scores.accuracy:.3f} ({low:.3f} to {high:.3f})"


def shown_drop(drop: Drop | None) -> str:
    """What is lost against torch, with its interval."""
    return "–" if drop is None else f"{drop.accuracy:.4f} ({drop.interval[0]:.4f} to {drop.interval[1]:.4f})"


def shown_bytes(n_bytes: int) -> str:
    """A size as people read it."""
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def _limits(exported: Exported) -> str:
    description = exported.description
    limits = [
        "It knows its classes only: whatever else it is given, it names one of them. Let a low probability mean "
        '"none of these".',
        "It was made for sensors that are worn and sampled as in its data; elsewhere it is not known how good it is.",
    ]
    if description.members:
        limits.append(f"It is {description.in_words()}: it takes as long and as much memory as all of them.")
    if description.unfinished_after is not None:
        limits.append(f"Its training was broken off after {description.unfinished_after} epochs: it may become better.")
    rate = description.sample_rate_hz
    if rate is not None:
        limits.append(f"It sees steps, not seconds: data of another rate than {rate:g} a second look faster or slower.")
    evaluation = exported.own.evaluation
    if evaluation is not None:
        if evaluation.n_people is not None and evaluation.n_people < FEWEST_PEOPLE:
            limits.append(
                f"It was judged on {counted(evaluation.n_people, 'person', 'people')} only; on others it may do worse "
                "than the interval says."
            )
        seldom = [one.name for one in evaluation.breakdown.per_class if one.support < FEW_SEQUENCES]
        if seldom:
            limits.append(f"Judged on fewer than {FEW_SEQUENCES} sequences each: {listed(seldom, 12)}.")
        missed = [one for one in evaluation.breakdown.per_class if one.recall is not None and one.recall < 1]
        if missed:
            worst = (f"{escaped(one.name)} (recall {_recall(one):.2f})" for one in sorted(missed, key=_recall)[:3])
            limits.append(f"Most often missed: {', '.join(worst)}.")
    if exported.form == "int8":
        limits.append("Its weights are bytes, and linear maps are scaled by what a batch holds: see the size table.")
    if exported.form == "c-int8":
        limits.append("Weights and what they are multiplied with are bytes, calibrated on the training data.")
    return "\n".join(("## Limits", "", *(f"- {limit}" for limit in limits)))


def _recall(one: Any) -> float:
    return float(one.recall or 0.0)


def _origin(exported: Exported) -> str:
    description = exported.description
    versions = ", ".join(f"{name} {version}" for name, version in sorted(description.versions.items()))
    networks = {
        f"- {one.architecture}: "
        f"{escaped(', '.join(f'{name} {value}' for name, value in one.hyperparameters.items())) or 'its defaults'}; "
        f"channels: normalisation {one.preparation.normalisation}, derived {one.preparation.derived_channels}": None
        for one in description.members or (description,)
    }
    return "\n".join(
        (
            "## Where it comes from",
            "",
            f"- Study {escaped(description.study)}, trial {description.trial}; weights "
            f"{description.weights_sha256[:16]}…",
            *networks,
            f"- Made with {escaped(versions) or 'unknown versions'}",
        )
    )


def listed(names: Sequence[str], at_most: int = MOST_CLASSES) -> str:
    """Names between commas, and how many more there are."""
    more = len(names) - at_most
    return ", ".join(map(escaped, names[:at_most])) + (f" and {more} more" if more > 0 else "")


def counted(n: int, one: str, several: str) -> str:
    """A number with its noun."""
    return f"{n:,} {one if n == 1 else several}"
