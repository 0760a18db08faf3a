"""Options and --set become layers of settings; what cannot be read is told with the option that holds it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.cli.main import run
from tune.config.arguments import OPTION_PATHS, assignment_layer, option_layers, settings_layers
from tune.config.settings import architecture_name, resolve, setting_paths
from tune.config.spaces import SPACES
from tune.core.problems import SettingsError


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


@pytest.mark.parametrize(
    ("written", "amount"), [("64k", 64_000), ("64kB", 64_000), ("2M", 2_000_000), ("1.5m", 1_500_000), ("800", 800)]
)
def test_an_amount_may_have_a_unit(written: str, amount: int) -> None:
    layers, problems = option_layers({"max_flash": written})
    assert (layers, problems) == ([{"search": {"max_flash": amount}}], [])


@pytest.mark.parametrize("written", ["", "0", "0k", "-5k", "64 kiB", "1e3", "nan", "k"])
def test_no_amount_is_refused(written: str) -> None:
    layers, (problem,) = option_layers({"max_ram": written})
    assert layers == []
    assert str(problem).startswith(f'--max-ram = "{written}": must be a number above 0 (for example 64k')


def test_options_that_are_not_given_change_nothing() -> None:
    assert option_layers(dict.fromkeys(OPTION_PATHS)) == ([], [])


def test_every_option_stands_for_a_setting() -> None:
    assert set(OPTION_PATHS.values()) <= set(setting_paths())


@pytest.mark.parametrize(("arguments", "asl_citizen"), [([], True), (["--no-asl-citizen"], False)])
def test_a_part_of_the_signs_can_be_left_out(arguments: list[str], asl_citizen: bool) -> None:
    written = run.make_context("run", arguments).params["asl_citizen"]
    layers, problems = option_layers({"asl_citizen": written})
    assert problems == []
    assert resolve(*layers).data.asl_citizen is asl_citizen


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
    for written in (name, name.upper(), name.replace("-", "_"), name.replace("-", ""), name.title().replace("-", "")):
        assert architecture_name(written) == name
        assert option_layers({"model_type": written}) == ([{"architecture": name}], [])
        assert resolve({"architecture": written}).architecture == name
    assert architecture_name("perceptron") == "perceptron"


@pytest.mark.parametrize("written", ["temporal-cnn", "TemporalCNN", "temporal_cnn", "temporalcnn"])
def test_the_ranges_of_an_architecture_may_be_under_its_name_as_a_class(written: str) -> None:
    layer, problems = assignment_layer(f"space.{written}.n_blocks=2")
    assert problems == []
    assert resolve(layer).space["temporal-cnn"]["n_blocks"] == 2
    assert resolve({"space": {written: {"n_blocks": 2}}}).space["temporal-cnn"]["n_blocks"] == 2


def test_two_spellings_of_one_architecture_are_refused() -> None:
    for other in ("temporal-cnn", "TemporalCNN"):
        with pytest.raises(SettingsError, match=r"no such architecture \(did you mean 'temporal-cnn'\?\)"):
            resolve({"space": {"temporalcnn": {"n_blocks": 2}, other: {"n_blocks": 3}}})


@pytest.mark.parametrize(
    ("model_type", "flags", "architecture"),
    [
        ("bilstm", (), "bilstm"),
        ("BiLSTM", ("standard",), "bilstm"),
        ("bilstm", ("enhanced",), "enhanced-bilstm"),
        ("Bi-LSTM", ("enhanced",), "enhanced-bilstm"),
        ("enhanced_bilstm", ("enhanced",), "enhanced-bilstm"),
        ("enhancedbilstm", (), "enhanced-bilstm"),
    ],
)
def test_a_bilstm_is_standard_or_enhanced(model_type: str, flags: tuple[str, ...], architecture: str) -> None:
    options: dict[str, str | bool | None] = {
        "model_type": model_type,
        "standard": "standard" in flags,
        "enhanced": "enhanced" in flags,
    }
    assert option_layers(options) == ([{"architecture": architecture}], [])


@pytest.mark.parametrize(
    ("model_type", "flags", "sentence"),
    [
        ("gru", ("enhanced",), "--enhanced = true: goes with --model-type bilstm, not with gru"),
        ("gru", ("standard",), "--standard = true: goes with --model-type bilstm, not with gru"),
        (
            "enhanced-bilstm",
            ("standard",),
            "--standard = true: goes with --model-type bilstm, not with enhanced-bilstm",
        ),
        ("bilstm", ("standard", "enhanced"), "--enhanced = true: cannot go with --standard"),
        (None, ("enhanced",), "--enhanced = true: goes with --model-type bilstm (write"),
    ],
)
def test_nothing_else_is_standard_or_enhanced(model_type: str | None, flags: tuple[str, ...], sentence: str) -> None:
    options: dict[str, str | bool | None] = {
        "model_type": model_type,
        "standard": "standard" in flags,
        "enhanced": "enhanced" in flags,
    }
    _, (problem,) = option_layers(options)
    assert str(problem).startswith(sentence)


BAD = (
    "1.01",
    "-1",
    "0",
    "1",
    "1e400",
    "nan",
    "null",
    "true",
    "[]",
    '{"a": 1}',
    '"x"',
    "x",
    "9" * 20,
    "",
    " ",
    "\u202e",
)


@pytest.mark.parametrize("option", [*OPTION_PATHS, "objectives"])
def test_what_is_wrong_with_an_option_is_one_sentence_about_that_setting(option: str) -> None:
    """With its path, its value, the rule and what to do; never with the settings around it."""
    for written in BAD:
        try:
            resolve(*settings_layers(None, (), {option: written}))
        except SettingsError as error:
            for problem in error.problems:
                assert problem.path in (OPTION_PATHS.get(option), "--" + option.replace("_", "-"))
                assert "\n" not in str(problem)
                for forbidden in ("Input", "{", "Value error", "pattern"):
                    assert forbidden not in problem.rule + problem.suggestion
                assert len(problem.rule) < 200
                assert problem.suggestion or problem.path.startswith("--")


def test_a_target_that_cannot_be_reached_is_told_without_the_other_settings() -> None:
    with pytest.raises(SettingsError) as found:
        resolve(*settings_layers(None, (), {"target": "1.01"}))
    assert str(found.value) == "search.target = 1.01: must be above 0 and at most 1 for accuracy (for example 0.95)"
