"""Which hyperparameters mean something for a data set: the others are not searched."""

from __future__ import annotations

from data.landmarks import mirrored
from data.sequences import SequenceDataset
from data.triples import sensor_triples

from .settings import Settings
from .spaces import shared_space

# A kernel that spans more sees hardly a real step more, of most sequences.
USUAL_LENGTHS_SPANNED = 4
SHORTEST_SPAN = 9


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
        without = {"magnitude": "none", "both": "differences"}
        choices = written if isinstance(written, list) else [written]
        kept = list(dict.fromkeys(without.get(str(choice), choice) for choice in choices))
        shared["derived_channels"] = kept if len(kept) > 1 else kept[0]
    if shared["flip"] is not False and mirrored(dataset.channel_names) is None:
        if shared["flip"] is True and "flip" in known:
            said.append("the channels have no mirror image: flip is left out")
        shared["flip"] = False
    own = dict(settings.space[settings.architecture])
    span = own.get("receptive_field")
    if isinstance(span, dict):
        longest = min(int(dataset.lengths.max()), USUAL_LENGTHS_SPANNED * int(dataset.lengths.median()))
        low, high = (int(span[bound]) for bound in ("low", "high"))  # type: ignore[arg-type]
        high = max(SHORTEST_SPAN, min(high, longest))
        own["receptive_field"] = {**span, "high": high} if high > low else high
    space = {**settings.space, "shared": shared, settings.architecture: own}
    return settings.model_copy(update={"space": space}), said
