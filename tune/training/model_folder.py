"""A trained network as a folder that can be given away: ``model.json`` says what it is, ``weights.safetensors`` is it.

Nothing in it can run code when it is read, and all that it says is checked before it is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from data.formats.regular import read_regular
from data.formats.tables import LARGEST
from data.sequences import SequenceDataset
from data.tensors.channels import (
    DERIVED,
    NORMALISATIONS,
    Normaliser,
    Preparation,
    columns_of,
    derived_names,
    n_prepared_channels,
    prepare_measured,
)
from models import ARCHITECTURES, SequenceClassifier, build
from models.ensemble import ENSEMBLE, Ensemble
from models.own import OWN

from ..config.schema import FASTEST_HZ, SLOWEST_HZ, Data, Lengths, Section
from ..core.errors import StorageError
from ..core.files import write_bytes, write_text
from ..core.json_files import read_json_object
from ..core.problems import Problem, SettingsError, problems_of
from .decisions import DecisionRule
from .train import predict

DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
FORMAT = "seqtune model 1"
MOST_CHANNELS = 10_000
MOST_MEMBERS = 64


Float32 = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


def _above_zero(number: float) -> float:
    if number < torch.finfo(torch.float32).tiny:
        raise ValueError("must be above zero")
    return number


class StoredPreparation(Section):
    """``data.channels.Preparation``, as it is written."""

    normalisation: Literal[NORMALISATIONS]  # type: ignore[valid-type]
    derived_channels: Literal[DERIVED]  # type: ignore[valid-type]

    def as_preparation(self) -> Preparation:
        """The same as the data takes it."""
        return Preparation(self.normalisation, self.derived_channels)


class StoredNormaliser(Section):
    """Mean and standard deviation of every channel before normalisation, measured and derived."""

    mean: tuple[Float32, ...] = Field(strict=False)
    deviation: tuple[Annotated[Float32, AfterValidator(_above_zero)], ...] = Field(strict=False)


class StoredData(Data):
    """Settings of the data that a network was trained on; where it lay is not told."""

    dataset: str = Field("", max_length=1000)


class StoredNetwork(Section):
    """The code of a network that is no registered one: whoever uses it names the file, which no folder may bring."""

    file: str = Field(max_length=1000)
    sha256: str = Field(max_length=64)


class StoredMember(Section):
    """A network whose probabilities have a share in a mean."""

    architecture: str = Field(max_length=100)
    hyperparameters: dict[str, JsonValue]
    preparation: StoredPreparation
    share: float = Field(gt=1e-6, le=1)


class ModelDescription(Section):
    """What a network is and what it needs to be given.

    Attributes:
        architecture: A registered one, or a class of somebody's own; of several networks, ``ENSEMBLE``.
        network: Where that class was; None of registered ones.
        hyperparameters: Of its constructor; of several networks, none.
        preparation: How measured channels become its inputs; of several networks, every channel that one of them takes.
        members: The networks whose mean it is; empty for one network.
        normaliser: Statistics of the training sequences, one entry a channel that ``preparation`` derives.
        channel_names: Measured channels, in their order.
        temperature: What logits are divided by before they become probabilities (Guo et al. 2017, section 4.2).
        sample_rate_hz: Steps a second of its training sequences; None where that is not known.
        kind: What the data is like, as in ``SequenceDataset``.
        data: Settings of the data that it was trained on: data set, windows, resampling, landmarks.
        decision: How windows of streams decide, as it was judged; None of other data, and of earlier versions.
        scores: What is known of how good it is, as in ``best_config.json``.
        unfinished_after: Epochs after which its training was broken off; None if it was trained to its end.
    """

    format: Literal["seqtune model 1"]
    architecture: str = Field(max_length=100)
    network: StoredNetwork | None = None
    hyperparameters: dict[str, JsonValue]
    preparation: StoredPreparation
    members: tuple[StoredMember, ...] = Field((), max_length=MOST_MEMBERS, strict=False)
    normaliser: StoredNormaliser
    channel_names: tuple[str, ...] = Field(min_length=1, max_length=MOST_CHANNELS, strict=False)
    class_names: tuple[str, ...] = Field(min_length=2, max_length=65_536, strict=False)
    temperature: float = Field(gt=1e-6, le=1e6)
    sample_rate_hz: float | None = Field(ge=SLOWEST_HZ, le=FASTEST_HZ)
    kind: str = Field(max_length=100)
    data: StoredData
    lengths: Lengths
    decision: DecisionRule | None = None
    scores: dict[str, JsonValue]
    study: str = Field(max_length=1000)
    trial: int = Field(ge=0)
    unfinished_after: int | None = Field(None, ge=1)
    weights_sha256: str
    versions: dict[str, str]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.members) != (self.architecture == ENSEMBLE):
            raise ValueError(f"{self.architecture!r} does not go with {len(self.members)} members")
        if self.members and (self.hyperparameters or abs(sum(one.share for one in self.members) - 1) > 1e-6):
            raise ValueError("the shares of the members do not add up to 1, or there are hyperparameters beside them")
        for member in self.members:
            columns_of(member.preparation.as_preparation(), self.preparation.as_preparation(), self.channel_names)
        for name in [member.architecture for member in self.members] or [self.architecture]:
            if name in ARCHITECTURES:
                continue
            if self.network is None:
                raise ValueError(f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
            if name not in OWN or OWN[name].sha256 != self.network.sha256:
                raise ValueError(
                    f"its network is the class {name} of the file {self.network.file!r} (SHA-256 "
                    f"{self.network.sha256[:12]}…), which is code and therefore not in this folder: name that file, "
                    f"--network {self.network.file}:{name}"
                )
        n_channels = len(derived_names(self.channel_names, self.preparation.derived_channels))
        for name, values in (("mean", self.normaliser.mean), ("deviation", self.normaliser.deviation)):
            if len(values) != n_channels:
                raise ValueError(f"normaliser.{name} has {len(values)} entries for {n_channels} channels")
        return self

    def built(self) -> SequenceClassifier:
        """The network, untrained.

        Raises:
            ValueError: If a hyperparameter is unknown or out of range.
        """

        def one(architecture: str, preparation: Preparation, hyperparameters: Mapping[str, Any]) -> SequenceClassifier:
            n_channels = n_prepared_channels(self.channel_names, preparation)
            return build(architecture, n_channels, len(self.class_names), **hyperparameters)

        whole = self.preparation.as_preparation()
        if not self.members:
            return one(self.architecture, whole, self.hyperparameters)
        own = [member.preparation.as_preparation() for member in self.members]
        return Ensemble(
            [one(each.architecture, how, each.hyperparameters) for each, how in zip(self.members, own, strict=True)],
            [columns_of(how, whole, self.channel_names) for how in own],
            [each.share for each in self.members],
        )

    def in_words(self) -> str:
        """What kind of network it is, for people."""
        if not self.members:
            return self.architecture
        counts = Counter(member.architecture for member in self.members)
        named = (name if count == 1 else f"{count} {name} networks" for name, count in counts.items())
        return f"the mean of {' and '.join(named)}"


@dataclass(frozen=True)
class StoredModel:
    """A network that has been taken out of its folder.

    Attributes:
        network: With its weights, in evaluation mode, on the CPU.
    """

    description: ModelDescription
    network: SequenceClassifier

    @property
    def preparation(self) -> Preparation:
        """How measured channels become the network's inputs."""
        return self.description.preparation.as_preparation()

    @property
    def normaliser(self) -> Normaliser:
        """Statistics of the channels before they are normalised."""
        stored = self.description.normaliser
        return Normaliser(torch.tensor(stored.mean), torch.tensor(stored.deviation))

    def prepare(self, measured: SequenceDataset) -> SequenceDataset:
        """Sequences as measured, turned into what the network is given.

        Raises:
            ValueError: If they have another number of channels.
        """
        n_channels = len(self.description.channel_names)
        if measured.n_channels != n_channels:
            raise ValueError(f"{measured.n_channels} channels; the model takes {n_channels}")
        return prepare_measured(measured, self.normaliser, self.preparation)

    def logits(self, measured: SequenceDataset) -> Tensor:
        """Logits of sequences as measured, before the temperature: [sequences, classes].

        Raises:
            ValueError: If they have another number of channels.
        """
        return predict(self.network, self.prepare(measured), torch.device("cpu"))

    def probabilities(self, measured: SequenceDataset) -> Tensor:
        """Calibrated probabilities of sequences as measured: [sequences, classes].

        Raises:
            ValueError: If they have another number of channels.
        """
        return (self.logits(measured) / self.description.temperature).softmax(dim=1)


def write_model(folder: Path, description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes the folder of a model; each file is whole or not there, and the description comes last.

    Args:
        folder: Made if it is not there.
        description: ``ModelDescription`` without ``format`` and ``weights_sha256``.
        weights: Of the network, by name.

    Raises:
        OSError: If it cannot be written.
    """
    content = save({name: weight.contiguous().cpu() for name, weight in weights.items()})
    digest = hashlib.sha256(content).hexdigest()
    checked = ModelDescription.model_validate({**description, "format": FORMAT, "weights_sha256": digest})
    write_bytes(folder / WEIGHTS, content)
    # Earlier versions read those of registered networks, and of sequences, too.
    later = {name for name in ("network", "decision") if getattr(checked, name) is None}
    plain = checked.model_dump(mode="json", exclude=later)
    write_text(folder / DESCRIPTION, json.dumps(plain, indent=2) + "\n")


def load_model(folder: Path) -> StoredModel:
    """Takes a network out of its folder.

    Raises:
        SettingsError: If the folder, or what is in it, is no model of this tuner, or is damaged.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        rule = f"holds no {DESCRIPTION}"
        raise SettingsError([Problem(str(folder), "", rule, "name the folder best_model of a study")])
    plain, problems = read_json_object(path, largest_bytes=10_000_000)
    if problems and not plain:
        raise SettingsError(problems)
    try:
        description = ModelDescription.model_validate(plain)
    except ValidationError as error:
        raise SettingsError([*problems, *problems_of(error, str(path), ModelDescription.model_fields)]) from error
    if problems:
        raise SettingsError(problems)
    weights = _read_weights(folder / WEIGHTS, description.weights_sha256)
    try:
        # Without memory at first: a stranger's description may ask for a network of any size.
        with torch.device("meta"):
            description.built().load_state_dict({name: weight.to("meta") for name, weight in weights.items()})
        network = description.built()
        network.load_state_dict(weights)
    except (ValueError, TypeError, RuntimeError) as error:
        rule = f"does not fit the weights: {' '.join(str(error).split())[:200]}"
        raise SettingsError([Problem(str(path), description.architecture, rule)]) from error
    return StoredModel(description, network.eval())


def describe_preparation(
    preparation: Preparation, normaliser: Mapping[str, Any], channel_names: Sequence[str]
) -> dict[str, Any]:
    """``preparation`` and ``normaliser`` of a description.

    Raises:
        StorageError: If they do not belong together.
    """
    wanted = derived_names(tuple(channel_names), preparation.derived_channels)
    if unknown := sorted({*wanted} - {*normaliser["channel_names"]}):
        raise StorageError(f"the study database is damaged (no statistics of channel {unknown[0]!r}); restore a copy")
    place = [normaliser["channel_names"].index(name) for name in wanted]
    return {
        "preparation": asdict(preparation),
        "normaliser": {name: [normaliser[name][k] for k in place] for name in ("mean", "deviation")},
    }


def _read_weights(path: Path, digest: str) -> dict[str, Tensor]:
    try:
        content = read_regular(path)
    except OSError as error:
        raise SettingsError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    if hashlib.sha256(content).hexdigest() != digest:
        rule = f"is not the file that {DESCRIPTION} speaks of (its SHA-256 differs)"
        raise SettingsError(
            [Problem(str(path), f"{len(content)} bytes", rule, "make it again: ./run_tuning.sh report")]
        )
    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise SettingsError([Problem(str(path), "", f"is no safetensors file: {error}")]) from error
