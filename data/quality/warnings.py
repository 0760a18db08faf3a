"""What looks wrong with a data set, in sentences that say what it means and what to do; silent where nothing does."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import some
from ..layouts.people import without_number
from ..sequences import SequenceDataset
from ..splits.split import Split, by_people
from .channels import channel_warnings
from .copies import near_copies

# The largest class has this many times the examples of the smallest.
UNEVEN = 10
# Fewer are measured at once more often than they are steps in a table that was turned.
MANY_CHANNELS = 16
# Share of the variance of (the logarithm of) the length that the class explains.
LENGTH_TELLS = 0.8
FEW = 4
# A sequence this many times as long as the median one was not cut, or never stopped.
FAR_LONGER = 20
# How missing labels are written; 'none' and 'null' may well be the class in which nothing happens.
MISSING_NAMES = frozenset({"nan", "na", "n/a", "<na>", "?"})

_known: WeakKeyDictionary[SequenceDataset, list[list[int]]] = WeakKeyDictionary()


def warnings(dataset: SequenceDataset, classes_count_the_same: bool = False) -> list[str]:
    """What is suspicious about the recordings themselves, the gravest first.

    Args:
        dataset: All of them.
        classes_count_the_same: Whether the score that decides sees small classes as well as large ones.
    """
    return [
        *_duplicates(dataset),
        *_rare_classes(dataset),
        *_missing_names(dataset),
        *_people(dataset),
        *_steps(dataset),
        *channel_warnings(dataset),
        *_lengths(dataset),
        *(() if classes_count_the_same else _uneven_classes(dataset)),
        *_spellings(dataset),
    ]


def duplicates_across(dataset: SequenceDataset, split: Split) -> list[str]:
    """Says how many sequences outside of training are copies of training sequences, exact or nearly."""
    is_training, is_judged = np.zeros((2, len(dataset)), bool)
    is_training[split.train.numpy()] = True
    exact, near = duplicates(dataset), near_copies(dataset)
    sentences = []
    for part, others in (("validation", split.validation), ("test", split.test)):
        is_judged[:] = False
        is_judged[others.numpy()] = True
        copies = {row for rows in exact if is_training[rows].any() for row in rows if is_judged[row]}
        alike = {row for pair in near if is_training[[*pair]].any() for row in pair if is_judged[row]} - copies
        for n, kind in ((len(copies), "exact"), (len(alike), "near")):
            if n:
                article = "an" if kind == "exact" else "a"
                are = f"is {article} {kind} copy" if n == 1 else f"are {kind} copies"
                how = "" if kind == "exact" else " (rounded, cut or moved by an offset)"
                sentences.append(
                    f"of the {part} sequences {n:,} {are} of training sequences{how}: the {part} score is too good, "
                    "since copies that it has trained on count too; take the copies out"
                )
    return sentences


def people_across(dataset: SequenceDataset, split: Split) -> list[str]:
    """Says how many people a publisher's split has in training and in what is judged."""
    if split.kind != "official" or dataset.groups is None:
        return []
    training = set(dataset.groups[split.train].tolist())
    sentences = []
    for part, rows in (("validation", split.validation), ("test", split.test)):
        people = set(dataset.groups[rows].tolist())
        if people & training:
            sentences.append(
                f"people of the {part} set who are in the training set too, as published: {len(people & training):,} "
                f"of {len(people):,}; for new people expect less (--split group holds people out)"
            )
    return sentences


def classes_missing(dataset: SequenceDataset, kind: str, judged: Mapping[str, Int[Tensor, " sequences"]]) -> list[str]:
    """Says which classes a part does not judge.

    Args:
        dataset: What was split.
        kind: Of the split.
        judged: Labels of ``validation``, with folds of all of them together, and of ``test``, if there is one.
    """
    so = {"validation": "errors there cannot steer the search", "test": "its score says nothing about errors there"}
    counts = torch.bincount(dataset.labels, minlength=dataset.n_classes)
    sentences = []
    for part, labels in judged.items():
        of_part = torch.bincount(labels, minlength=dataset.n_classes)
        missing = ((counts > 0) & (of_part == 0)).nonzero().flatten().tolist()
        if missing and len(labels):
            names = some([dataset.class_names[k] for k in missing])
            sentences.append(f"the {part} set has no {names}{_performers(dataset, kind, missing)}: {so[part]}")
    return sentences


def _performers(dataset: SequenceDataset, kind: str, classes: list[int]) -> str:
    """Who performs these classes, where that is why a part has none of them."""
    if not by_people(dataset, kind) or dataset.groups is None:
        return ""
    people = sorted(set(dataset.groups[torch.isin(dataset.labels, torch.tensor(classes))].tolist()))
    if len(people) > FEW:
        return ""
    perform, them = "performs" if len(people) == 1 else "perform", "it" if len(classes) == 1 else "any of them"
    return f" (only {some([dataset.group_names[k] for k in people])} {perform} {them})"


def duplicates(dataset: SequenceDataset) -> list[list[int]]:
    """Rows of sequences with the very same values, as groups of two or more."""
    if dataset not in _known:
        pieces = [dataset] if dataset.starts is None else map(dataset.packed, dataset.pieces())
        digests = (
            int.from_bytes(hashlib.blake2b(values.contiguous().numpy().data, digest_size=8).digest())
            for piece in pieces
            for values in torch.split(piece.values, piece.lengths.tolist())
        )
        found = np.fromiter(digests, np.uint64, len(dataset))
        _, number, counts = np.unique(found, return_inverse=True, return_counts=True)
        rows = defaultdict(list)
        for row in np.flatnonzero(counts[number] > 1).tolist():
            rows[int(number[row])].append(row)
        _known[dataset] = list(rows.values())
    return _known[dataset]


def _duplicates(dataset: SequenceDataset) -> list[str]:
    groups = duplicates(dataset)
    people = [*range(len(dataset))] if dataset.groups is None else dataset.groups.tolist()
    exact = {row for group in groups for row in group}
    near = [pair for pair in near_copies(dataset) if not exact.issuperset(pair)]
    strangers = [pair for pair in near if dataset.groups is not None and people[pair[0]] != people[pair[1]]]
    about_near = []
    if strangers:
        first, second = (dataset.group_names[people[row]] for row in strangers[0])
        about_near = [
            f"{len(strangers):,} pairs of sequences are nearly the same (rounded, cut or moved by an offset) and of "
            f"different people, such as {first!r} and {second!r}: one of the two is not who it says; holding people "
            "out does not help against copies"
        ]
    if not groups:
        return about_near
    n_copies = sum(len(group) - 1 for group in groups)
    labels = dataset.labels.tolist()
    torn = [group for group in groups if len({labels[row] for row in group}) > 1]
    are = "is an exact copy of another" if n_copies == 1 else "are exact copies of others"
    n_strangers = 0 if dataset.groups is None else sum(len({people[row] for row in group}) > 1 for group in groups)
    across = f", {n_strangers:,} of them across people" if n_strangers else ""
    sentences = [f"{n_copies:,} of {len(dataset):,} sequences {are}{across}: what is there twice counts twice"]
    sentences += about_near
    if torn:
        classes = " and ".join(sorted({repr(dataset.class_names[labels[row]]) for row in torn[0]}))
        count = "one sequence appears" if len(torn) == 1 else f"{len(torn):,} sequences appear"
        sentences.append(
            f"{count} under different classes, such as {classes}: no network can be right about both labels"
        )
    return sentences


def _rare_classes(dataset: SequenceDataset) -> list[str]:
    units = dataset.labels if dataset.recordings is None else _label_of_recordings(dataset)
    counts = torch.bincount(units, minlength=dataset.n_classes)
    single = [dataset.class_names[k] for k in (counts == 1).nonzero().flatten().tolist()]
    if not single:
        return []
    if len(single) == 1:
        return [f"{some(single)} has one example: it cannot be both learned and judged; record more, or leave it out"]
    return [
        f"{some(single)} have one example each: none can be both learned and judged; record more, or leave them out"
    ]


def _people(dataset: SequenceDataset) -> list[str]:
    if dataset.groups is None:
        return []
    performed = torch.zeros(len(dataset.group_names), dataset.n_classes, dtype=torch.bool)
    performed[dataset.groups, dataset.labels] = True
    one_class = (performed.sum(1) == 1).nonzero().flatten().tolist()
    sentences = []
    # Of classes that are left out people may be left who perform nothing.
    n_people = int((performed.sum(1) > 0).sum())
    if len(one_class) == n_people:
        sentences.append(
            "every person performs one class only: a network can tell the person instead of the movement, and no "
            "score shows it"
        )
    elif one_class:
        names = [dataset.group_names[k] for k in one_class]
        perform = "performs" if len(names) == 1 else "perform"
        sentences.append(
            f"{some(names)} {perform} one class only: recognising the person is then enough to name the class"
        )
    # A class of one person is never both in training and in test; of a single example more has been said already.
    several = torch.bincount(dataset.labels, minlength=dataset.n_classes) > 1
    alone = [dataset.class_names[k] for k in ((performed.sum(0) == 1) & several).nonzero().flatten().tolist()]
    if alone and len(one_class) < n_people:
        is_performed, it = ("is", "it") if len(alone) == 1 else ("are each", "none of them")
        can = "cannot" if len(alone) == 1 else "can"
        sentences.append(
            f"{some(alone)} {is_performed} performed by one person only: where people are held out {it} {can} be both "
            "learned and judged (--split stratified can)"
        )
    return sentences


def _steps(dataset: SequenceDataset) -> list[str]:
    """Tables that were turned or read the wrong way round, and recordings that never stopped."""
    lengths, longest = dataset.lengths, int(dataset.lengths.max())
    if longest == 1:
        return [
            "every sequence is a single step: a network of sequences has nothing to follow; if a row holds a whole "
            "sequence, its columns being the steps, write a row for every step"
        ]
    sentences = []
    if dataset.kind != "landmarks" and MANY_CHANNELS < dataset.n_channels > longest:
        sentences.append(
            f"{dataset.n_channels} channels and {longest} steps at most: are these {longest} channels and "
            f"{dataset.n_channels} steps? Then save X.transpose(0, 2, 1), or turn the tables"
        )
    n_single = int((lengths == 1).sum())
    if n_single:
        sentences.append(f"{n_single:,} of {len(lengths):,} sequences are a single step: is that all of the movement?")
    median = int(lengths.median())
    n_longer = int((lengths > FAR_LONGER * median).sum())
    if n_longer:
        sentences.append(
            f"{n_longer:,} of {len(lengths):,} sequences are more than {FAR_LONGER} times as long as the median of "
            f"{median:,} steps, up to {longest:,}: were these cut to the movement?"
        )
    return sentences


def _lengths(dataset: SequenceDataset) -> list[str]:
    """A class that can be told by the length alone may say more about how recordings were cut than about movements."""
    if int(dataset.lengths.min()) == int(dataset.lengths.max()):
        return []
    log = dataset.lengths.double().log()
    total = (log - log.mean()).square().sum()
    counts = torch.bincount(dataset.labels, minlength=dataset.n_classes)
    if int(counts.min()) < FEW:
        return []
    means = torch.zeros(dataset.n_classes, dtype=torch.double).index_add_(0, dataset.labels, log) / counts
    explained = 1 - float((log - means[dataset.labels]).square().sum() / total)
    if explained <= LENGTH_TELLS:
        return []
    shortest, longest = (dataset.class_names[int(k)] for k in (means.argmin(), means.argmax()))
    return [
        f"lengths tell the classes apart ({explained:.0%} of their variance; {shortest!r} is the shortest, {longest!r} "
        "the longest): a network may learn how recordings were cut instead of the movement"
    ]


def _uneven_classes(dataset: SequenceDataset) -> list[str]:
    counts = torch.bincount(dataset.labels, minlength=dataset.n_classes)
    most, fewest = int(counts.argmax()), int(counts.argmin())
    if int(counts[most]) < UNEVEN * int(counts[fewest]):
        return []
    return [
        f"classes are uneven, {dataset.class_names[most]!r} with {int(counts[most]):,} sequences and "
        f"{dataset.class_names[fewest]!r} with {int(counts[fewest]):,}: accuracy hardly sees the small ones, "
        "--metric balanced_accuracy does"
    ]


def _spellings(dataset: SequenceDataset) -> list[str]:
    spelled = defaultdict(list)
    for name in dataset.class_names:
        spelled[re.sub(r"[\W_]", "", name.casefold()) or name].append(name)
    return [
        f"{some(names)} are different classes: if that is a slip of spelling, use one"
        for names in spelled.values()
        if len(names) > 1
    ] + _numbered(dataset)


def _numbered(dataset: SequenceDataset) -> list[str]:
    """Classes such as ``dws_1`` and ``dws_2``, which may be takes of one."""
    alike = defaultdict(list)
    for name in dataset.class_names:
        alike[without_number(name)].append(name)
    several = [names for stem, names in alike.items() if len(names) > 1 and stem]
    if len(alike) < 2 or not several:
        return []
    stem = without_number(several[0][0])
    return [
        f"{some(several[0])} differ by a number only and are different classes: if they are takes of one class, put "
        f"them into one folder ({stem}/{several[0][0]}, {stem}/{several[0][1]}) or give them one label"
    ]


def _missing_names(dataset: SequenceDataset) -> list[str]:
    named = [name for name in (*dataset.class_names, *dataset.group_names) if name.lower() in MISSING_NAMES]
    return (
        [f"{some(named)} is taken for a name: if it stands for a label that is missing, take the sequences out"]
        if named
        else []
    )


def _label_of_recordings(dataset: SequenceDataset) -> Tensor:
    if dataset.recordings is None:
        return dataset.labels
    pairs = set(zip(dataset.recordings.tolist(), dataset.labels.tolist(), strict=True))
    if len(pairs) > len({recording for recording, _ in pairs}):
        return dataset.labels  # Streams, of which one may have many examples of a class.
    return torch.tensor([label for _, label in sorted(pairs)])
