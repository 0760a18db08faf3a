"""What an exported file says of itself, so that it can be used without the folder that it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from ..config.schema import FASTEST_HZ, LONGEST, SLOWEST_HZ, Lengths, Section
from ..core.json_files import parse_json_object
from ..core.problems import Problem, SettingsError, problems_of
from ..training.decisions import DecisionRule

if TYPE_CHECKING:
    from ..training.model_folder import StoredModel

INPUTS, OUTPUTS = ("values", "lengths"), ("logits", "probabilities")
# Everything is in this entry; the others say the most important of it to who reads the file with another program.
WHOLE = "seqtune"
MOST_CHANNELS, MOST_CLASSES = 10_000, 65_536


class Facts(Section):
    """What has to be known to use a network.

    Attributes:
        channel_names: Measured channels, in their order.
        class_names: In the order of the logits.
        sample_rate_hz: Steps a second; None where that is not known.
        lengths: Of the sequences it was made from.
        resample_length: Steps that every sequence is stretched to before; None where they are left alone.
        window_seconds: Of windows, where recordings are cut into some.
        missing_hands: What stands where a hand is not seen; says something of landmarks only.
        decision: How windows of streams decide, as it was judged; None of other data.
    """

    format: Literal["seqtune export 1"] = "seqtune export 1"
    architecture: str = Field(max_length=100)
    channel_names: tuple[str, ...] = Field(min_length=1, max_length=MOST_CHANNELS, strict=False)
    class_names: tuple[str, ...] = Field(min_length=2, max_length=MOST_CLASSES, strict=False)
    sample_rate_hz: float | None = Field(ge=SLOWEST_HZ, le=FASTEST_HZ)
    lengths: Lengths
    kind: str = Field(max_length=100)
    dataset: str = Field(max_length=1000)
    resample_length: int | None = Field(default=None, ge=1, le=LONGEST)
    window_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    missing_hands: Literal["interpolate", "mask", "zeros"] = "interpolate"
    decision: DecisionRule | None = None
    study: str = Field(max_length=1000)
    trial: int
    precision: Literal["float32", "int8"] = "float32"

    @property
    def streams(self) -> tuple[DecisionRule, float] | None:
        """How windows of streams decide, and the steps a second; None of a network of other data."""
        if self.decision is None or self.sample_rate_hz is None:
            return None
        return self.decision, self.sample_rate_hz

    def as_metadata(self) -> dict[str, str]:
        """As the metadata of an ONNX file."""
        plain = self.model_dump(mode="json")
        told = {name: json.dumps(plain[name]) for name in ("class_names", "channel_names", "sample_rate_hz")}
        return {WHOLE: json.dumps(plain), **told}


def facts_of(model: StoredModel, *, int8: bool = False) -> Facts:
    """The facts of a network that has been taken out of its folder."""
    description = model.description
    return Facts.model_validate(
        {
            "architecture": description.architecture,
            "channel_names": description.channel_names,
            "class_names": description.class_names,
            "sample_rate_hz": description.sample_rate_hz,
            "lengths": description.lengths.model_dump(),
            "kind": description.kind,
            "dataset": description.data.dataset,
            "resample_length": description.data.resample_length,
            "window_seconds": description.data.window_seconds,
            "missing_hands": description.data.missing_hands,
            "decision": None if description.decision is None else description.decision.model_dump(),
            "study": description.study,
            "trial": description.trial,
            "precision": "int8" if int8 else "float32",
        }
    )


def facts_in(metadata: Mapping[str, str], place: str) -> Facts:
    """The facts that a file from anywhere tells.

    Raises:
        SettingsError: If it tells none, or none that can be.
    """
    if WHOLE not in metadata:
        rule = "was not written by ./run_tuning.sh export: it does not say what its channels and classes are"
        raise SettingsError([Problem("--model", place, rule)])
    plain, problems = parse_json_object(metadata[WHOLE], f"{place}, metadata")
    if problems:
        raise SettingsError(problems)
    try:
        return Facts.model_validate(plain)
    except ValidationError as error:
        raise SettingsError(problems_of(error, f"{place}, metadata", Facts.model_fields)) from error
