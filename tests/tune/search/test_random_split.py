"""The random split that a confirmation compares with the one by person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tune.search.random_split import random_parts

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab


def test_the_random_split_mixes_people_and_leaves_the_test_part_alone(new_lab: NewLab) -> None:
    splits = new_lab("study", {}).splits
    mixed = random_parts(splits, 1)
    assert mixed is not None
    (fold,), (before,) = mixed.folds, splits.folds
    assert abs(len(fold.validation) - len(before.validation)) <= splits.dataset.n_classes
    assert len(fold.train) + len(fold.validation) == len(before.train) + len(before.validation)
    assert fold.train.groups is not None
    assert fold.validation.groups is not None
    assert before.test is not None
    assert before.test.groups is not None
    people = set(fold.train.groups.tolist()), set(fold.validation.groups.tolist())
    assert people[0] & people[1]
    assert not (people[0] | people[1]) & set(before.test.groups.tolist())


def test_a_study_without_people_has_no_other_split(new_lab: NewLab) -> None:
    lab = new_lab("study", {"split": {"kind": "stratified"}})
    assert random_parts(lab.splits, 1) is None
