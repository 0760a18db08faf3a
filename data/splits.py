"""Seeded train, validation and test parts that cannot share a person or a recording.

A split assigns whole *units*, never single sequences: people for a ``group`` split, recordings for a ``stratified``
one. Windows cut from one recording overlap and one person's movements are alike, so a unit on both sides of a split
would let a network recognise the recording or the person instead of the movement.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from .errors import DataError
from .sequences import TEST, TRAIN, VALIDATION, SequenceDataset

Rows = NDArray[np.int64]

SPLIT_KINDS = ("auto", "group", "stratified", "official")


@dataclass(frozen=True, eq=False)
class Split:
    """Which sequences belong to which part, as sorted row numbers of the data set.

    Attributes:
        kind: ``group``, ``stratified`` or ``official``.
        train: Rows that weights and normaliser are fitted on.
        validation: Rows that steer the search.
        test: Rows that are looked at once, after the search; may be empty.
    """

    kind: str
    train: Int[Tensor, " train"]
    validation: Int[Tensor, " validation"]
    test: Int[Tensor, " test"]


def resolve_kind(dataset: SequenceDataset, kind: str) -> str:
    """The split that ``kind`` means for this data set.

    ``auto`` is the publisher's split where there is one, people where they are known, else stratified.

    Raises:
        DataError: If the data set cannot be split that way, or the kind is unknown.
    """
    if kind not in SPLIT_KINDS:
        raise DataError(f"split kind is {kind!r}; it must be one of {', '.join(SPLIT_KINDS)}")
    if kind == "auto":
        return "official" if dataset.official is not None else "group" if dataset.groups is not None else "stratified"
    if kind == "group" and dataset.groups is None:
        raise DataError(f"{dataset.name} does not say who performed a sequence: use the split 'stratified'")
    if kind == "official" and dataset.official is None:
        raise DataError(f"{dataset.name} has no official split: use 'group' or 'stratified'")
    return kind


def make_split(
    dataset: SequenceDataset,
    *,
    kind: str = "auto",
    validation_fraction: float = 0.2,
    test_fraction: float = 0.2,
    test_groups: Sequence[str] = (),
    seed: int = 0,
) -> Split:
    """Cuts a data set into train, validation and test.

    Args:
        dataset: What to cut.
        kind: One of ``SPLIT_KINDS``.
        validation_fraction: Share of the units (of the official training part, for ``official``) for validation.
        test_fraction: Share of the units for test; 0 leaves the test part empty. ``official`` ignores it.
        test_groups: Names of the people that form the test part, instead of a drawn share; for ``group`` only.
        seed: Draws the units.

    Raises:
        DataError: If a part would be empty, a class would have no training example, or a person is not known.
    """
    kind = resolve_kind(dataset, kind)
    if test_groups and kind != "group":
        raise DataError(f"people to test on are named, but the split is {kind!r}: use the split 'group'")
    rng = np.random.default_rng([seed, 0])
    everything = np.arange(len(dataset))
    if kind == "official":
        part = _numpy(dataset.official)
        test, rest, given = everything[part == TEST], everything[part == TRAIN], everything[part == VALIDATION]
        if len(given):
            return _checked(dataset, kind, rest, given, test)
    elif test_groups:
        test = np.flatnonzero(np.isin(_numpy(dataset.groups), _group_numbers(dataset, test_groups)))
        rest = np.setdiff1d(everything, test)
    elif test_fraction > 0:
        test = _draw(dataset, kind, everything, test_fraction, rng)
        rest = np.setdiff1d(everything, test)
    else:
        test, rest = everything[:0], everything
    # The share is of the whole, so that 0.2 and 0.2 leave 0.6 to train on.
    share = validation_fraction if kind == "official" else validation_fraction * len(everything) / max(len(rest), 1)
    validation = _draw(dataset, kind, rest, min(share, 1.0), rng)
    return _checked(dataset, kind, np.setdiff1d(rest, validation), validation, test)


def make_outer_split(
    dataset: SequenceDataset, fold: tuple[int, int], *, validation_fraction: float = 0.2, seed: int = 0
) -> Split:
    """A stratified split whose test part is one of the ``outer_folds``.

    Args:
        dataset: What to cut.
        fold: Its number, from 1 on, and how many there are.
        validation_fraction: Share of the units of the whole for validation.
        seed: Draws the units; with the same one the test parts of all folds are the whole.

    Raises:
        DataError: If there are fewer units than folds, or a class would have no training example.
    """
    number, n_folds = fold
    everything = np.arange(len(dataset))
    test = outer_folds(dataset, "stratified", n_folds, seed=seed)[number - 1]
    rest = np.setdiff1d(everything, test)
    share = min(validation_fraction * len(everything) / len(rest), 1.0)
    validation = _draw(dataset, "stratified", rest, share, np.random.default_rng([seed, 0]))
    return _checked(dataset, "stratified", np.setdiff1d(rest, validation), validation, test)


def outer_folds(dataset: SequenceDataset, kind: str, n_folds: int, *, seed: int = 0) -> list[Rows]:
    """The test parts of a nested evaluation, as sorted row numbers: every unit is in exactly one of them.

    Raises:
        DataError: If there are fewer units than folds, or a class would have no training example.
    """
    nothing = torch.arange(0)
    everything = Split(kind, torch.arange(len(dataset)), nothing, nothing)
    return [_numpy(fold.validation) for fold in make_folds(dataset, everything, n_folds, seed=seed)]


def make_folds(dataset: SequenceDataset, split: Split, n_folds: int, *, seed: int = 0) -> list[Split]:
    """Cross-validation inside a split: train and validation together are cut into folds, test stays what it is.

    Every unit is in the validation part of exactly one fold. People are shared out so that folds have about the
    same number of sequences; recordings so that each class is spread evenly.

    Args:
        dataset: What ``split`` was made from.
        split: Gives the test part and the kind of unit.
        n_folds: At least 2, at most the number of units.
        seed: Draws the folds.

    Raises:
        DataError: If there are fewer units than folds, or a class would have no training example in a fold.
    """
    rows = np.sort(np.concatenate([_numpy(split.train), _numpy(split.validation)]))
    units, unit_classes = _units(dataset, split.kind, rows)
    names = np.unique(units)
    if not 2 <= n_folds <= len(names):
        what = "people" if _by_people(dataset, split.kind) else "recordings"
        raise DataError(f"{n_folds} folds asked for: it must be 2 to {len(names)}, the number of {what} to train on")
    rng = np.random.default_rng([seed, 1])
    fold_of_unit = dict.fromkeys(names.tolist(), 0)
    if _by_people(dataset, split.kind):
        sizes = np.zeros(n_folds)
        people = rng.permutation(names)
        for person in people[np.argsort([-np.sum(units == person) for person in people], kind="stable")].tolist():
            smallest = int(np.argmin(sizes))
            fold_of_unit[person] = smallest
            sizes[smallest] += np.sum(units == person)
    else:
        position = 0
        for one_class in np.unique(unit_classes):
            for unit in rng.permutation(np.unique(units[unit_classes == one_class])).tolist():
                fold_of_unit[unit] = position % n_folds
                position += 1
    fold = np.array([fold_of_unit[unit] for unit in units.tolist()])
    test = _numpy(split.test)
    return [_checked(dataset, split.kind, rows[fold != k], rows[fold == k], test) for k in range(n_folds)]


def _by_people(dataset: SequenceDataset, kind: str) -> bool:
    return kind != "stratified" and dataset.groups is not None


def _units(dataset: SequenceDataset, kind: str, rows: Rows) -> tuple[Rows, Rows]:
    """The unit and the class of each row; a unit that is a recording has one class."""
    if _by_people(dataset, kind):
        units = _numpy(dataset.groups)
    elif dataset.recordings is not None:
        units = _numpy(dataset.recordings)
    else:
        units = np.arange(len(dataset))
    return units[rows], _numpy(dataset.labels)[rows]


def _draw(
    dataset: SequenceDataset,
    kind: str,
    rows: Rows,
    fraction: float,
    rng: np.random.Generator,
) -> Rows:
    """Draws units for a held-out part: some people, or the same share of every class's recordings."""
    units, classes = _units(dataset, kind, rows)
    if _by_people(dataset, kind):
        people = np.unique(units)
        n_held_out = max(1, round(fraction * len(people)))
        if n_held_out >= len(people):
            raise DataError(
                f"{len(dataset.group_names)} people are too few to be held out: {len(people)} are left, and "
                f"{n_held_out} of them should be; use smaller fractions, or mix people over all parts: "
                "--split stratified"
            )
        chosen = rng.permutation(people)[:n_held_out]
    else:
        drawn = []
        for one_class in np.unique(classes):
            of_class = np.unique(units[classes == one_class])
            # A class with a single recording stays in training: it cannot be both learned and judged.
            n_held_out = min(max(1, round(fraction * len(of_class))), len(of_class) - 1)
            drawn.append(rng.permutation(of_class)[:n_held_out])
        chosen = np.concatenate(drawn)
    return rows[np.isin(units, chosen)]


def _group_numbers(dataset: SequenceDataset, names: Sequence[str]) -> list[int]:
    for name in names:
        if name not in dataset.group_names:
            nearest = difflib.get_close_matches(name, dataset.group_names, n=1, cutoff=0.0)
            raise DataError(
                f"{dataset.name} has nobody called {name!r} (did you mean {nearest[0]!r}?): "
                f"its people are {', '.join(dataset.group_names)}"
            )
    return [dataset.group_names.index(name) for name in names]


def _checked(
    dataset: SequenceDataset,
    kind: str,
    train: Rows,
    validation: Rows,
    test: Rows,
) -> Split:
    if len(train) == 0 or len(validation) == 0:
        raise DataError(
            f"the split {kind!r} leaves {len(train)} sequences to train on and {len(validation)} to validate on: both "
            "need at least one; record more, or use other fractions"
        )
    labels = _numpy(dataset.labels)
    unseen = np.setdiff1d(np.unique(labels), np.unique(labels[train]))
    if len(unseen):
        names = ", ".join(dataset.class_names[k] for k in unseen)
        raise DataError(
            f"no training example is left of {names}: only the validation or test part has some; use another "
            "split.seed, smaller fractions, or --split stratified"
        )
    return Split(kind, torch.from_numpy(train), torch.from_numpy(validation), torch.from_numpy(test))


def _numpy(part: Tensor | None) -> Rows:
    if part is None:
        raise DataError("the data set lacks what this split needs")
    return part.numpy().astype(np.int64)
