"""Attributes in one transaction: all there, or none."""

from __future__ import annotations

import pytest

from tests.tune.conftest import NewLab
from tune.attributes import set_user_attributes


def test_all_are_stored_and_replace_what_was_there(new_lab: NewLab) -> None:
    study = new_lab("many").study()
    trial = study.ask()
    trial.set_user_attr("b", "old")
    values = {"a": [1.5, None], "b": {"c": "ü"}, "d": float("inf")}
    set_user_attributes(trial, values)
    (stored,) = [frozen.user_attrs for frozen in study.get_trials() if frozen.number == trial.number]
    assert {name: stored[name] for name in values} == values


def test_one_that_cannot_be_stored_keeps_all_out(new_lab: NewLab) -> None:
    study = new_lab("none").study()
    trial = study.ask()
    before = dict(study.get_trials()[trial.number].user_attrs)
    with pytest.raises(TypeError):
        set_user_attributes(trial, {"good": 1, "bad": object()})
    assert study.get_trials()[trial.number].user_attrs == before
