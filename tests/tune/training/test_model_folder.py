"""A network as a folder: what goes in comes out, and what a stranger puts in is refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from data.tensors.channels import Preparation
from tests.tune.conftest import NewLab
from tune.core.problems import SettingsError
from tune.evaluation.test_evaluation import evaluate_selected
from tune.report.exports import write_best_model
from tune.study.study import all_parameters, best_trial
from tune.study.trial_files import load_weights
from tune.training.hyperparameters import fields_of
from tune.training.model_folder import DESCRIPTION, WEIGHTS, load_model

CPU = torch.device("cpu")


@pytest.fixture
def best_model(new_lab: NewLab) -> Path:
    lab = new_lab("kept", {"search": {"trials": 2}, "space": {"shared": {"derived_channels": "differences"}}})
    lab.search()
    write_best_model(lab.study(), lab.settings, lab.folder)
    return lab.folder.root / "best_model"


def test_it_gives_the_logits_of_the_trial_it_comes_from(new_lab: NewLab) -> None:
    lab = new_lab("kept", {"search": {"trials": 2}})
    lab.search()
    write_best_model(lab.study(), lab.settings, lab.folder)
    trial = best_trial(lab.study())
    assert trial is not None
    weights = load_weights(lab.folder, trial, 1)
    assert weights is not None
    model = load_model(lab.folder.root / "best_model")
    model.network.load_state_dict(weights[0])
    prepared = lab.splits.prepared(0, "validation", fields_of(Preparation, all_parameters(trial)))
    validation = lab.splits.folds[0].validation
    assert torch.equal(model.prepare(validation).values, prepared.values)
    right = (model.logits(validation).argmax(dim=1) == validation.labels).double().mean()
    assert float(right) == pytest.approx(trial.user_attrs["validation_accuracy"])
    assert torch.allclose(model.probabilities(validation).sum(dim=1), torch.ones(len(validation)))


def test_it_is_the_network_that_was_tested(new_lab: NewLab) -> None:
    lab = new_lab("kept", {"search": {"trials": 1}})
    lab.search()
    study = lab.study()
    evaluate_selected(lab.context(study))
    write_best_model(study, lab.settings, lab.folder)
    model, test = load_model(lab.folder.root / "best_model"), lab.splits.folds[0].test
    assert test is not None
    found = study.user_attrs["evaluations"]["0"]["test"]
    assert found["refitted"]
    right = (model.logits(test).argmax(dim=1) == test.labels).double().mean()
    assert float(right) == pytest.approx(found["accuracy"])
    kept = model.description.scores["test"]
    assert isinstance(kept, dict)
    # Nobody's name is given away with it.
    assert found.keys() - kept.keys() == {"confusion", "per_class", "per_person"}
    assert kept == {name: found[name] for name in kept}


@pytest.mark.parametrize("derived", ["none", "differences", "magnitude", "both"])
def test_the_normaliser_is_that_of_the_channels_derived(new_lab: NewLab, derived: str) -> None:
    lab = new_lab("kept", {"search": {"trials": 1}, "space": {"shared": {"derived_channels": derived}}})
    lab.search()
    write_best_model(lab.study(), lab.settings, lab.folder)
    model = load_model(lab.folder.root / "best_model")
    expected = lab.splits.normaliser(0, derived)
    assert torch.equal(model.normaliser.mean, expected.mean)
    assert torch.equal(model.normaliser.deviation, expected.deviation)


def damaged(folder: Path, **changes: Any) -> None:
    path = folder / DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "resnet"}, "no architecture 'resnet'"),
        ({"class_names": ["a", "b"]}, "does not fit the weights"),
        ({"class_names": ["one"]}, "at least 2"),
        ({"temperature": 0.0}, "greater than 0"),
        ({"hyperparameters": {"width": 3}}, "no hyperparameter 'width'"),
        ({"hyperparameters": {"hidden_size": 10**9}}, "hidden_size"),
        ({"hyperparameters": {"hidden_size": 60_000}}, "does not fit the weights"),
        ({"normaliser": {"mean": [0.0], "deviation": [1.0]}}, r"1 entries for \d channels"),
        ({"normaliser": {"mean": [0.0] * 4, "deviation": [1.0, 1.0, 1.0, 0.0]}}, "above zero"),
        ({"extra": 1}, "Extra inputs"),
        ({"weights_sha256": "0" * 64}, "SHA-256"),
    ],
)
def test_a_wrong_description_is_refused(best_model: Path, changes: dict[str, Any], said: str) -> None:
    damaged(best_model, **changes)
    with pytest.raises(SettingsError, match=said):
        load_model(best_model)


def test_a_flipped_bit_in_the_weights_is_noticed(best_model: Path) -> None:
    content = bytearray((best_model / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (best_model / WEIGHTS).write_bytes(content)
    with pytest.raises(SettingsError, match="SHA-256"):
        load_model(best_model)


def test_another_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="best_model of a study"):
        load_model(tmp_path)
