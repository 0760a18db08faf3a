"""What means nothing for a data set is not searched, and that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tune.config.suitability import suited

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab


def test_without_three_axes_there_is_nothing_to_rotate(new_lab: NewLab) -> None:
    lab = new_lab("study")
    settings, said = suited(lab.settings, lab.parts.dataset)
    searched, fixed = settings.ranges()
    assert fixed["rotation"] == 0.0
    assert searched["derived_channels"].choices == ("none", "differences")  # type: ignore[attr-defined]
    assert any("rotation is left out" in sentence for sentence in said)
    assert suited(settings, lab.parts.dataset) == (settings, [])


def test_with_three_axes_everything_stays(new_lab: NewLab) -> None:
    lab = new_lab("study")
    dataset = lab.parts.dataset
    spatial = replace(dataset, values=dataset.values[:, [0, 1, 1]], channel_names=("acc_x", "acc_y", "acc_z"))
    settings, said = suited(lab.settings, spatial)
    assert said == []
    assert settings.space["shared"] == {**lab.settings.space["shared"], "flip": False}


def test_a_fixed_choice_is_replaced_by_what_it_comes_to(new_lab: NewLab) -> None:
    lab = new_lab("study", {"space": {"shared": {"derived_channels": "both", "rotation": 0.0}}})
    settings, said = suited(lab.settings, lab.parts.dataset)
    assert settings.space["shared"]["derived_channels"] == "differences"
    assert said == []
