from typing import Any

import pytest

from tune.report.words import about_balance, about_mean
from tune.study.stored import Candidate, Ensemble


def evaluated(accuracy: float, supports: dict[str, int]) -> dict[str, Any]:
    per_class = [{"class": name, "support": n} for name, n in supports.items()]
    return {"accuracy": accuracy, "balanced_accuracy": 0.5, "per_class": per_class}


def test_a_network_at_the_majoritys_share_is_called_that() -> None:
    said = about_balance(evaluated(0.9, {"walk": 90, "fall": 10}), "accuracy")
    assert said is not None
    assert said.startswith("balanced accuracy (every class counts the same) 50.0%: always answering 'walk'")
    assert said.endswith("no better than the majority; --metric balanced_accuracy searches for one that is")
    already = about_balance(evaluated(0.9, {"walk": 90, "fall": 10}), "balanced_accuracy")
    assert already is not None
    assert already.endswith("has an accuracy of 90.0% too, so that it is no better than the majority")


def test_balanced_accuracy_stands_beside_accuracy_where_classes_are_uneven() -> None:
    uneven = {"walk": 90, "fall": 10}
    assert about_balance(evaluated(0.95, uneven), "accuracy") == "balanced accuracy (every class counts the same) 50.0%"
    assert about_balance(evaluated(0.5, {"walk": 50, "fall": 50, "never": 0}), "accuracy") is None
    older = evaluated(0.95, uneven)
    del older["balanced_accuracy"]
    assert about_balance(older, "accuracy") is None


@pytest.mark.parametrize(("single", "says_why"), [(0.9, True), (0.89, False)])
def test_why_a_mean_is_handed_over_that_is_level_is_said(single: float, says_why: bool) -> None:
    chosen: Candidate = {"networks": 2, "minirocket": False, "score": 0.9, "loss": 0.3}
    found: Any = {"trial": 3, "chosen": chosen, "members": [{}, {}], "latency_ms": 2.0}
    ensemble: Ensemble = found
    said = about_mean(ensemble, single, None, "accuracy")
    assert said.startswith("Handed over is the mean of 2 networks of trial 3: validation accuracy 90.0%")
    assert ("the lower validation loss decided" in said) == says_why
