"""Options and --set become layers of settings; what cannot be read is told with the option that holds it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.arguments import OPTION_PATHS, architecture_name, assignment_layer, option_layers
from tune.config import resolve, setting_paths
from tune.problems import SettingsError
from tune.spaces import SPACES


@pytest.mark.parametrize(
    ("assignment", "layer"),
    [
        ("search.trials=8", {"search": {"trials": 8}}),
        ("space.gru.hidden_size=64", {"space": {"gru": {"hidden_size": 64}}}),
        ('space.gru.hidden_size={"high": 32}', {"space": {"gru": {"hidden_size": {"high": 32}}}}),
        ("space.gru.hidden_size.high=32", {"space": {"gru": {"hidden_size": {"high": 32}}}}),
        ('space.gru.pooling=["mean", "max"]', {"space": {"gru": {"pooling": ["mean", "max"]}}}),
        ("space.gru.pooling=mean", {"space": {"gru": {"pooling": "mean"}}}),
        ("data.path=/a=b", {"data": {"path": "/a=b"}}),
        ("data.classes=null", {"data": {"classes": None}}),
        ("data.path=", {"data": {"path": ""}}),
    ],
)
def test_a_value_is_json_or_else_text(assignment: str, layer: dict[str, Any]) -> None:
    assert assignment_layer(assignment) == (layer, [])


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("search.trials", "must be PATH=VALUE"),
        ("serch.trials=3", "no such setting (did you mean 'search.trials'?)"),
        ("space.gru.hidden=3", "no such setting (did you mean 'space.gru.hidden_size'?)"),
        ("search.target=NaN", "is no finite number"),
        ("search.target=1e999", "is no finite number"),
        ('space.gru.hidden_size={"low": 1, "low": 2}', "stands twice in the same object"),
    ],
)
def test_what_cannot_be_read_is_told(assignment: str, sentence: str) -> None:
    _, problems = assignment_layer(assignment)
    assert sentence in str(problems[0])
    assert str(problems[0]).startswith("--set")


@given(path=st.sampled_from(setting_paths()), value=st.text())
def test_any_value_is_answered(path: str, value: str) -> None:
    layer, problems = assignment_layer(f"{path}={value}")
    if not problems:
        with suppress(SettingsError):
            resolve(layer)


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2 d ", 172_800), ("0.5s", 0.5)]
)
def test_a_time_may_have_a_unit(written: str, seconds: float) -> None:
    layers, problems = option_layers({"timeout": written})
    assert (layers, problems) == ([{"search": {"timeout_seconds": seconds}}], [])


@pytest.mark.parametrize("written", ["", "0", "0m", "-5m", "10 minutes", "1e3", "nan", "1h30m", "9" * 30])
def test_no_time_is_refused(written: str) -> None:
    layers, (problem,) = option_layers({"timeout": written})
    assert layers == []
    assert str(problem) == (f'--timeout = "{written}": must be a time above 0 (for example 90s, 10m or 2h)')


def test_options_that_are_not_given_change_nothing() -> None:
    assert option_layers(dict.fromkeys(OPTION_PATHS)) == ([], [])


def test_every_option_stands_for_a_setting() -> None:
    assert set(OPTION_PATHS.values()) <= set(setting_paths())


def test_text_stays_text_and_numbers_become_numbers() -> None:
    layers, _ = option_layers({"trials": "8", "data_path": "8", "target": "0.5"})
    assert resolve(*layers).search.trials == 8
    assert resolve(*layers).data.path == "8"
    assert resolve(*layers).search.target == 0.5


def test_a_number_that_is_none_is_told_by_the_settings() -> None:
    layers, problems = option_layers({"trials": "many"})
    assert problems == []
    with pytest.raises(SettingsError, match=r'search\.trials = "many"'):
        resolve(*layers)


@pytest.mark.parametrize("name", SPACES)
def test_an_architecture_may_be_written_as_its_class(name: str) -> None:
    for written in (name, name.upper(), name.replace("-", "_"), name.replace("-", "")):
        assert architecture_name(written) == name
    assert architecture_name("perceptron") == "perceptron"
