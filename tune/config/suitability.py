"""What settings come to on a data set: what means nothing there is not searched, what is left to its size is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.landmarks import mirrored
from data.sequences import SequenceDataset
from data.streams.null_class import null_class
from data.tensors.triples import sensor_triples

from .budget import LEFT_TO_SIZE, sized
from .initial import WITHOUT_TRIPLES
from .settings import Settings
from .spaces import shared_space

# A kernel that spans more sees hardly a real step more, of most sequences.
USUAL_LENGTHS_SPANNED = 4
SHORTEST_SPAN = 9
# The largest class has this many times the sequences of the smallest.
UNEVEN = 2
# Of all sequences together: ridge regression of more takes minutes.
MOST_FEATURES = 30_000_000


def fitted(
    settings: Settings, dataset: SequenceDataset, n_sequences: int, stored: Mapping[str, Any] | None
) -> tuple[Settings, list[str]]:
    """The settings as ``suited`` and ``sized``, and sentences about what that did.

    Args:
        settings: Of the study.
        dataset: Of the study.
        n_sequences: In the training set, or the smallest of several folds.
        stored: The settings that the study was begun with, perhaps by a version with other rules: they have decided.
            None for a new study.
    """
    settled, said = suited(settings, dataset)
    settled, more = sized(settled, n_sequences)
    if stored is None:
        return settled, said + more
    begun = stored["space"]["shared"]
    shared = {
        name: written if written == begun.get(name) else settled.space["shared"][name]
        for name, written in settings.space["shared"].items()
    }
    decided = {name: stored["training"][name] for name in LEFT_TO_SIZE if not getattr(settings.training, name)}
    training = settled.training.model_copy(update=decided)
    return settled.model_copy(update={"space": {**settled.space, "shared": shared}, "training": training}), said


def suited(settings: Settings, dataset: SequenceDataset) -> tuple[Settings, list[str]]:
    """The settings without what has no effect on this data set, and sentences about what was taken out.

    A parameter that changes nothing would cost trials, and its importance would be noise.
    """
    shared, said = dict(settings.space["shared"]), []
    known = shared_space(settings.architecture)
    if not sensor_triples(dataset.channel_names):
        if shared["rotation"] != 0.0 and "rotation" in known:
            said.append("no three channels are the x, y and z of one sensor: rotation is left out")
        shared["rotation"] = 0.0
        written = shared["derived_channels"]
        choices = written if isinstance(written, list) else [written]
        kept = list(dict.fromkeys(WITHOUT_TRIPLES.get(str(choice), choice) for choice in choices))
        shared["derived_channels"] = kept if len(kept) > 1 else kept[0]
    if shared["flip"] is not False and mirrored(dataset.channel_names) is None:
        if shared["flip"] is True and "flip" in known:
            said.append("the channels have no mirror image: flip is left out")
        shared["flip"] = False
    if dataset.n_channels == 1:
        # The last channel is never dropped.
        shared["channel_dropout"] = 0.0
    if isinstance(shared["class_balance"], list) and not _asks_for_balance(settings, dataset):
        shared["class_balance"] = "none"
    is_stream = dataset.timeline is not None and null_class(dataset.class_names) is not None
    if settings.search.false_alarms_per_hour is not None and not is_stream:
        said.append("there are no streams with a null class: search.false_alarms_per_hour means nothing")
    own = dict(settings.space[settings.architecture])
    span = own.get("receptive_field")
    if isinstance(span, dict):
        longest = min(int(dataset.lengths.max()), USUAL_LENGTHS_SPANNED * int(dataset.lengths.median()))
        low, high = (int(span[bound]) for bound in ("low", "high"))  # type: ignore[arg-type]
        high = max(SHORTEST_SPAN, min(high, longest))
        own["receptive_field"] = {**span, "high": high} if high > low else high
    counted = own.get("n_features")
    if isinstance(counted, list):
        least = min(counted)  # type: ignore[type-var]
        few = [n for n in counted if n == least or int(n) * len(dataset) <= MOST_FEATURES]  # type: ignore[arg-type]
        own["n_features"] = few if len(few) > 1 else few[0]
    space = {**settings.space, "shared": shared, settings.architecture: own}
    if space == settings.space:
        return settings, said
    return settings.model_copy(update={"space": space}), said


def _asks_for_balance(settings: Settings, dataset: SequenceDataset) -> bool:
    """Whether classes are uneven, and the metric counts the small ones as much as the large: accuracy does not."""
    counts = dataset.labels.bincount()
    counts = counts[counts > 0]
    return settings.search.metric in ("balanced_accuracy", "macro_f1") and bool(counts.max() >= UNEVEN * counts.min())
