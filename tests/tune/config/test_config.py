"""Settings are checked once and completely; what a person wrote wrongly becomes sentences, never a traceback."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tune.config.settings import Settings, default_settings, nested, resolve, setting_paths
from tune.config.spaces import OFF, SHARED, SPACES
from tune.core.problems import SettingsError

ROOT = Path(__file__).resolve().parents[3]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LAYERS = st.builds(nested, st.sampled_from(setting_paths()), JSON)
SECTIONS = st.dictionaries(st.sampled_from([*default_settings(), "spce"]), JSON, max_size=4)


def problems_of(*layers: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        resolve(*layers)
    return {problem.path: str(problem) for problem in caught.value.problems}


@settings(max_examples=100)
@given(layer=LAYERS | SECTIONS)
@example(layer={"machine": {"address": "\x1f"}})
def test_whatever_json_is_given_the_settings_are_valid_or_refused_in_words(layer: dict[str, Any]) -> None:
    try:
        resolved = resolve(layer)
    except SettingsError as error:
        words = str(error)
    else:
        resolved.ranges()
        assert resolve(resolved.model_dump(mode="json")) == resolved
        return
    assert words
    assert all(line.isprintable() for line in words.split("\n"))


def test_the_built_in_settings_are_their_own_round_trip() -> None:
    written = json.loads(json.dumps(default_settings()))
    assert resolve(written).model_dump(mode="json") == written == resolve().model_dump(mode="json")


def test_the_file_with_all_defaults_is_what_the_program_has() -> None:
    path = ROOT / "default_tuning_config.json"
    made_by = "make it with: ./run_tuning.sh config > default_tuning_config.json"
    assert path.is_file(), f"{path} is missing; {made_by}"
    assert json.loads(path.read_text()) == default_settings(), f"{path} is not up to date; {made_by}"


def test_every_setting_has_a_description() -> None:
    def check(model: type[Any]) -> None:
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and hasattr(inner, "model_fields"):
                check(inner)
            else:
                assert field.description, f"{model.__name__}.{name} has no description"

    check(Settings)


def test_a_later_layer_wins_and_the_rest_stays() -> None:
    resolved = resolve({"search": {"trials": 5, "seed": 1}}, {"search": {"trials": 7}})
    assert (resolved.search.trials, resolved.search.seed, resolved.search.metric) == (7, 1, "accuracy")


def test_a_range_is_narrowed_and_a_scalar_fixes_a_value() -> None:
    resolved = resolve({"space": {"gru": {"hidden_size": {"high": 32}, "n_layers": 2, "pooling": ["mean", "max"]}}})
    searched, fixed = resolved.ranges()
    assert resolved.space["gru"]["hidden_size"] == {"low": 16, "high": 32, "log": True}
    assert fixed == {**OFF, "n_layers": 2}
    assert searched.keys() == (SHARED | SPACES["gru"]).keys() - fixed.keys()


def test_what_is_off_is_searched_where_a_range_is_written() -> None:
    searched, _ = resolve({"space": {"shared": {"jitter": {"high": 0.1}, "mixup_at": ["input", "embedding"]}}}).ranges()
    assert (searched["jitter"].low, searched["jitter"].high) == (0.0, 0.1)  # type: ignore[attr-defined]
    assert searched["mixup_at"].choices == ("input", "embedding")  # type: ignore[attr-defined]


def test_all_errors_are_told_at_once() -> None:
    found = problems_of(
        {
            "searc": {},
            "search": {"trials": 0, "metrc": "loss", "sampler": "cma"},
            "training": {"epochs": "12", "patience": True, "clip_norm": 0},
            "split": {"test_fraction": 1.5},
            "space": {
                "gru": {"hiden_size": 64, "n_layers": {"low": 3, "high": 2}, "pooling": ["meen"], "dropout": "x"},
                "shared": {"learning_rate": {"low": 0.0}},
                "gruu": {},
            },
        },
        {"architecture": "grru"},
    )
    assert found.keys() == {
        "searc",
        "search.trials",
        "search.metrc",
        "search.sampler",
        "training.epochs",
        "training.patience",
        "training.clip_norm",
        "split.test_fraction",
        "space.gru.hiden_size",
        "space.gru.n_layers",
        "space.gru.pooling[0]",
        "space.gru.dropout",
        "space.shared.learning_rate.low",
        "space.gruu",
        "architecture",
    }
    assert found["searc"].endswith("no such setting (did you mean 'search'?)")
    assert found["search.metrc"].endswith("no such setting (did you mean 'metric'?)")
    assert found["search.trials"].startswith("search.trials = 0: ")
    assert found["space.gru.hiden_size"] == (
        "space.gru.hiden_size = 64: no such hyperparameter (did you mean 'hidden_size'?)"
    )
    assert found["space.gru.pooling[0]"].endswith("(did you mean 'mean'?)")
    assert found["architecture"].endswith("(did you mean 'gru'?)")


@pytest.mark.parametrize(
    ("layer", "path", "rule"),
    [
        (
            {"split": {"validation_fraction": 0.5, "test_fraction": 0.5}},
            "split.validation_fraction",
            "leaves nothing to train on",
        ),
        ({"split": {"folds": 1}}, "split.folds", "must be 0 or at least 2"),
        ({"split": {"kind": "stratified", "outer_fold": [6, 5]}}, "split.outer_fold", "must be [k, n]"),
        ({"split": {"kind": "stratified", "outer_fold": [0, 5]}}, "split.outer_fold", "must be [k, n]"),
        ({"split": {"kind": "stratified", "outer_fold": [1, 1]}}, "split.outer_fold", "must be [k, n]"),
        ({"split": {"outer_fold": [1, 5]}}, "split.outer_fold", "goes with split.kind = stratified"),
        ({"split": {"kind": "stratified", "outer_fold": [1.0, 5]}}, "split.outer_fold.0", "whole number"),
        ({"search": {"target": 95}}, "search.target", "must be above 0 and at most 1 for accuracy (for example 0.95)"),
        (
            {"data": {"resample_hz": 9.0, "resample_length": 9}},
            "data.resample_hz",
            "cannot go with data.resample_length",
        ),
        ({"machine": {"address": "auto"}}, "machine.address", "goes with machine.engine = ray only"),
        ({"search": {"trials": 12.0}}, "search.trials", "whole number"),
        ({"machine": {"device": "gpu"}}, "machine.device", "must be auto, cpu, mps, cuda or cuda:N"),
        ({"search": 5}, "search", "must be an object of settings"),
        ({"space": []}, "space", "must be an object of architectures"),
        ({"space": {"gru": 3}}, "space.gru", "must be an object of ranges"),
    ],
)
def test_each_rule_is_told_where_it_is_broken(layer: dict[str, Any], path: str, rule: str) -> None:
    assert rule in problems_of(layer)[path]


def test_a_target_for_the_loss_may_be_any_number() -> None:
    assert resolve({"search": {"metric": "loss", "target": 1.5}}).direction == "minimize"
    assert resolve().direction == "maximize"


def test_settings_do_not_change_when_the_built_in_ranges_do() -> None:
    """A stored study has every range written down."""
    stored = resolve({"space": {"gru": {"hidden_size": {"high": 32}}}}).model_dump(mode="json")
    for section, space in {"shared": SHARED, **SPACES}.items():
        assert stored["space"][section].keys() == space.keys()


def test_deep_values_are_refused_in_words() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for path in (
        "search.trials",
        "space.gru.hidden_size[0]",
        "space.gru.pooling[0]",
        "data.path",
        "split.test_groups.0",
    ):
        written = path.removesuffix("[0]").removesuffix(".0")
        assert problems_of(nested(written, deep)).keys() == {path}


def test_the_paths_of_set_are_leaves_that_exist() -> None:
    paths = setting_paths()
    assert {"dataset", "search.trials", "space.gru.hidden_size", "space.shared.learning_rate"} <= set(paths)
    assert len(paths) == len(set(paths))
    for path in paths:
        value: Any = default_settings()
        for part in path.split("."):
            value = value[part]
        assert not math.isnan(value) if isinstance(value, float) else True
