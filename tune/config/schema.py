"""The parts of the settings: every field with its range and what it means."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.problems import Problem

Metric = Literal["accuracy", "balanced_accuracy", "macro_f1", "loss"]
LONGEST = 10_000_000
# Steps a second: from one in thirty years to one in a nanosecond.
SLOWEST_HZ, FASTEST_HZ = 1e-9, 1e9


class Section(BaseModel):
    """What every part of the settings has in common: no unknown key, no silent conversion, finite numbers."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Section):
    """Where the recordings are and how much of them is used."""

    path: str | None = Field(None, description="Folder or file of the recordings (or the setting SEQTUNE_DATA)")
    classes: int | None = Field(
        None, ge=2, le=100_000, description="Use N classes only: the first, of signs the most frequent"
    )
    window_seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Length of the windows that long recordings are cut into; null: 4, of streams as labels last",
    )
    hop_seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="From one window to the next; null: half a window, a quarter where windows cross changes of label",
    )
    window_label: Literal["auto", "run", "majority", "end", "share"] = Field(
        "auto", description="Label of a stream's window: run: none crosses a change; of most of it, its end, or a share"
    )
    label_share: float = Field(0.75, gt=0, le=1, description="Of a window that has its label at least; else it is null")
    resample_hz: float | None = Field(None, gt=0, le=1e6, description="Bring all sequences to this many steps a second")
    resample_length: int | None = Field(None, ge=1, le=1_000_000, description="Bring each sequence to this many steps")
    pad_length: int | None = Field(
        None, ge=1, le=1_000_000, description="Append zeros up to this many steps: for comparison with such networks"
    )
    landmarks: tuple[Literal["pose", "face", "left_hand", "right_hand", "visibility"], ...] = Field(
        ("pose", "left_hand", "right_hand"), min_length=1, strict=False, description="Parts of the body in signs"
    )
    missing_hands: Literal["interpolate", "mask", "zeros"] = Field(
        "interpolate", description="What stands where a hand is not seen: neighbours, zeros and a mask channel, zeros"
    )
    asl_citizen: bool = Field(True, description="Read ASL Citizen too where it lies beside other signs")
    label_from: Literal["auto", "folder", "column"] = Field(
        "auto", description="What names the class where a folder and a column both could; auto asks if they disagree"
    )

    storage: Literal["auto", "memory", "table", "disk"] = Field(
        "auto", description="Where values lie: in memory, windows as copies or as places in a table, or on disk"
    )

    @model_validator(mode="after")
    def _one_resampling(self) -> Self:
        if self.resample_hz is not None and self.resample_length is not None:
            rule = "cannot go with data.resample_length"
            raise Problem("resample_hz", self.resample_hz, rule, "write null for one of them")
        return self


class OwnNetwork(Section):
    """A network that is no registered one: a class in a file of one's own."""

    path: str = Field(max_length=4_096, description="Python file that has it, and is run")
    name: str = Field(max_length=60, description="Of the class, and of the architecture")
    sha256: str | None = Field(None, description="Of the file, as the study began")


class SplitSettings(Section):
    """How sequences are shared between training, validation and test."""

    kind: Literal["auto", "group", "stratified", "official"] = Field(
        "auto", description="By person, at random by class, as published; auto takes the strictest there is"
    )
    validation_fraction: float = Field(0.2, gt=0.0, lt=1.0, description="Share that steers")
    test_fraction: float = Field(0.2, ge=0.0, lt=1.0, description="Share that is kept to the end")
    test_groups: tuple[str, ...] = Field((), strict=False, description="People that form the test set")
    outer_fold: tuple[int, int] | None = Field(
        None, strict=False, description="[k, n]: the test set is the k-th of n stratified folds"
    )
    folds: int | None = Field(
        None, ge=0, le=1_000, description="Folds that judge every trial; 0: one split; null: as many as the data needs"
    )
    common_epoch: bool = Field(
        True, description="The best epoch is the same in all folds, by their mean; false: each fold's own best"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Draws the splits; apart from the study's seed")
    balanced: bool = Field(True, description="Choose people so that every part has every class; false: as drawn")

    @model_validator(mode="after")
    def _room_to_train(self) -> Self:
        if self.validation_fraction + self.test_fraction >= 1.0:
            rule = f"leaves nothing to train on beside split.test_fraction = {self.test_fraction:g}"
            raise Problem("validation_fraction", self.validation_fraction, rule, "their sum must be below 1")
        if self.folds == 1:
            raise Problem("folds", self.folds, "must be 0 or at least 2", "0 is a single split")
        return self

    @model_validator(mode="after")
    def _one_of_the_outer_folds(self) -> Self:
        if self.outer_fold is None:
            return self
        number, n_folds = self.outer_fold
        if not (2 <= n_folds <= 1_000 and 1 <= number <= n_folds):
            rule = "must be [k, n]: the k-th of 2 to 1000 folds, the first of which is 1"
            raise Problem("outer_fold", list(self.outer_fold), rule, "for example [1, 5]")
        if self.kind != "stratified":
            rule = f"goes with split.kind = stratified, not {self.kind}"
            raise Problem("outer_fold", list(self.outer_fold), rule, "people are held out by split.test_groups")
        return self


class Search(Section):
    """How long and by what rule configurations are tried."""

    trials: int = Field(20, ge=1, le=1_000_000, description="Finished trials in total, resumed ones included")
    timeout_seconds: float | None = Field(None, gt=0, le=1e9, description="Stop after this time")
    target: float | None = Field(None, description="Stop as soon as a score reaches this")
    metric: Metric = Field("accuracy", description="Validation score that decides")
    second_objective: Literal["parameters", "latency", "flash", "ram", "macs"] | None = Field(
        None, description="Sought to be small beside a good metric; trials are then not pruned"
    )
    max_parameters: int | None = Field(None, ge=1, le=10**12, description="Larger networks are not trained")
    max_latency_ms: float | None = Field(
        None, gt=0, le=1e9, description="Networks that take longer for a sequence are not trained"
    )
    max_flash: int | None = Field(
        None, ge=1, le=10**12, description="Bytes; networks whose C takes more flash are not trained"
    )
    max_ram: int | None = Field(
        None, ge=1, le=10**12, description="Bytes; networks whose C takes more RAM are not trained"
    )
    device_precision: Literal["float32", "int8"] = Field(
        "float32", description="Of the C whose flash and RAM are limited or sought to be small"
    )
    max_macs: int | None = Field(
        None, ge=1, le=10**15, description="Networks with more multiply-adds a window are not trained"
    )
    sampler: Literal["tpe", "gp", "random"] = Field("tpe", description="Chooses the next configuration")
    pruner: Literal["halving", "median", "quartile", "hyperband", "none"] = Field(
        "halving", description="Ends hopeless trials; halving: of nine a third goes on, and of these a third again"
    )
    stop: Literal["auto", "never"] = Field(
        "auto", description="auto: end when the best score lacks less of 100% than validation can tell (halving alone)"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Decides everything that is random in the study")
    floors: bool = Field(True, description="Fit what tuning has to beat before the first trial, and use it if unbeaten")
    ensemble: int = Field(
        4,
        ge=0,
        le=16,
        description="Networks whose mean is handed over where validation is for it; 0: always a single one",
    )
    false_alarms_per_hour: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Of streams with a null class: at most so many on validation; null: as many as the best event F1",
    )
    unknown_classes: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Classes left out in the end, a fit each, to see whether what is of no known class is told",
    )
    record_answers: Literal["no", "validation", "test"] = Field(
        "no",
        description="Keep of every trial which sequences of this part it classified correctly; comparisons need it",
    )

    @model_validator(mode="after")
    def _target_can_be_reached(self) -> Self:
        if self.target is not None and self.metric != "loss" and not 0 < self.target <= 1:
            rule = f"must be above 0 and at most 1 for {self.metric}"
            raise Problem("target", self.target, rule, "for example 0.95")
        return self


class Confirmation(Section):
    """How the best configurations are trained again with fresh seeds after the search."""

    configurations: int = Field(3, ge=0, le=1_000, description="Best ones, beside the default one; 0: none at all")
    seeds: int = Field(5, ge=0, le=1_000, description="Runs of each, all with the same seeds; 0: none at all")
    time_share: float | None = Field(
        0.4, gt=0, le=1_000, description="At most this share of the search's cost; null: no limit"
    )

    @property
    def is_on(self) -> bool:
        """Whether there is any."""
        return bool(self.configurations and self.seeds)


class TrainingSection(Section):
    """What every trial's training has in common."""

    epochs: int = Field(0, ge=0, le=100_000, description="Passes over the training set; 0: by its size")
    patience: int = Field(
        0, ge=0, le=100_000, description="Epochs without improvement before a trial ends itself; 0: half of the epochs"
    )
    min_delta: float = Field(0.0, ge=0, le=1e6, description="Smallest gain that is improvement")
    plateau_patience: int | None = Field(
        None, ge=0, le=100_000, description="Epochs before the schedule plateau halves; null: a third of patience"
    )
    refit: bool = Field(True, description="Train the best once more, on training and validation set, for the test")
    clip_norm: float = Field(1.0, gt=0, le=1e6, description="Largest norm of the gradient")


class Machine(Section):
    """Where it runs; none of this changes what is asked."""

    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    threads: int = Field(1, ge=1, le=1_024, description="CPU threads of the training, in every worker")
    checkpoint_every: float | None = Field(
        None,
        gt=0,
        le=1e9,
        description="Seconds between two checkpoints; null: after every epoch, for up to 3% of the time",
    )
    workers: int = Field(
        0,
        ge=0,
        le=1_024,
        description="Processes that train at once; 0: one for every GPU or core, where that leaves the study the same",
    )
    workers_per_gpu: int = Field(
        1, ge=1, le=64, description="Workers that share a GPU, each with as large a part of its memory at most"
    )
    engine: Literal["local", "ray"] = Field("local", description="Processes of this machine, or tasks of a Ray cluster")
    address: str | None = Field(
        None, min_length=1, max_length=500, description="Of the Ray cluster, HOST:PORT or auto; null starts one here"
    )

    @model_validator(mode="after")
    def _known_device_and_address(self) -> Self:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,4})?", self.device):
            raise Problem("device", self.device, "must be auto, cpu, mps, cuda or cuda:N", "auto finds what is there")
        if self.address is not None and self.engine != "ray":
            raise Problem("address", self.address, "goes with machine.engine = ray only", "add --engine ray")
        return self


class Lengths(Section):
    """Steps of the shortest, the median and the longest sequence of the data set."""

    shortest: int = Field(ge=1, le=LONGEST)
    median: int = Field(ge=1, le=LONGEST)
    longest: int = Field(ge=1, le=LONGEST)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.shortest <= self.median <= self.longest:
            raise ValueError("shortest, median and longest must be in this order")
        return self
