"""Who is tested in which outer fold, what is refused, and what an interval over people is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from data.errors import DataError
from data.recording import TEST, TRAIN
from data.sequences import SequenceDataset
from tune.config.settings import resolve
from tune.config.spaces import SPACES
from tune.core.problems import SettingsError
from tune.evaluation.evaluate import mean_interval, wilson_interval
from tune.experiments.outer_folds import OuterFold, OuterOptions, plan_folds
from tune.training.splits import splits_of


def dataset_of(people: list[str], n_each: int = 4) -> SequenceDataset:
    """Two classes; everybody performs both of them."""
    labels = torch.arange(2).repeat(len(people) * n_each // 2)
    return SequenceDataset(
        name="drawn",
        kind="gesture",
        values=torch.arange(len(labels), dtype=torch.float32)[:, None],
        lengths=torch.ones(len(labels), dtype=torch.int64),
        labels=labels,
        class_names=("one", "other"),
        channel_names=("value",),
        groups=torch.arange(len(people)).repeat_interleave(n_each),
        group_names=tuple(people),
    )


def planned(dataset: SequenceDataset, *asked: Any, **split: Any) -> list[OuterFold]:
    return plan_folds(dataset, resolve({"split": split}), "mine", OuterOptions(*asked))


@given(n_people=st.integers(3, 25), n_folds=st.none() | st.integers(2, 25), seed=st.integers(0, 9))
def test_everybody_is_tested_in_exactly_one_fold(n_people: int, n_folds: int | None, seed: int) -> None:
    people = [f"person {k}" for k in range(n_people)]
    dataset = dataset_of(people)
    if n_folds is not None and n_folds > n_people:
        with pytest.raises(SettingsError, match="the number of people"):
            planned(dataset, "people", n_folds, seed=seed)
        return
    folds = planned(dataset, "people", n_folds, seed=seed)
    assert len(folds) == (n_folds or min(n_people, 10))
    assert len({fold.study_name.lower() for fold in folds}) == len(folds)
    tested: list[str] = []
    for fold in folds:
        settings = resolve({"split": {"seed": seed}}, fold.layer)
        if n_people - len(settings.split.test_groups) < 2:  # Nobody is left to validate on.
            with pytest.raises(DataError, match="too few to be held out"):
                splits_of(dataset, settings)
            return
        parts = splits_of(dataset, settings)
        test = parts.folds[0].test
        assert test is not None
        assert test.groups is not None
        tested += [dataset.group_names[k] for k in sorted(set(test.groups.tolist()))]
        assert fold.tested == ", ".join(settings.split.test_groups)
    assert sorted(tested) == sorted(people)


def test_names_that_are_no_file_names_or_alike_are_numbered() -> None:
    assert [fold.study_name for fold in planned(dataset_of(["U01", "U02", "a/b c"]), "people")] == [
        "mine-outer-U01",
        "mine-outer-U02",
        "mine-outer-a-b-c",
    ]
    for people in (["ann", "Ann", "Bob"], ["a b", "a/b", "c"], ["§", "b", "c"]):
        names = [fold.study_name.lower() for fold in planned(dataset_of(people), "people")]
        assert len(set(names)) == 3
        assert names[0].startswith("mine-outer-1")


def test_all_architectures_have_a_study_each() -> None:
    fold = planned(dataset_of(["a", "b", "c"]), "people", None, True)[0]
    assert fold.study_names == tuple(f"mine-outer-a-{architecture}" for architecture in SPACES)


OFFICIAL = replace(dataset_of(["a", "b", "c", "d"]), official=torch.tensor([TRAIN, TEST] * 8))
UNKNOWN = replace(dataset_of(["a", "b", "c", "d"]), groups=None, group_names=())


@pytest.mark.parametrize(
    ("dataset", "outer", "split", "sentence"),
    [
        (UNKNOWN, "people", {}, "does not say who performed a sequence (use --outer folds)"),
        (UNKNOWN, "people", {"kind": "stratified"}, "does not say who performed a sequence (use --outer folds)"),
        (dataset_of(["a", "b"]), "people", {}, "needs 3 people, to train, validate and test on; there are 2"),
        (OFFICIAL, "people", {}, "to split all of it anew regardless, add --split group"),
        (OFFICIAL, "folds", {"kind": "official"}, "to split all of it anew regardless, add --split stratified"),
        (dataset_of(["a", "b", "c"]), "people", {"kind": "stratified"}, "cannot go with --split stratified"),
        (dataset_of(["a", "b", "c"]), "folds", {"kind": "group"}, "cannot go with --split group (use --outer people)"),
        (dataset_of(["a", "b", "c"]), "people", {"test_groups": ["a"]}, "is what the outer folds decide"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_a_way_out(
    dataset: SequenceDataset, outer: str, split: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        planned(dataset, outer, None, **split)
    (problem,) = caught.value.problems
    assert sentence in str(problem)


@pytest.mark.parametrize(("outer", "n_folds", "who"), [("people", None, "person"), ("folds", 2, "recording")])
def test_a_class_of_one_alone_is_refused_whoever_is_tested(outer: str, n_folds: int | None, who: str) -> None:
    dataset = dataset_of(["a", "b", "c"])
    labels = torch.cat([dataset.labels[:-1], torch.tensor([2])])
    dataset = replace(dataset, labels=labels, class_names=("one", "other", "rare"))
    with pytest.raises(DataError, match=f"a single {who} has all of rare: "):
        planned(dataset, outer, n_folds)


def test_official_data_is_split_anew_when_asked_for() -> None:
    assert len(planned(OFFICIAL, "people", None, kind="group")) == 4
    folds = planned(OFFICIAL, "folds", 3, kind="stratified")
    assert [fold.layer["split"]["outer_fold"] for fold in folds] == [[1, 3], [2, 3], [3, 3]]


@given(accuracies=st.lists(st.floats(0, 1), min_size=2, max_size=20), n_each=st.integers(1, 200), pooled=st.booleans())
def test_an_interval_over_people_is_as_wide_as_students_and_never_certain(
    accuracies: list[float], n_each: int, pooled: bool
) -> None:
    values, n_people = np.array(accuracies), len(accuracies)
    weights = np.full(n_people, float(n_each)) if pooled else np.ones(n_people)
    interval = mean_interval(values, weights, n_each * n_people)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= values.mean() + 1e-9
    assert values.mean() - 1e-9 <= high <= 1
    half_width = t.ppf(0.975, n_people - 1) * values.std(ddof=1) / n_people**0.5
    # The bootstrap's deviation is known from a thousand resamples.
    assert low <= max(values.mean() - 0.8 * half_width, 0) + 1e-9
    assert high >= min(values.mean() + 0.8 * half_width, 1) - 1e-9
    assert high - low > 0.5 * np.diff(wilson_interval(float(values.mean()), n_each * n_people))[0]


def test_one_person_has_no_interval() -> None:
    assert mean_interval(np.array([0.5]), np.array([1.0]), 10) is None
