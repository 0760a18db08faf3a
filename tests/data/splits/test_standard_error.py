"""Folds where one validation set cannot tell configurations apart, and none where it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.recording import TEST, TRAIN, VALIDATION
from data.splits.split import make_folds, make_split
from data.splits.standard_error import MOST_FOLDS, RESOLUTION, needed_folds, standard_error
from tests.data.splits.test_split import dataset_of


def folds_of(n_people: int, n_each: int) -> tuple[int, list[str]]:
    dataset = dataset_of([0, 1] * n_each * n_people, [person for person in range(n_people) for _ in range(2 * n_each)])
    return needed_folds(dataset, make_split(dataset))


def test_the_standard_error_is_that_of_a_binomial_where_nothing_is_alike() -> None:
    assert standard_error(100, 100, 0.02) == pytest.approx(0.03)
    assert standard_error(400, 4, 0.0) == pytest.approx(0.015)


def test_sequences_that_are_wholly_alike_count_once() -> None:
    assert standard_error(1000, 25, 1.0) == pytest.approx(standard_error(25, 25, 1.0))


@given(n=st.integers(1, 10**6), n_units=st.integers(1, 1000), alike=st.floats(0.0, 1.0), factor=st.integers(2, 9))
def test_more_of_anything_is_never_told_worse(n: int, n_units: int, alike: float, factor: int) -> None:
    n = max(n, n_units)
    of_one = standard_error(n, n_units, alike)
    assert standard_error(factor * n, factor * n_units, alike) < of_one
    assert standard_error(factor * n, n_units, alike) <= of_one * (1 + 1e-9)
    assert standard_error(n, n_units, alike) >= standard_error(n, n_units, 0.0)


@given(n_people=st.integers(4, 40), n_each=st.integers(1, 40), factor=st.integers(2, 8))
def test_more_sequences_of_the_same_people_need_no_more_folds(n_people: int, n_each: int, factor: int) -> None:
    few, more = folds_of(n_people, n_each)[0], folds_of(n_people, factor * n_each)[0]
    assert more <= few <= MOST_FOLDS
    assert few != 1


@given(n_each=st.integers(3, 400), n_classes=st.integers(2, 5), fraction=st.floats(0.05, 0.6))
def test_random_splits_need_folds_up_to_a_hundred_validation_sequences(
    n_each: int, n_classes: int, fraction: float
) -> None:
    dataset = dataset_of([*range(n_classes)] * n_each)
    split = make_split(dataset, validation_fraction=fraction, test_fraction=0.2)
    n_folds, said = needed_folds(dataset, split)
    assert (n_folds > 0) == (len(split.validation) < 0.09 / RESOLUTION**2) == bool(said)
    if n_folds:
        folds = make_folds(dataset, split, n_folds)
        assert 2 <= len(folds) <= MOST_FOLDS


def test_two_people_who_judge_are_too_few_however_many_sequences_they_have() -> None:
    n_folds, (said,) = folds_of(8, 200)
    assert n_folds == 3  # Two of six people, as many as in the validation set.
    assert said == (
        "800 validation sequences of 2 people cannot tell an accuracy of 90% from 84% (standard error 3.2 points): "
        "every trial is judged by 3 folds, on 2,400 sequences of 6 people (1.8 points), and trains 3 networks; "
        "--folds 0 trains one"
    )


def test_hundreds_of_sequences_of_many_people_judge_by_themselves() -> None:
    assert folds_of(40, 30) == (0, [])


def test_the_windows_of_a_recording_count_as_one() -> None:
    recordings = [recording for recording in range(60) for _ in range(50)]
    dataset = dataset_of([recording % 3 for recording in recordings], recordings=recordings)
    n_folds, (said,) = needed_folds(dataset, make_split(dataset))
    assert n_folds == 5
    assert said.startswith("600 validation sequences of 12 recordings cannot tell an accuracy of 90% from 73%")


def test_a_published_test_part_stays_and_folds_are_of_the_rest() -> None:
    """As in the archive's pairs of files."""
    dataset = dataset_of([0, 1] * 40, official=[TRAIN] * 40 + [TEST] * 40)
    split = make_split(dataset)
    n_folds, _ = needed_folds(dataset, split)
    assert n_folds == 5
    for fold in make_folds(dataset, split, n_folds):
        assert fold.test.tolist() == [*range(40, 80)]
        assert len(fold.validation) == 8


def test_a_published_validation_part_is_what_judges() -> None:
    dataset = dataset_of([0, 1] * 9, official=[TRAIN] * 6 + [VALIDATION] * 6 + [TEST] * 6)
    assert needed_folds(dataset, make_split(dataset)) == (0, [])


def test_too_few_people_for_folds_are_named() -> None:
    """Each of two has a class to themselves, so that only one can be held out."""
    dataset = dataset_of([0, 0, 0, 1, 0, 2], [0, 0, 1, 1, 2, 2])
    split = make_split(dataset, kind="group", test_fraction=0.0)
    n_folds, (said,) = needed_folds(dataset, split)
    assert n_folds == 0
    assert "too few people for folds" in said
