"""Seeded train, validation and test sets that cannot share a person or a recording.

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

from ..errors import DataError
from ..recording import TEST, TRAIN, VALIDATION
from ..sequences import SequenceDataset
from .assignment import ALWAYS_TRAINED, share_out, share_out_folds

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

    People are drawn; where a part would lack a class or much of its share, others are found by ``share_out``.

    Args:
        dataset: What to cut.
        kind: One of ``SPLIT_KINDS``.
        validation_fraction: Share of the units (of the official training set, for ``official``) for validation.
        test_fraction: Share of the units for test; 0 leaves the test set empty. ``official`` ignores it.
        test_groups: Names of the people that form the test set, instead of a drawn share; for ``group`` only.
        seed: Draws the units.

    Raises:
        DataError: If a part would be empty, a class would have no training example, or a person is not known.
    """
    kind = resolve_kind(dataset, kind)
    train, validation, test = _drawn(dataset, kind, validation_fraction, test_fraction, test_groups, seed)
    if by_people(dataset, kind) and not has_published_validation(dataset, kind):
        is_test_given = kind == "official" or bool(test_groups)
        rows = np.sort(np.concatenate([train, validation, *([] if is_test_given else [test])]))
        groups = _numpy(dataset.groups)[rows]
        people, counts = _counts(dataset, rows, groups)
        drawn = np.where(np.isin(people, groups[np.isin(rows, validation)]), 1, 0)
        drawn[np.isin(people, groups[np.isin(rows, test)])] = 2
        part = share_out(counts, drawn, np.random.default_rng([seed, 2]))[np.searchsorted(people, groups)]
        train, validation = rows[part == 0], rows[part == 1]
        test = test if is_test_given else rows[part == 2]
    return _checked(dataset, kind, train, validation, test)


def drawn_split(
    dataset: SequenceDataset,
    *,
    kind: str = "auto",
    validation_fraction: float = 0.2,
    test_fraction: float = 0.2,
    test_groups: Sequence[str] = (),
    seed: int = 0,
) -> Split:
    """As ``make_split``, with people as they are drawn, whatever they perform."""
    kind = resolve_kind(dataset, kind)
    parts = _drawn(dataset, kind, validation_fraction, test_fraction, test_groups, seed)
    return _checked(dataset, kind, *parts)


def has_published_validation(dataset: SequenceDataset, kind: str) -> bool:
    """Whether the validation set of this split is the publisher's."""
    return kind == "official" and bool((_numpy(dataset.official) == VALIDATION).any())


def make_outer_split(
    dataset: SequenceDataset, fold: tuple[int, int], *, validation_fraction: float = 0.2, seed: int = 0
) -> Split:
    """A stratified split whose test set is one of the ``outer_folds``.

    Args:
        dataset: What to cut.
        fold: Its number, from 1 on, and how many there are.
        validation_fraction: Share of the units of the whole for validation.
        seed: Draws the units; with the same one the test sets of all folds are the whole.

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
    """The test sets of a nested evaluation, as sorted row numbers: every unit is in exactly one of them.

    Raises:
        DataError: If there are fewer units than folds, or a class would have no training example.
    """
    check_all_can_be_tested(dataset, kind)
    nothing = torch.arange(0)
    everything = Split(kind, torch.arange(len(dataset)), nothing, nothing)
    return [_numpy(fold.validation) for fold in make_folds(dataset, everything, n_folds, seed=seed)]


def check_all_can_be_tested(dataset: SequenceDataset, kind: str) -> None:
    """Whether every class can be learned whoever, or whatever, is left out.

    Raises:
        DataError: If a single person, or recording, has all of a class.
    """
    units, classes = units_of(dataset, kind, np.arange(len(dataset)))
    pairs = np.unique(np.stack([units, classes]), axis=1)
    if len(rare := np.flatnonzero(np.bincount(pairs[1]) == 1)):
        names = ", ".join(dataset.class_names[k] for k in rare)
        who = "person" if by_people(dataset, kind) else "recording"
        raise DataError(
            f"a single {who} has all of {names}: that cannot be both learned and tested; record more, or leave it out"
        )


def make_folds(
    dataset: SequenceDataset, split: Split, n_folds: int, *, seed: int = 0, balanced: bool = True
) -> list[Split]:
    """Cross-validation inside a split: train and validation together are cut into folds, test stays what it is.

    Every unit is in the validation set of exactly one fold, but those that alone have a class: they are always
    trained on. People are shared out so that folds have about the same number of sequences and, if they can, every
    class; recordings so that each class is spread evenly.

    Args:
        dataset: What ``split`` was made from.
        split: Gives the test set and the kind of unit.
        n_folds: At least 2, at most the number of units.
        seed: Draws the folds.
        balanced: False leaves people as drawn.

    Raises:
        DataError: If there are fewer units than folds, or a class would have no training example in a fold.
    """
    rows = np.sort(np.concatenate([_numpy(split.train), _numpy(split.validation)]))
    units, unit_classes = units_of(dataset, split.kind, rows)
    everyone = np.unique(units)
    names = np.setdiff1d(everyone, alone_with_a_class(units, unit_classes))
    if not 2 <= n_folds <= len(names):
        what = "people" if by_people(dataset, split.kind) else "recordings"
        raise DataError(f"{n_folds} folds asked for: it must be 2 to {len(names)}, the number of {what} to train on")
    rng = np.random.default_rng([seed, 1])
    fold_of_unit = dict.fromkeys(everyone.tolist(), ALWAYS_TRAINED)
    if by_people(dataset, split.kind):
        sizes = np.zeros(n_folds)
        people = rng.permutation(names)
        for person in people[np.argsort([-np.sum(units == person) for person in people], kind="stable")].tolist():
            smallest = int(np.argmin(sizes))
            fold_of_unit[person] = smallest
            sizes[smallest] += np.sum(units == person)
    else:
        position = 0
        for one_class in np.unique(unit_classes):
            of_class = np.unique(units[unit_classes == one_class])
            for unit in rng.permutation(of_class[np.isin(of_class, names)]).tolist():
                fold_of_unit[unit] = position % n_folds
                position += 1
    if balanced and by_people(dataset, split.kind):
        _, counts = _counts(dataset, rows, units)
        drawn = np.array([fold_of_unit[person] for person in everyone.tolist()])
        shared = share_out_folds(counts, drawn, np.random.default_rng([seed, 3]))
        fold_of_unit = dict(zip(everyone.tolist(), shared.tolist(), strict=True))
    fold = np.array([fold_of_unit[unit] for unit in units.tolist()])
    test = _numpy(split.test)
    return [_checked(dataset, split.kind, rows[fold != k], rows[fold == k], test) for k in range(n_folds)]


def by_people(dataset: SequenceDataset, kind: str) -> bool:
    """Whether a split assigns people; else recordings."""
    return kind != "stratified" and dataset.groups is not None


def units_of(dataset: SequenceDataset, kind: str, rows: Rows) -> tuple[Rows, Rows]:
    """The unit and the class of each row; a recording with several classes counts as its most frequent one."""
    labels = _numpy(dataset.labels)
    if by_people(dataset, kind):
        units = _numpy(dataset.groups)
    elif dataset.recordings is not None:
        units = _numpy(dataset.recordings)
        names, unit = np.unique(units, return_inverse=True)
        counts = np.zeros((len(names), dataset.n_classes), dtype=np.int64)
        np.add.at(counts, (unit, labels), 1)
        labels = counts.argmax(axis=1)[unit]
    else:
        units = np.arange(len(dataset))
    return units[rows], labels[rows]


def _counts(dataset: SequenceDataset, rows: Rows, units: Rows) -> tuple[Rows, Int[Rows, "units classes"]]:
    """The units of these rows, and how many sequences of each class each of them has."""
    names, unit = np.unique(units, return_inverse=True)
    counts = np.zeros((len(names), dataset.n_classes), dtype=np.int64)
    np.add.at(counts, (unit, _numpy(dataset.labels)[rows]), 1)
    return names, counts


def alone_with_a_class(units: Rows, classes: Rows) -> Rows:
    """Units that alone have some class: it could not be learned without them."""
    pairs = np.unique(np.stack([units, classes]), axis=1)
    alone: Rows = pairs[0, np.bincount(pairs[1])[pairs[1]] == 1]
    return alone


def _draw(
    dataset: SequenceDataset,
    kind: str,
    rows: Rows,
    fraction: float,
    rng: np.random.Generator,
) -> Rows:
    """Draws units for a held-out part: some people, or the same share of every class's recordings."""
    units, classes = units_of(dataset, kind, rows)
    if by_people(dataset, kind):
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


def _drawn(
    dataset: SequenceDataset,
    kind: str,
    validation_fraction: float,
    test_fraction: float,
    test_groups: Sequence[str],
    seed: int,
) -> tuple[Rows, Rows, Rows]:
    """Train, validation and test."""
    if test_groups and kind != "group":
        raise DataError(f"people to test on are named, but the split is {kind!r}: use the split 'group'")
    rng = np.random.default_rng([seed, 0])
    everything = np.arange(len(dataset))
    if kind == "official":
        part = _numpy(dataset.official)
        test, rest, given = everything[part == TEST], everything[part == TRAIN], everything[part == VALIDATION]
        if len(given):
            return rest, given, test
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
    return np.setdiff1d(rest, validation), validation, test


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
            f"no training example is left of {names}: only the validation or test set has some; let "
            "others be held out, smaller fractions, or mix people over all parts: --split stratified"
        )
    return Split(kind, torch.from_numpy(train), torch.from_numpy(validation), torch.from_numpy(test))


def _numpy(part: Tensor | None) -> Rows:
    if part is None:
        raise DataError("the data set lacks what this split needs")
    return part.numpy().astype(np.int64)
