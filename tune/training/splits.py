"""The data of a study: loaded once, cut once, prepared once for each way of normalising."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from data import DataError, load
from data.quality.warnings import classes_missing, duplicates_across, people_across, warnings
from data.sequences import SequenceDataset
from data.source import Source
from data.splits.split import Split, drawn_split, make_folds, make_outer_split, make_split
from data.splits.standard_error import needed_folds
from data.tensors.augment import Augmentation, augment
from data.tensors.channels import Normaliser, Preparation, derive, derived_names, fit_normaliser, prepare_measured
from data.tensors.resampling import padded, to_length, to_rate

from ..config.schema import SplitSettings
from ..config.settings import Settings
from ..config.suitability import fitted
from .metrics import BY_CLASS

CACHE_FOLDER = Path(__file__).resolve().parent.parent.parent / "data" / "cache"


@dataclass(frozen=True, eq=False)
class Fold:
    """The parts of one split as measured.

    Attributes:
        test: What is looked at after the search; None where the split has no test set.
    """

    train: SequenceDataset
    validation: SequenceDataset
    test: SequenceDataset | None


@dataclass(frozen=True, eq=False)
class Splits:
    """Everything that the trials of a study are trained and judged on.

    Attributes:
        split: The single split, or what the folds were made from.
        folds: One entry for a single split.
    """

    dataset: SequenceDataset
    split: Split
    folds: tuple[Fold, ...]
    _prepared: dict[tuple[int, str], tuple[Preparation, SequenceDataset]] = field(default_factory=dict, repr=False)
    _normalisers: dict[tuple[int, str], Normaliser] = field(default_factory=dict, repr=False)

    def prepared(self, fold: int, part: str, preparation: Preparation) -> SequenceDataset:
        """``train``, ``validation`` or ``test`` of a fold with the channels that a network is given.

        The last preparation is kept, which is what a trial asks for again and again; all of them would fill the memory.
        """
        kept = self._prepared.get((fold, part))
        if kept is None or kept[0] != preparation:
            kept = (preparation, self._prepare(fold, getattr(self.folds[fold], part), preparation))
            self._prepared[fold, part] = kept
        return kept[1]

    def training_epoch(
        self, fold: int, preparation: Preparation, augmentation: Augmentation, *, seed: int, epoch: int
    ) -> SequenceDataset:
        """The training set of a fold as one epoch sees it: varied, then prepared."""
        if augmentation == Augmentation():
            return self.prepared(fold, "train", preparation)
        measured = self.folds[fold].train
        varied = augment(measured, augmentation, self.normaliser(fold, "none"), seed=seed, epoch=epoch)
        return self._prepare(fold, varied, preparation)

    def normaliser(self, fold: int, derived_channels: str) -> Normaliser:
        """Statistics of a fold's training set over the measured and the derived channels."""
        key = (fold, derived_channels)
        train = self.folds[fold].train
        if key not in self._normalisers and train.starts is not None and derived_channels != "both":
            # One pass over all that can be derived serves for each part of it.
            names, whole = derived_names(train.channel_names, "both"), self.normaliser(fold, "both")
            columns = [names.index(name) for name in derived_names(train.channel_names, derived_channels)]
            self._normalisers[key] = Normaliser(whole.mean[columns], whole.deviation[columns])
        if key not in self._normalisers:
            self._normalisers[key] = fit_normaliser(derive(train, derived_channels))
        return self._normalisers[key]

    def _prepare(self, fold: int, measured: SequenceDataset, preparation: Preparation) -> SequenceDataset:
        return prepare_measured(measured, self.normaliser(fold, preparation.derived_channels), preparation)


def source_of(settings: Settings) -> Source:
    """Where to look for recordings: the setting ``data.path``, then ``SEQTUNE_DATA``."""
    named = settings.data.path or os.environ.get("SEQTUNE_DATA") or None
    return Source(
        data_path=None if named is None else Path(named).expanduser(),
        cache_folder=CACHE_FOLDER,
        window_seconds=settings.data.window_seconds,
        hop_seconds=settings.data.hop_seconds,
        window_label=settings.data.window_label,
        label_share=settings.data.label_share,
        n_classes=settings.data.classes,
        landmarks=settings.data.landmarks,
        missing_hands=settings.data.missing_hands,
        asl_citizen=settings.data.asl_citizen,
        label_from=settings.data.label_from,
        storage=settings.data.storage,
    )


def load_dataset(settings: Settings) -> SequenceDataset:
    """Loads the data that the settings name, as a whole.

    Raises:
        DataError: If it cannot be read.
    """
    dataset = load(settings.dataset, source_of(settings))
    if settings.data.classes is not None:
        dataset = dataset.first_classes(settings.data.classes)
    if settings.data.resample_hz is not None:
        dataset = to_rate(dataset, settings.data.resample_hz)
    if settings.data.resample_length is not None:
        dataset = to_length(dataset, settings.data.resample_length)
    if settings.data.pad_length is not None:
        dataset = padded(dataset, settings.data.pad_length)
    return dataset


def load_splits(settings: Settings) -> Splits:
    """Loads and cuts the data that the settings name.

    Raises:
        DataError: If it cannot be read, or cannot be cut that way.
    """
    return splits_of(load_dataset(settings), settings)


def splits_of(dataset: SequenceDataset, settings: Settings) -> Splits:
    """The parts of a data set that is loaded already.

    Raises:
        DataError: If it cannot be cut as the settings say.
    """
    found = cut(dataset, settings.split)
    suspicious = warnings(dataset, settings.search.metric in BY_CLASS)
    dataset = dataset.with_notes(*suspicious, *found.wrong, *found.about_folds)
    return Splits(dataset, found.split, tuple(_cut(dataset, one) for one in found.splits))


class Cut(NamedTuple):
    """How a data set is cut.

    Attributes:
        split: The single split, or what the folds were made from.
        splits: What configurations are judged on: the single split, or every fold.
        about_folds: Why it is these folds, where the settings leave that open and a single split is too small.
    """

    split: Split
    splits: list[Split]
    wrong: list[str]
    about_folds: list[str]


def cut(dataset: SequenceDataset, wanted: SplitSettings) -> Cut:
    """Cuts a data set as the settings say, and as it needs where they leave that open.

    Raises:
        DataError: If the data set cannot be cut that way.
    """
    if wanted.outer_fold is not None:
        share = wanted.validation_fraction
        split = make_outer_split(dataset, wanted.outer_fold, validation_fraction=share, seed=wanted.seed)
    else:
        split = (make_split if wanted.balanced else drawn_split)(
            dataset,
            kind=wanted.kind,
            validation_fraction=wanted.validation_fraction,
            test_fraction=wanted.test_fraction,
            test_groups=wanted.test_groups,
            seed=wanted.seed,
        )
    n_folds, about_folds = needed_folds(dataset, split) if wanted.folds is None else (wanted.folds, [])
    splits = [split]
    try:
        if n_folds:
            splits = make_folds(dataset, split, n_folds, seed=wanted.seed, balanced=wanted.balanced)
    except DataError as error:
        if wanted.folds is not None:
            raise
        about_folds = [f"one validation set judges, although it is too small, since with {n_folds} folds {error}"]
    labels = dataset.labels
    judged = {"validation": torch.cat([labels[one.validation] for one in splits]), "test": labels[split.test]}
    across = [*duplicates_across(dataset, split), *people_across(dataset, split)]
    return Cut(split, splits, [*across, *classes_missing(dataset, split.kind, judged)], about_folds)


def settled(settings: Settings, splits: Splits, stored: Mapping[str, Any] | None = None) -> tuple[Settings, list[str]]:
    """The settings as the data decides what they leave open, and sentences about that; ``stored`` as in ``fitted``."""
    n_folds = len(splits.folds) if len(splits.folds) > 1 else 0
    split = settings.split.model_copy(update={"folds": n_folds})
    n_sequences = min(len(fold.train) for fold in splits.folds)
    return fitted(settings.model_copy(update={"split": split}), splits.dataset, n_sequences, stored)


def describe_data(settings: Settings, splits: Splits) -> dict[str, Any]:
    """The data set as plain JSON values, with what a network needs of it: class names and normalisers.

    The normalisers cover every channel that can be derived; a network is given those that its trial asked for.
    """
    dataset = splits.dataset
    return {
        "name": settings.dataset,
        "kind": dataset.kind,
        **settings.data.model_dump(mode="json"),
        "fingerprint": dataset.fingerprint,
        "n_sequences": len(dataset),
        "class_names": list(dataset.class_names),
        "channel_names": list(dataset.channel_names),
        "sample_rate_hz": dataset.sample_rate_hz,
        "lengths": {
            "shortest": int(dataset.lengths.min()),
            "median": int(dataset.lengths.median()),
            "longest": int(dataset.lengths.max()),
        },
        "notes": list(dataset.notes),
        "normalisers": [describe_normaliser(splits, fold) for fold in range(len(splits.folds))],
    }


def describe_normaliser(splits: Splits, fold: int) -> dict[str, Any]:
    """Statistics of a fold's training set as plain JSON values, over every channel that can be derived."""
    normaliser = splits.normaliser(fold, "both")
    return {
        "channel_names": list(derived_names(splits.dataset.channel_names, "both")),
        "mean": normaliser.mean.tolist(),
        "deviation": normaliser.deviation.tolist(),
    }


def describe_split(settings: Settings, splits: Splits) -> dict[str, Any]:
    """The split as plain JSON values: how it was made, and how many sequences of whom are in each part."""
    names = ("train", "validation", "test")
    folds = [{name: _describe_part(getattr(fold, name)) for name in names} for fold in splits.folds]
    return {**settings.split.model_dump(mode="json"), "kind": splits.split.kind, "parts": folds}


def _describe_part(part: SequenceDataset | None) -> dict[str, Any] | None:
    if part is None:
        return None
    people = None if part.groups is None else [part.group_names[k] for k in sorted(set(part.groups.tolist()))]
    return {"n_sequences": len(part), "people": people}


def _cut(dataset: SequenceDataset, split: Split) -> Fold:
    train = dataset.subset(split.train)
    test = dataset.subset(split.test) if len(split.test) else None
    return Fold(train, dataset.subset(split.validation), test)
