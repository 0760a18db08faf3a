"""Networks of people's own in settings and studies: known by their file, and refused when that has changed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes import run
from tests.tune.test_api import LABELS, PEOPLE, SEQUENCES, SETTINGS
from tune import SequenceTuner, load_model
from tune.config.arguments import settings_layers
from tune.config.initial import initial_configurations
from tune.config.settings import default_settings, resolve
from tune.core.errors import StudyError
from tune.core.problems import SettingsError
from tune.experiments.schema import Suite
from tune.experiments.settings import check_suite, parameters_as_layer

NET = """
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from models import SequenceClassifier, step_mask
from models.pooling import Pooling


class Step(nn.Module):
    def __init__(self, n_channels, conv_kernel_size):
        super().__init__()
        self.layer = nn.Linear(n_channels, conv_kernel_size)

    def forward(self, values, lengths):
        return self.layer(values), lengths


class Net(SequenceClassifier):
    # Two names that other architectures know with other limits.
    space = {
        "conv_kernel_size": IntDistribution(4, 100),
        "dropout": FloatDistribution(0.0, 0.5),
        "flavour": CategoricalDistribution(["mean", "max"]),
    }

    def __init__(self, n_channels, n_classes, *, conv_kernel_size=6, dropout=0.1, flavour="max", depth=1):
        super().__init__(n_channels, n_classes)
        self.assemble([Step(n_channels, conv_kernel_size)], Pooling(flavour, conv_kernel_size), dropout)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(NET)
    return path


def resolved(file: Path, *assignments: str) -> Any:
    return resolve(*settings_layers(None, assignments, {"model": f"{file}:Net"}))


def test_it_is_the_last_of_all_architectures_and_what_a_search_found_of_it_is_compared(file: Path) -> None:
    settings = resolved(file)
    assert settings.architectures == (*resolve().architectures, "Net")
    layer = parameters_as_layer("Net", {"conv_kernel_size": 8, "learning_rate": 0.01, "depth": 1})
    assert layer["space"] == {"shared": {"learning_rate": 0.01}, "Net": {"conv_kernel_size": 8}}
    assert settings.network is not None
    own = {"architecture": "Net", "network": settings.network.model_dump()}
    widths = [{"name": f"w{n}", "settings": {"space": {"Net": {"conv_kernel_size": n}}}} for n in (4, 200)]
    suite = Suite.model_validate({"name": "mine", "settings": own, "configurations": widths})
    with pytest.raises(
        SettingsError, match=r"^configurations\[1\].settings.space.Net.conv_kernel_size = 200: must be 1 to 100"
    ):
        check_suite(suite)


def test_its_ranges_are_searched_and_its_limits(file: Path) -> None:
    settings = resolved(file, "space.Net.conv_kernel_size=[4, 8]", 'space.Net.dropout={"high": 0.2}')
    assert settings.architecture == "Net"
    assert settings.network is not None
    assert (settings.network.path, len(settings.network.sha256 or "")) == (str(file), 64)
    searched, fixed = settings.ranges()
    assert {"learning_rate", "conv_kernel_size", "dropout", "flavour"} <= searched.keys()
    assert not {"hidden_size", "depth"} & (searched.keys() | fixed.keys())
    with pytest.raises(SettingsError, match=r"conv_kernel_size = 101: must be 1 to 100"):
        resolved(file, "space.Net.conv_kernel_size=101")
    with pytest.raises(SettingsError, match=r"flavour = \"sweet\": must be one of 'mean', 'max'"):
        resolved(file, "space.Net.flavour=sweet")
    with pytest.raises(SettingsError, match="no such setting"):
        resolved(file, "space.Net.depth=2")


def test_the_first_trial_has_its_defaults(file: Path) -> None:
    searched, _ = resolved(file).ranges()
    (first,) = initial_configurations("gesture", "Net", searched)
    assert {"conv_kernel_size": 6, "dropout": 0.1, "flavour": "max"}.items() <= first.items()


def test_settings_of_other_studies_do_not_know_it(file: Path) -> None:
    plain = resolved(file).model_dump(mode="json")
    assert "Net" not in default_settings()["space"]
    assert "Net" not in resolve({"architecture": "gru"}).space
    assert resolve(plain).model_dump(mode="json") == plain
    # A floor of its study is another architecture with the same settings.
    assert resolve(plain, {"architecture": "minirocket"}).architecture == "minirocket"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("space = {", "ranges = {", "has no search space"),
        ("IntDistribution(4, 100)", "[4, 100]", r"space\['conv_kernel_size'\].*must be one of optuna.distributions"),
        ('"flavour": Cat', '"taste": Cat', r"space\['taste'\].*is no argument of the constructor"),
        ("conv_kernel_size", "batch_size", r"space\['batch_size'\].*hyperparameter of every training"),
        ("class Net", "class Other", "it has no Net; it has Step, Other"),
    ],
)
def test_what_it_lacks_is_said(before: str, after: str, why: str, file: Path) -> None:
    file.write_text(NET.replace(before, after))
    with pytest.raises(SettingsError, match=why):
        resolved(file)


@pytest.mark.parametrize("written", ["mine.py", "mine.py:", ":Net", "mine.py:a class", "mine.py:_Net"])
def test_a_name_of_another_form_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match=r"must be a Python file, a colon and a class in it \(for example"):
        resolve(*settings_layers(None, (), {"model": written}))


def test_it_goes_with_no_other_architecture(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot go with gru"):
        settings_layers(None, (), {"model": f"{file}:Net", "model_type": "gru"})
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        resolved(tmp_path / "absent.py")
    file.write_text(NET.replace("class Net", "class gru"))
    with pytest.raises(SettingsError, match="is an architecture of the tuner"):
        resolve(*settings_layers(None, (), {"model": f"{file}:gru"}))


@pytest.mark.timeout(900)  # five runs of the tuner
def test_a_study_is_gone_on_with_by_several_processes_and_refused_when_the_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(NET)
    place, study = f"--save-dir={tmp_path}", "--study-name=watch-Net"
    small = ("--classes=2", "--epochs=2", "--set=split.folds=0", "--no-floors", "--confirm=0")
    run(f"--model={file}:Net", "--trials=1", place, *small)
    said, _ = run(study, "--resume", "--trials=3", "--workers=2", place)
    assert "3 trials finished" in said
    report = (tmp_path / "watch-Net" / "report.md").read_text()
    assert f"--model {file}:Net" in report
    assert "--set space.Net" not in report
    moved = Path(shutil.move(file, tmp_path / "moved.py"))
    _, errors = run(study, "--resume", "--trials=4", place, expect=2)
    assert "cannot be read" in errors
    run(study, "--resume", "--trials=3", f"--model={moved}:Net", place)
    alone = shutil.copytree(tmp_path / "watch-Net" / "best_model", tmp_path / "given")
    _, errors = run("diagnose", f"--model={alone}", expect=2)
    assert "--network moved.py:Net" in errors
    run("diagnose", f"--model={alone}", f"--network={moved}:Net")
    assert (tmp_path / "given-diagnosis" / "diagnosis.html").is_file()
    moved.write_text(NET.replace("depth=1", "depth=2"))
    _, errors = run(study, "--resume", "--trials=5", place, expect=2)
    assert "is not the file that the study began with" in errors
    _, errors = run("predict", study, place, str(file), expect=2)
    assert "is the class Net of the file 'moved.py'" in errors
    assert "--network moved.py:Net" in errors


def test_from_python_it_is_a_class(file: Path, tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "nowhere"}
    exec(compile(NET, "<nowhere>", "exec"), namespace)
    settings = {key: value for key, value in SETTINGS.items() if key != "space"}
    mine = SequenceTuner(namespace["Net"], trials=1, study=tmp_path / "mine", settings=settings, verbose=False)
    with pytest.raises(SettingsError, match="is in no file"):
        mine.fit(SEQUENCES, LABELS, groups=PEOPLE)
    spec = importlib.util.spec_from_file_location("mine", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mine"] = module
    spec.loader.exec_module(module)
    mine.set_params(architecture=module.Net).fit(SEQUENCES, LABELS, groups=PEOPLE)
    again = load_model(tmp_path / "mine", network=f"{file}:Net")
    assert (again.predict(SEQUENCES) == mine.predict(SEQUENCES)).all()
    file.write_text(NET + "\n# changed\n")
    with pytest.raises(SettingsError, match="which is code and therefore not in this folder"):
        load_model(tmp_path / "mine", network=f"{file}:Net")
    with pytest.raises((StudyError, SettingsError), match="is not the file that the study began with"):
        mine.fit(SEQUENCES, LABELS, groups=PEOPLE)
    del sys.modules["mine"]
