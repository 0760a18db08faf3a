"""The command on a report that begins the same study anew."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tune.cli.main import run as run_command
from tune.config.arguments import OPTION_PATHS, VARIANTS, settings_layers
from tune.config.settings import resolve
from tune.report.reproduction import command

SEARCHES: list[dict[str, Any]] = [
    {"trials": 7, "timeout_seconds": 90.0, "target": 0.9},
    {"second_objective": "parameters"},
    {"metric": "macro_f1", "second_objective": "latency"},
]


@pytest.mark.parametrize("search", SEARCHES)
def test_the_command_makes_the_same_settings_again(search: dict[str, Any]) -> None:
    settings = resolve(
        {
            "dataset": "smartwatch",
            "architecture": "lstm",
            "data": {"path": "/my recordings/it's"},
            "search": search,
            "split": {"kind": "group", "test_groups": ["U06"]},
            "space": {"shared": {"rotation": 0.1}, "lstm": {"hidden_size": [8, 16]}, "gru": {"hidden_size": 4}},
        }
    )
    words = shlex.split(command(settings, "my study").replace("\\\n", " "))
    assert ("--objectives" in words) == ("second_objective" in search)
    assert words[-2:] == ["--study-name", "my study-again"]
    context = run_command.make_context("run", words[1:])
    options = {name: context.params[name] for name in (*OPTION_PATHS, *VARIANTS, "objectives")}
    layers = settings_layers(context.params["config_file"], context.params["assignments"], options)
    again = resolve(*layers).model_dump(mode="json")
    expected = settings.model_dump(mode="json")
    expected["space"]["gru"] = again["space"]["gru"]  # Of another architecture: not used, and not on the line.
    assert again == expected


def test_all_architectures_are_run_again_as_such() -> None:
    written = command(resolve({"space": {"gru": {"hidden_size": 4}}}), "x", every_architecture=True)
    assert "--auto-tune-all" in written
    assert "--model-type" not in written
    assert "space.gru.hidden_size=4" in written
