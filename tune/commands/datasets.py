"""``datasets --data-path X``: what was understood of recordings, what looks wrong, and a picture of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from data import DataError, files, load
from data.quality import duplicates, duplicates_across, warnings
from data.recordings import MISSING_NOTE
from data.sequences import TEST, TRAIN, VALIDATION, SequenceDataset
from data.splits import make_split

from ..choice import subject_of, with_dataset
from ..config import resolve
from ..files import write_bytes
from ..folders import DEFAULT_SAVE_DIR
from ..parts import source_of
from ..summary import say

N_NAMED = 24
PARTS = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


def look_at_dataset(console: Console, layers: list[dict[str, Any]], picture: Path | None) -> None:
    """Prints what is known of a data set and draws an example of each class.

    Raises:
        DataError: If it cannot be read.
    """
    settings = resolve(*with_dataset(layers))
    dataset = load(settings.dataset, source_of(settings))
    place = f": {settings.data.path}" if settings.data.path else ""
    say(console, f"Data set {settings.dataset}{place}")
    for note in dataset.notes:
        say(console, f"  {note}")
    say(console, "")
    for what, text in described(dataset):
        say(console, f"  {what:<12}{text}")
    say(console, "")
    about_split, split_option = _split(dataset)
    wrong = [*warnings(dataset), *about_split]
    if wrong:
        say(console, "What looks wrong:")
    for sentence in wrong or ["Nothing looks wrong."]:
        say(console, f"  - {sentence}" if wrong else sentence)
    subject = subject_of(settings)
    path = picture or DEFAULT_SAVE_DIR / f"{subject}-examples.png"
    from ..plots.examples import examples_picture

    write_bytes(path, examples_picture(dataset, subject))
    say(console, f"Picture: {path}  (an example of each class)")
    named = [f" --{option} {shlex.quote(value)}" for option, value in _named(layers) if value is not None]
    say(console, f"Tune it: ./run_tuning.sh{''.join(named)}{split_option}")


def described(dataset: SequenceDataset) -> Iterable[tuple[str, str]]:
    """What a person wants to know of a data set, as pairs of a word and a line."""
    n_recordings = None if dataset.recordings is None else len(set(dataset.recordings.tolist()))
    cut = "" if n_recordings is None else f", cut from {n_recordings:,} recordings"
    yield "sequences", f"{len(dataset):,}{cut}, of the kind {dataset.kind!r}"
    yield "lengths", _lengths(dataset)
    rate = dataset.sample_rate_hz
    yield "rate", "not known" if rate is None else f"{rate:.4g} steps a second"
    low, high = dataset.values.amin(0).tolist(), dataset.values.amax(0).tolist()
    channels = [f"{name} from {a:.3g} to {b:.3g}" for name, a, b in zip(dataset.channel_names, low, high, strict=True)]
    yield "channels", f"{dataset.n_channels}: {_some(channels)}"
    counts = torch.bincount(dataset.labels, minlength=dataset.n_classes).tolist()
    listed = [f"{name} {count:,}" for name, count in zip(dataset.class_names, counts, strict=True)]
    yield "classes", f"{dataset.n_classes}: {_some(listed)}"
    if dataset.groups is None:
        yield "people", "not known: sequences of one person may be in several parts"
    else:
        by_person = torch.bincount(dataset.groups, minlength=len(dataset.group_names)).tolist()
        people = [f"{name} {count:,}" for name, count in zip(dataset.group_names, by_person, strict=True)]
        yield "people", f"{len(people)}: {_some(people)}"
    if dataset.official is not None:
        parts = torch.bincount(dataset.official, minlength=len(PARTS)).tolist()
        yield "split", "official: " + ", ".join(f"{PARTS[k]} {count:,}" for k, count in enumerate(parts) if count)
    if dataset.name == files.NAME:
        missing = [note for note in dataset.notes if note.startswith(MISSING_NOTE)]
        yield "missing", missing[0].removeprefix(MISSING_NOTE) if missing else "none"
    n_copies = sum(len(group) - 1 for group in duplicates(dataset))
    yield "duplicates", f"{n_copies:,} exact {'copy' if n_copies == 1 else 'copies'}" if n_copies else "none"


def _lengths(dataset: SequenceDataset) -> str:
    low, median, high = (int(one) for one in (dataset.lengths.min(), dataset.lengths.median(), dataset.lengths.max()))
    steps = f"{low:,} to {high:,} steps, median {median:,}" if low < high else f"{median:,} steps each"
    rate = dataset.sample_rate_hz
    return steps if rate is None else f"{steps} ({median / rate:.3g} s)"


def _split(dataset: SequenceDataset) -> tuple[list[str], str]:
    """What is wrong with the split that a study would begin with, and the option that it needs."""
    try:
        return duplicates_across(dataset, make_split(dataset)), ""
    except DataError as error:
        return [str(error)], " --split stratified"


def _named(layers: Sequence[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """The data set and the path as they were named."""
    return [
        ("dataset", next((layer["dataset"] for layer in reversed(layers) if "dataset" in layer), None)),
        (
            "data-path",
            next((layer["data"]["path"] for layer in reversed(layers) if layer.get("data", {}).get("path")), None),
        ),
    ]


def _some(names: Sequence[str]) -> str:
    more = f", … ({len(names) - N_NAMED:,} more)" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more
