"""A forest on simple features: what it is given, and what it says of easy and of impossible data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tune.evaluation.forest import QUANTILES, forest_scores, simple_features

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab


def test_features_are_of_the_real_steps(new_lab: NewLab) -> None:
    part = new_lab("study").splits.folds[0].train
    features = simple_features(part)
    assert features.shape == (len(part), part.n_channels * (3 + len(QUANTILES)) + 1)
    first = part.sequence(0).numpy()
    assert features[0, :2] == pytest.approx(first.mean(axis=0))
    assert features[0, -1] == len(first)
    assert features[0, -3:-1] == pytest.approx(np.abs(np.diff(first, axis=0)).mean(axis=0))
    assert torch.equal(torch.from_numpy(features[:, -1]).long(), part.lengths)


def test_it_tells_levels_apart_and_comes_out_the_same_again(new_lab: NewLab) -> None:
    splits = new_lab("study").splits
    scores, seconds = forest_scores(splits, "validation", seed=1)
    assert scores["accuracy"] > 0.8
    assert 0 < scores["loss"] < np.log(3)
    assert seconds > 0
    assert forest_scores(splits, "validation", seed=1)[0] == scores
