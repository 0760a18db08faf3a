"""What means nothing for a data set is not searched, and that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from data.timeline import Timeline
from tests.tune.conftest import make_toy
from tune.config.settings import resolve
from tune.config.suitability import fitted, suited

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab


def test_without_three_axes_there_is_nothing_to_rotate(new_lab: NewLab) -> None:
    lab = new_lab("study")
    settings, said = suited(lab.settings, lab.splits.dataset)
    searched, fixed = settings.ranges()
    assert fixed["rotation"] == 0.0
    assert searched["derived_channels"].choices == ("none", "differences")  # type: ignore[attr-defined]
    assert any("rotation is left out" in sentence for sentence in said)
    assert suited(settings, lab.splits.dataset) == (settings, [])


def test_with_three_axes_everything_stays(new_lab: NewLab) -> None:
    lab = new_lab("study")
    dataset = lab.splits.dataset
    spatial = replace(dataset, values=dataset.values[:, [0, 1, 1]], channel_names=("acc_x", "acc_y", "acc_z"))
    settings, said = suited(lab.settings, spatial)
    assert said == []
    assert settings.space["shared"] == {**lab.settings.space["shared"], "flip": False, "class_balance": "none"}


def test_kernels_span_no_more_than_the_data_has(new_lab: NewLab) -> None:
    lab = new_lab("study", {"architecture": "minirocket"})
    longer = make_toy()
    longer = longer.subset(torch.arange(len(longer))[longer.lengths < 9])
    many = replace(longer, values=longer.values.repeat(5, 1), lengths=5 * longer.lengths)
    for dataset, found in ((longer, 9), (many, {"low": 9, "high": 40, "log": True})):
        settings, said = suited(lab.settings, dataset)
        assert settings.space["minirocket"]["receptive_field"] == found
        assert said == []
        assert suited(settings, dataset) == (settings, [])
    one_long = torch.cat([5 * longer.lengths[1:], torch.tensor([900])])
    outlier = replace(longer, values=torch.zeros(int(one_long.sum()), 2), lengths=one_long)
    settings, _ = suited(lab.settings, outlier)
    span = settings.space["minirocket"]["receptive_field"]
    assert isinstance(span, dict)
    assert span["high"] == 4 * int(one_long.median())


def test_of_many_sequences_fewer_features_are_counted(new_lab: NewLab) -> None:
    lab = new_lab("study", {"architecture": "minirocket"})
    for n_people, found in ((6, [2_500, 5_000, 10_000]), (600, [2_500, 5_000]), (2_500, 2_500)):
        settings, said = suited(lab.settings, make_toy(n_people))
        assert settings.space["minirocket"]["n_features"] == found
        assert said == []


def test_a_fixed_choice_is_replaced_by_what_it_comes_to(new_lab: NewLab) -> None:
    lab = new_lab("study", {"space": {"shared": {"derived_channels": "both", "rotation": 0.0}}})
    settings, said = suited(lab.settings, lab.splits.dataset)
    assert settings.space["shared"]["derived_channels"] == "differences"
    assert said == []


def test_a_single_channel_is_never_dropped(new_lab: NewLab) -> None:
    lab = new_lab("study")
    dataset = lab.splits.dataset
    single = replace(dataset, values=dataset.values[:, :1], channel_names=("level",))
    settings, _ = suited(resolve(), single)
    assert settings.space["shared"]["channel_dropout"] == 0.0
    assert suited(resolve(), dataset)[0].space["shared"]["channel_dropout"] != 0.0


def test_a_study_that_goes_on_keeps_what_it_was_begun_with(new_lab: NewLab) -> None:
    """The defaults, which an earlier version stored as they were, are no other settings than those it began with."""
    dataset = new_lab("study").splits.dataset
    old = resolve({"training": {"epochs": 12, "patience": 6}}).model_dump(mode="json")
    assert fitted(resolve(old), dataset, 24, old)[0] == resolve(old)
    begun, said = fitted(resolve(), dataset, 24, None)
    assert any("24 sequences" in sentence for sentence in said)
    stored = begun.model_dump(mode="json")
    for again in (resolve(stored), resolve()):  # Without settings, and with those that `tune config` prints.
        assert fitted(again, dataset, 24, stored)[0] == begun
    longer, _ = fitted(resolve(stored, {"training": {"epochs": 99}}), dataset, 24, stored)
    assert longer.training.epochs == 99


def test_classes_are_balanced_where_they_are_uneven_and_count_the_same(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"metric": "balanced_accuracy"}})
    even = lab.splits.dataset
    uneven = replace(even, labels=(torch.arange(len(even)) % 5 == 0).long())
    assert "class_balance" in suited(lab.settings, uneven)[0].ranges()[0]
    assert suited(lab.settings, even)[0].ranges()[1]["class_balance"] == "none"
    by_accuracy = new_lab("other").settings
    assert suited(by_accuracy, uneven)[0].ranges()[1]["class_balance"] == "none"
    asked = resolve({"space": {"shared": {"class_balance": "weights"}}})
    assert suited(asked, even)[0].ranges()[1]["class_balance"] == "weights"


def test_false_alarms_are_for_streams_with_a_null_class(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"false_alarms_per_hour": 5.0}})
    dataset = lab.splits.dataset
    _, said = suited(lab.settings, dataset)
    assert any("search.false_alarms_per_hour means nothing" in sentence for sentence in said)
    n = len(dataset)
    timeline = Timeline(torch.zeros(n, dtype=torch.long), torch.arange(n).double(), np.empty((0, 4)), at_changes=False)
    stream = replace(dataset, timeline=timeline, class_names=("null", "middle", "high"))
    assert not any("false_alarms" in sentence for sentence in suited(lab.settings, stream)[1])
