"""How well what is of no known class is told, by classes that are left out of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tune.config.changes import is_changeable
from tune.core.stopping import StopWatch
from tune.evaluation.test_evaluation import evaluate_selected
from tune.evaluation.unknown import certainty_of, judge_unknown, told_apart
from tune.report.outputs import write_exports

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab

SEARCH: dict[str, Any] = {
    "search": {"trials": 1, "pruner": "none", "unknown_classes": 2},
    "training": {"epochs": 2, "patience": 2},
}


def test_pairs_in_order_and_the_share_that_a_threshold_refuses() -> None:
    found = told_apart(np.linspace(0.5, 1, 101), np.array([0.1, 0.2, 0.75, 0.9]))
    assert found["auroc"] == pytest.approx((101 + 101 + 50.5 + 20.5) / 404, abs=1e-3)
    assert found["refused"] == 0.5
    assert (found["n_known"], found["n_unknown"]) == (101, 4)


def test_the_class_that_was_left_out_has_no_probability_and_null_is_not_known() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0, 0.0], [0.0, 0.0, 5.0, 9.0]])
    certainty = certainty_of(logits, 1.0, [0, 3])
    assert certainty[0] == pytest.approx(1 / 3)
    assert certainty[1] == pytest.approx(np.exp(5) / (1 + np.exp(5) + np.exp(9)))


def test_classes_are_left_out_in_the_end_and_the_report_says_how_that_went(new_lab: NewLab) -> None:
    lab = new_lab("study", SEARCH)
    lab.search()
    evaluate_selected(lab.context())
    said: list[str] = []
    judge_unknown(lab.context(), StopWatch(), said.append)
    stored = lab.study().user_attrs["unknown"]
    names = lab.splits.dataset.class_names
    assert [one["class"] for one in stored["classes"]] == [names[0], names[-1]]
    assert all(0 <= one["auroc"] <= 1 for one in stored["classes"])
    assert len(said) == 2
    judge_unknown(lab.context(), StopWatch(), said.append)
    assert len(said) == 2
    assert not list(lab.folder.root.rglob("*unknown*"))
    write_exports(lab.study(), lab.settings, lab.folder)
    assert f"2 of the {len(names)} classes were left out of training" in (lab.folder.root / "report.md").read_text()


def test_the_report_names_the_command_where_nothing_was_measured(new_lab: NewLab) -> None:
    lab = new_lab("study", {**SEARCH, "search": {"trials": 1, "pruner": "none"}})
    lab.search()
    evaluate_selected(lab.context())
    judge_unknown(lab.context(), StopWatch(), pytest.fail)
    write_exports(lab.study(), lab.settings, lab.folder)
    assert "--unknown-classes 3 does, with as many further fits" in (lab.folder.root / "report.md").read_text()
    # As that command has it.
    assert is_changeable("search.unknown_classes")
