"""No person and no recording is ever in two parts; every sequence is in exactly one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.recording import TEST, TRAIN, VALIDATION
from data.sequences import SequenceDataset
from data.splits.split import Split, make_folds, make_outer_split, make_split, outer_folds, resolve_kind

seeds = st.integers(0, 2**32 - 1)


def dataset_of(
    labels: list[int],
    groups: list[int] | None = None,
    recordings: list[int] | None = None,
    official: list[int] | None = None,
) -> SequenceDataset:
    n_people = 0 if groups is None else max(groups) + 1
    return SequenceDataset(
        name="drawn",
        kind="gesture",
        values=torch.arange(len(labels), dtype=torch.float32)[:, None],
        lengths=torch.ones(len(labels), dtype=torch.int64),
        labels=torch.tensor(labels),
        class_names=tuple(f"class {k}" for k in range(max(labels) + 1)),
        channel_names=("value",),
        groups=None if groups is None else torch.tensor(groups),
        group_names=tuple(f"person {k}" for k in range(n_people)),
        recordings=None if recordings is None else torch.tensor(recordings),
        official=None if official is None else torch.tensor(official),
    )


@st.composite
def datasets(draw: st.DrawFn) -> SequenceDataset:
    """Recordings of one class and one person each, cut into windows, the people and classes drawn at random."""
    n_classes, n_people = draw(st.integers(2, 4)), draw(st.integers(1, 8))
    n_recordings = draw(st.integers(n_classes, 30))
    labels, groups, recordings = [], [], []
    for recording in range(n_recordings):
        label = recording if recording < n_classes else draw(st.integers(0, n_classes - 1))
        person = n_people - 1 if recording == 0 else draw(st.integers(0, n_people - 1))
        n_windows = draw(st.integers(1, 3))
        labels += [label] * n_windows
        groups += [person] * n_windows
        recordings += [recording] * n_windows
    return dataset_of(labels, groups, recordings)


def check_partition(dataset: SequenceDataset, split: Split, units: torch.Tensor) -> None:
    parts = (split.train, split.validation, split.test)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(len(dataset)))
    assert all(torch.equal(part, part.sort().values) for part in parts)
    homes = [set(units[part].tolist()) for part in parts]
    assert not homes[0] & homes[1]
    assert not homes[0] & homes[2]
    assert not homes[1] & homes[2]
    assert set(dataset.labels[split.train].tolist()) == set(dataset.labels.tolist())
    assert len(split.train) > 0
    assert len(split.validation) > 0


@given(
    dataset=datasets(),
    kind=st.sampled_from(["group", "stratified"]),
    validation=st.floats(0.05, 0.5),
    test=st.sampled_from([0.0, 0.1, 0.2, 0.4]),
    seed=seeds,
)
def test_every_sequence_is_in_one_part_and_no_unit_in_two(
    dataset: SequenceDataset, kind: str, validation: float, test: float, seed: int
) -> None:
    """Every class can be learned, too; where that is impossible, a sentence says so."""
    units = dataset.groups if kind == "group" else dataset.recordings
    assert units is not None
    try:
        split = make_split(dataset, kind=kind, validation_fraction=validation, test_fraction=test, seed=seed)
    except DataError:
        return
    assert split.kind == kind
    assert (len(split.test) == 0) == (test == 0) or kind == "stratified"
    check_partition(dataset, split, units)


@given(dataset=datasets(), kind=st.sampled_from(["group", "stratified"]), n_folds=st.integers(2, 6), seed=seeds)
def test_every_unit_is_validated_on_in_exactly_one_fold(
    dataset: SequenceDataset, kind: str, n_folds: int, seed: int
) -> None:
    units = dataset.groups if kind == "group" else dataset.recordings
    assert units is not None
    try:
        split = make_split(dataset, kind=kind, seed=seed)
        folds = make_folds(dataset, split, n_folds, seed=seed)
    except DataError:
        return
    assert len(folds) == n_folds
    validated = torch.cat([fold.validation for fold in folds]).sort().values
    rows = torch.cat([split.train, split.validation]).sort().values
    # A unit that alone has a class is always trained on.
    having = [set(units[rows[dataset.labels[rows] == label]].tolist()) for label in range(dataset.n_classes)]
    alone = set.union(*(one for one in having if len(one) == 1), set())
    assert torch.equal(validated, rows[[unit not in alone for unit in units[rows].tolist()]])
    for fold in folds:
        check_partition(dataset, fold, units)
        assert torch.equal(fold.test, split.test)


@given(dataset=datasets(), n_folds=st.integers(2, 6), validation=st.floats(0.05, 0.5), seed=seeds)
def test_every_recording_is_tested_in_exactly_one_outer_fold(
    dataset: SequenceDataset, n_folds: int, validation: float, seed: int
) -> None:
    assert dataset.recordings is not None
    tested = []
    for number in range(1, n_folds + 1):
        try:
            split = make_outer_split(dataset, (number, n_folds), validation_fraction=validation, seed=seed)
        except DataError:
            return
        check_partition(dataset, split, dataset.recordings)
        tested.append(split.test)
    assert torch.equal(torch.cat(tested).sort().values, torch.arange(len(dataset)))


def test_outer_folds_have_their_share_of_every_class_and_of_the_people() -> None:
    dataset = dataset_of([0, 0, 0, 1] * 50, [person for person in range(20) for _ in range(10)])
    for rows in outer_folds(dataset, "stratified", 5, seed=3):
        assert dataset.labels[torch.from_numpy(rows)].bincount().tolist() == [30, 10]
    assert dataset.groups is not None
    tested = [set(dataset.groups[torch.from_numpy(rows)].tolist()) for rows in outer_folds(dataset, "group", 5)]
    assert sorted(person for people in tested for person in people) == list(range(20))


@given(n_people=st.integers(5, 30), n_each=st.integers(1, 4), seed=seeds)
def test_the_asked_share_of_the_people_is_held_out(n_people: int, n_each: int, seed: int) -> None:
    labels = [0, 1] * n_each * n_people
    groups = [person for person in range(n_people) for _ in range(2 * n_each)]
    dataset = dataset_of(labels, groups)
    split = make_split(dataset, kind="group", validation_fraction=0.2, test_fraction=0.2, seed=seed)
    for part in (split.validation, split.test):
        n_held_out = len(set(torch.tensor(groups)[part].tolist()))
        assert abs(n_held_out - 0.2 * n_people) <= 1


@given(n_each=st.integers(5, 60), seed=seeds)
def test_the_asked_share_of_every_class_is_held_out(n_each: int, seed: int) -> None:
    dataset = dataset_of([0, 1, 2] * n_each)
    split = make_split(dataset, kind="stratified", validation_fraction=0.2, test_fraction=0.2, seed=seed)
    for part in (split.validation, split.test):
        counts = dataset.labels[part].bincount(minlength=3)
        assert all(abs(count - 0.2 * n_each) <= 1 for count in counts.tolist())


@given(dataset=datasets(), kind=st.sampled_from(["group", "stratified"]), seed=seeds)
def test_a_seed_gives_the_same_split_every_time(dataset: SequenceDataset, kind: str, seed: int) -> None:
    try:
        one, other = (make_split(dataset, kind=kind, seed=seed) for _ in range(2))
    except DataError:
        return
    assert torch.equal(one.train, other.train)
    assert torch.equal(one.test, other.test)


def test_another_seed_gives_another_split() -> None:
    dataset = dataset_of([0, 1] * 50)
    splits = {tuple(make_split(dataset, kind="stratified", seed=seed).test.tolist()) for seed in range(10)}
    assert len(splits) == 10


def test_folds_of_people_are_about_equally_large() -> None:
    groups = [person for person in range(12) for _ in range(2 * (1 + person % 3))]
    dataset = dataset_of([0, 1] * (len(groups) // 2), groups)
    split = make_split(dataset, kind="group", test_fraction=0.0)
    sizes = [len(fold.validation) for fold in make_folds(dataset, split, 4)]
    assert max(sizes) - min(sizes) <= 6


def test_named_people_form_the_test_part() -> None:
    dataset = dataset_of([0, 1] * 6, [person for person in range(6) for _ in range(2)])
    split = make_split(dataset, kind="group", test_groups=("person 2", "person 5"))
    assert split.test.tolist() == [4, 5, 10, 11]


def test_the_official_test_part_is_left_as_it_is() -> None:
    groups = [person for person in range(6) for _ in range(2)]
    official = [TEST if person in (1, 3) else TRAIN for person in groups]
    dataset = dataset_of([0, 1] * 6, groups, official=official)
    split = make_split(dataset, validation_fraction=0.25)
    assert split.kind == "official"
    assert split.test.tolist() == [2, 3, 6, 7]
    assert len(set(torch.tensor(groups)[split.validation].tolist())) == 1
    check_partition(dataset, split, torch.tensor(groups))


def test_an_official_validation_part_is_used() -> None:
    dataset = dataset_of([0, 1] * 3, official=[TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST])
    split = make_split(dataset, kind="official")
    assert [part.tolist() for part in (split.train, split.validation, split.test)] == [[0, 1], [2, 3], [4, 5]]


def test_auto_takes_the_strictest_there_is() -> None:
    plain, by_person = dataset_of([0, 1]), dataset_of([0, 1], [0, 1])
    assert resolve_kind(plain, "auto") == "stratified"
    assert resolve_kind(by_person, "auto") == "group"
    assert resolve_kind(replace(by_person, official=torch.tensor([0, 2])), "auto") == "official"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "random"}, "must be one of auto, group, stratified, official"),
        ({"kind": "official"}, "no official split: use 'group' or 'stratified'"),
        ({"kind": "group", "test_groups": ["persn 1"]}, "nobody called 'persn 1' .did you mean 'person 1'"),
        ({"kind": "stratified", "test_groups": ["person 1"]}, "use the split 'group'"),
        ({"kind": "group", "validation_fraction": 0.9}, "are too few to be held out"),
        (
            {"kind": "group", "test_groups": [f"person {k}" for k in range(4)]},
            "4 people are too few to be held out: 0 are left",
        ),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: dict[str, object], sentence: str) -> None:
    dataset = dataset_of([0, 1] * 4, [person for person in range(4) for _ in range(2)])
    with pytest.raises(DataError, match=sentence):
        make_split(dataset, **arguments)  # type: ignore[arg-type]


def test_people_cannot_be_held_out_where_they_are_not_known() -> None:
    with pytest.raises(DataError, match="does not say who performed a sequence: use the split 'stratified'"):
        make_split(dataset_of([0, 1] * 5), kind="group")


def test_a_class_that_only_held_out_people_perform_is_named() -> None:
    dataset = dataset_of([0, 0, 0, 1], [0, 1, 2, 3])
    with pytest.raises(DataError, match="no training example is left of class 1"):
        make_split(dataset, kind="group", test_groups=("person 3",))


@pytest.mark.parametrize("n_folds", [0, 1, 5])
def test_there_cannot_be_more_folds_than_people(n_folds: int) -> None:
    dataset = dataset_of([0, 1] * 4, [person for person in range(4) for _ in range(2)])
    split = make_split(dataset, kind="group", test_fraction=0.0)
    with pytest.raises(DataError, match="it must be 2 to 4, the number of people"):
        make_folds(dataset, split, n_folds)
