from typing import Any

from tune.report.words import about_balance


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
