"""What looks wrong with a data set, in sentences that say what it means and what to do; silent where nothing does."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from .sequences import SequenceDataset
from .splits import Split

N_NAMED = 5
# The largest class has this many times the examples of the smallest.
UNEVEN = 10
# Share of the variance of (the logarithm of) the length that the class explains.
LENGTH_TELLS = 0.8
FEW = 4
STEADY = 1e-3


def warnings(dataset: SequenceDataset) -> list[str]:
    """What is suspicious about the recordings themselves, the gravest first."""
    return [
        *_duplicates(dataset),
        *_rare_classes(dataset),
        *_people(dataset),
        *_channels(dataset),
        *_lengths(dataset),
        *_uneven_classes(dataset),
        *_spellings(dataset),
    ]


def duplicates_across(dataset: SequenceDataset, split: Split) -> list[str]:
    """Says how many sequences outside of training are exact copies of training sequences."""
    training = set(split.train.tolist())
    copies = dict.fromkeys(("validation", "test"), 0)
    for rows in duplicates(dataset):
        if training.isdisjoint(rows):
            continue
        for part, others in (("validation", split.validation), ("test", split.test)):
            copies[part] += len(set(others.tolist()) & set(rows))
    return [
        f"of the {part} sequences {n} {'is an exact copy' if n == 1 else 'are exact copies'} of training sequences: "
        f"the {part} score is too good, since what was learned by heart counts too; take the copies out"
        for part, n in copies.items()
        if n
    ]


def duplicates(dataset: SequenceDataset) -> list[list[int]]:
    """Rows of sequences with the very same values, as groups of two or more."""
    rows = defaultdict(list)
    for row, values in enumerate(torch.split(dataset.values, dataset.lengths.tolist())):
        digest = hashlib.blake2b(values.contiguous().numpy().data, digest_size=16).digest()
        rows[digest].append(row)
    return [group for group in rows.values() if len(group) > 1]


def _duplicates(dataset: SequenceDataset) -> list[str]:
    groups = duplicates(dataset)
    if not groups:
        return []
    n_copies = sum(len(group) - 1 for group in groups)
    labels = dataset.labels.tolist()
    torn = [group for group in groups if len({labels[row] for row in group}) > 1]
    are = "is an exact copy of another" if n_copies == 1 else "are exact copies of others"
    sentences = [f"{n_copies:,} of {len(dataset):,} sequences {are}: what is there twice counts twice"]
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
    has = "has one example" if len(single) == 1 else "have one example each"
    return [f"{_some(single)} {has}: it cannot be both learned and judged; record more, or leave it out"]


def _people(dataset: SequenceDataset) -> list[str]:
    if dataset.groups is None:
        return []
    performed = torch.zeros(len(dataset.group_names), dataset.n_classes, dtype=torch.bool)
    performed[dataset.groups, dataset.labels] = True
    one_class = (performed.sum(1) == 1).nonzero().flatten().tolist()
    sentences = []
    if len(one_class) == len(dataset.group_names):
        sentences.append(
            "every person performs one class only: a network can tell the person instead of the movement, and no "
            "score shows it"
        )
    elif one_class:
        names = [dataset.group_names[k] for k in one_class]
        perform = "performs" if len(names) == 1 else "perform"
        sentences.append(
            f"{_some(names)} {perform} one class only: recognising the person is then enough to name the class"
        )
    # A class of one person is never both in training and in test; of a single example more has been said already.
    several = torch.bincount(dataset.labels, minlength=dataset.n_classes) > 1
    alone = [dataset.class_names[k] for k in ((performed.sum(0) == 1) & several).nonzero().flatten().tolist()]
    if alone and len(one_class) < len(dataset.group_names):
        is_performed = "is" if len(alone) == 1 else "are each"
        sentences.append(
            f"{_some(alone)} {is_performed} performed by one person only: where people are held out it cannot be both "
            "learned and judged (--split stratified can)"
        )
    return sentences


def _channels(dataset: SequenceDataset) -> list[str]:
    if dataset.kind == "landmarks":
        # Some are constant by definition: positions are relative to the wrist, or to the shoulders.
        return []
    low, high = _extremes(dataset)
    sentences = []
    overall_low, overall_high = low.amin(0), high.amax(0)
    constant = overall_low == overall_high
    fixed = (low == high).all(0) & ~constant & (int(dataset.lengths.max()) > 1)
    names = dataset.channel_names
    if constant.any():
        values = ", ".join(
            f"{names[k]!r} (always {overall_low[k]:g})" for k in constant.nonzero().flatten().tolist()[:N_NAMED]
        )
        how_many = (
            "a channel never changes and tells" if int(constant.sum()) == 1 else "some channels never change and tell"
        )
        sentences.append(f"{how_many} nothing: {values}")
    if fixed.any():
        listed = _some([names[k] for k in fixed.nonzero().flatten().tolist()])
        sentences.append(
            f"constant within every sequence: {listed}; that tells the recording or the person, not the movement, and "
            "a network will use it: leave it out"
        )
    counting = _counting(dataset) & ~constant & ~fixed
    if counting.any():
        listed = _some([names[k] for k in counting.nonzero().flatten().tolist()])
        sentences.append(
            f"rising by the same amount at every step: {listed}; if it is a time call it 'time', if it is a row number "
            "leave it out"
        )
    return sentences


def _lengths(dataset: SequenceDataset) -> list[str]:
    """A class that can be told by the length alone may say more about how recordings were cut than about movements."""
    log = dataset.lengths.double().log()
    total = (log - log.mean()).square().sum()
    if float(total) == 0.0:
        return []
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
        "--metric macro_f1 does"
    ]


def _spellings(dataset: SequenceDataset) -> list[str]:
    spelled = defaultdict(list)
    for name in dataset.class_names:
        spelled[re.sub(r"[\W_]", "", name.casefold()) or name].append(name)
    return [
        f"{_some(names)} are different classes: if that is a slip of spelling, use one"
        for names in spelled.values()
        if len(names) > 1
    ]


def _extremes(dataset: SequenceDataset) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of each channel in each sequence."""
    owner = torch.repeat_interleave(torch.arange(len(dataset)), dataset.lengths)[:, None].expand_as(dataset.values)
    start = dataset.values.new_zeros(len(dataset), dataset.n_channels)
    low = start.scatter_reduce(0, owner, dataset.values, "amin", include_self=False)
    return low, start.scatter_reduce(0, owner, dataset.values, "amax", include_self=False)


def _counting(dataset: SequenceDataset) -> Tensor:
    """Channels that rise by one and the same amount from each step to the next, in every sequence."""
    steps = dataset.values.diff(dim=0)
    inside = torch.ones(len(dataset.values), dtype=torch.bool)
    inside[dataset.offsets] = False
    steps = steps[inside[1:]]
    if len(steps) < 2:
        return torch.zeros(dataset.n_channels, dtype=torch.bool)
    low, high = steps.amin(0), steps.amax(0)
    return (low > 0) & (high - low <= STEADY * high)


def _label_of_recordings(dataset: SequenceDataset) -> Tensor:
    if dataset.recordings is None:
        return dataset.labels
    label_of = dict(zip(dataset.recordings.tolist(), dataset.labels.tolist(), strict=True))
    return torch.tensor(list(label_of.values()))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - N_NAMED:,} more" if len(names) > N_NAMED else ""
    return ", ".join(map(repr, names[:N_NAMED])) + more
