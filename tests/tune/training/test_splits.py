"""Data is cut once, prepared once for each normalisation, and what is judged never trains the normaliser."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from data.errors import DataError
from data.tensors.augment import Augmentation
from data.tensors.channels import Preparation, fit_normaliser
from tests.data.splits.test_split import dataset_of
from tune.config.schema import SplitSettings
from tune.config.settings import resolve
from tune.core.problems import SettingsError
from tune.training.splits import cut, describe_data, describe_split, load_splits, settled, source_of, splits_of

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab
    from tune.config.settings import Settings
    from tune.training.splits import Splits


def test_a_part_is_prepared_once(splits: Splits) -> None:
    one = splits.prepared(0, "train", Preparation("both"))
    assert splits.prepared(0, "train", Preparation("both")) is one
    assert splits.prepared(0, "train", Preparation("global")) is not one
    assert one.n_channels == 4
    assert splits.prepared(0, "train", Preparation("both", "differences")).n_channels == 8


def test_only_the_training_part_is_varied_and_every_epoch_in_another_way(splits: Splits) -> None:
    plain, preparation = Augmentation(), Preparation()
    prepared = splits.prepared(0, "train", preparation)
    assert splits.training_epoch(0, preparation, plain, seed=1, epoch=1) is prepared
    noisy = [splits.training_epoch(0, preparation, Augmentation(jitter=0.1), seed=1, epoch=e) for e in (1, 1, 2)]
    assert torch.equal(noisy[0].values, noisy[1].values)
    assert not torch.equal(noisy[0].values, noisy[2].values)
    assert not torch.equal(noisy[0].values, prepared.values)
    # Noise of a tenth of a deviation stays one after the channels were normalised.
    assert float((noisy[0].values - prepared.values).std()) == pytest.approx(0.1, rel=0.1)


def test_the_normaliser_is_that_of_the_training_part(new_lab: NewLab) -> None:
    splits = new_lab("study", {"split": {"folds": 2}}).splits
    for number, fold in enumerate(splits.folds):
        assert torch.equal(splits.normaliser(number, "none").mean, fit_normaliser(fold.train).mean)
        # The measured channels come first, whatever is derived from them.
        torch.testing.assert_close(splits.normaliser(number, "both").mean[:2], fit_normaliser(fold.train).mean)


def test_the_embedded_data_set_is_loaded_and_cut_by_person() -> None:
    splits = load_splits(resolve({"data": {"classes": 3}, "split": {"folds": 0}}))
    assert splits.dataset.n_classes == 3
    assert splits.split.kind == "group"
    (fold,) = splits.folds
    assert fold.test is not None
    people = [set(part.groups.tolist()) for part in (fold.train, fold.validation, fold.test) if part.groups is not None]
    assert len(people) == 3
    assert sum(map(len, people)) == len(set.union(*people))


def test_folds_share_their_test_part() -> None:
    splits = load_splits(resolve({"data": {"classes": 2}, "split": {"folds": 3}}))
    tests = [fold.test for fold in splits.folds]
    assert len(tests) == 3
    assert all(test is not None and test.fingerprint == tests[0].fingerprint for test in tests if tests[0] is not None)


def test_as_many_folds_as_the_data_needs_are_settled_once_and_said() -> None:
    splits = load_splits(resolve(open_settings := {"data": {"classes": 2}}))
    assert resolve(open_settings).split.folds is None
    assert len(splits.folds) == 4
    (said,) = [note for note in splits.dataset.notes if "folds" in note]
    assert "of 2 people cannot tell an accuracy of 90% from" in said
    settings, _ = settled(resolve(open_settings), splits)
    assert settings.split.folds == 4
    again = load_splits(settings)
    assert [one.validation.fingerprint for one in again.folds] == [one.validation.fingerprint for one in splits.folds]
    assert not any("folds" in note for note in again.dataset.notes)


def test_where_folds_would_lose_a_class_one_split_judges_and_that_is_said() -> None:
    """Each two of ten people have a class to themselves: of folds of two people, any would lose one."""
    pairs = list(combinations(range(10), 2))
    people, labels = [one for pair in pairs for one in pair], [label for label in range(len(pairs)) for _ in range(2)]
    dataset = dataset_of(labels, people)
    found = cut(dataset, SplitSettings(kind="group", test_fraction=0.0))
    assert len(found.splits) == 1
    assert "with 5 folds no training example is left of class" in found.about_folds[0]
    with pytest.raises(DataError, match="no training example is left"):
        cut(dataset, SplitSettings(kind="group", test_fraction=0.0, folds=5))


def test_no_folds_are_settled_as_a_single_split(splits: Splits, settings: Settings) -> None:
    assert settled(resolve(settings.model_dump(mode="json"), {"split": {"folds": None}}), splits)[0].split.folds == 0


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ({"dataset": "wach"}, "did you mean 'watch'"),
        ({"data": {"classes": 100}}, "the first 100 classes are asked for: watch has 7"),
        ({"split": {"kind": "official"}}, "no official split"),
        ({"split": {"test_groups": ["nobody"]}}, "nobody called"),
    ],
)
def test_what_the_data_cannot_give_is_a_sentence(layer: dict[str, object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        load_splits(resolve(layer))


def test_the_folder_of_the_recordings_is_the_setting_or_else_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUNE_DATA", "/from/environment")
    assert source_of(resolve()).data_path == Path("/from/environment")
    assert source_of(resolve({"data": {"path": "~/mine"}})).data_path == Path.home() / "mine"
    monkeypatch.delenv("SEQTUNE_DATA")
    assert source_of(resolve()).data_path is None


def test_data_and_split_are_described_in_plain_json(settings: Settings, splits: Splits) -> None:
    data = json.loads(json.dumps(describe_data(settings, splits)))
    assert data["class_names"] == ["low", "middle", "high"]
    assert data["normalisers"][0]["mean"] == pytest.approx(splits.normaliser(0, "both").mean.tolist())
    assert data["normalisers"][0]["channel_names"] == ["level", "noise", "level, change a step", "noise, change a step"]
    split = json.loads(json.dumps(describe_split(settings, splits)))
    (described,) = split["parts"]
    n_sequences = sum(described[name]["n_sequences"] for name in ("train", "validation", "test"))
    assert n_sequences == len(splits.dataset)
    people = [set(described[name]["people"]) for name in ("train", "validation", "test")]
    assert sum(map(len, people)) == len(set.union(*people)) == 6


def test_the_recordings_are_resampled_where_that_is_asked_for() -> None:
    layer = {"data": {"classes": 2, "resample_hz": 25.0}}
    halved = load_splits(resolve(layer)).dataset
    assert halved.sample_rate_hz == 25.0
    assert set(halved.lengths.tolist()) == {100}
    assert set(load_splits(resolve({"data": {"classes": 2, "resample_length": 30}})).dataset.lengths.tolist()) == {30}


def test_two_ways_to_resample_are_one_too_many() -> None:
    with pytest.raises(SettingsError, match=r"cannot go with data\.resample_length"):
        resolve({"data": {"resample_hz": 25.0, "resample_length": 30}})


def test_only_the_last_preparation_is_kept(splits: Splits) -> None:
    for normalisation in ("global", "instance", "both"):
        splits.prepared(0, "train", Preparation(normalisation))
    assert len(splits._prepared) == 1


def test_a_streamed_data_set_has_one_normaliser_for_all_that_can_be_derived(new_lab: NewLab) -> None:
    splits = new_lab("study", {"split": {"folds": 2}}).splits
    table = replace(splits.dataset, starts=splits.dataset.offsets)
    streamed = splits_of(table, resolve({"split": {"folds": 2}}))
    whole = splits_of(splits.dataset, resolve({"split": {"folds": 2}}))
    for derived in ("none", "differences", "magnitude", "both"):
        for fold in range(2):
            one, other = (each.normaliser(fold, derived) for each in (streamed, whole))
            assert torch.equal(one.mean, other.mean)
            assert torch.equal(one.deviation, other.deviation)
