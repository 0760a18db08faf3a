"""A diagnosis of every architecture: it runs, and says in words what does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from optuna.trial import FrozenTrial

from models import ARCHITECTURES
from tests.tune.conftest import Lab, NewLab, make_toy
from tune.core.errors import StudyError
from tune.diagnosis.model import Diagnosed
from tune.diagnosis.opening import of_trial, trial_to_look_at
from tune.diagnosis.sections.data import data_section
from tune.diagnosis.sections.gradients import gradients_section
from tune.diagnosis.sections.learning import learning_section
from tune.diagnosis.sections.memory import memory_section
from tune.diagnosis.whole import diagnose
from tune.evaluation.test_evaluation import evaluate_selected
from tune.report.exports import write_best_model
from tune.report.figures import sheets
from tune.report.figures.sections import Section
from tune.study.study import best_trial

CPU = torch.device("cpu")
# Small, with every part that a diagnosis shows.
PLAIN = {"front_layers": 0, "pooling": "mean"}
RECURRENT = {**PLAIN, "hidden_size": 4, "n_layers": 1}
SMALL: dict[str, dict[str, Any]] = {
    "rnn": {**RECURRENT, "bidirectional": True},
    "gru": {**RECURRENT, "n_layers": 2, "pooling": "attention"},
    "lstm": {**RECURRENT, "front_layers": 2, "front_channels": 4, "front_stride": 2},
    "conv1d-gru": {"hidden_size": 4, "n_layers": 1, "pooling": "mean", "conv_channels": 4},
    "deep-gru": {**RECURRENT, "n_layers": 2},
    "bilstm": {**RECURRENT, "pooling": "last"},
    "enhanced-bilstm": {**RECURRENT, "attention_heads": 2, "attention_head_dim": 8, "cross_resolution": True},
    "transformer": {**PLAIN, "n_heads": 2, "head_dim": 8, "n_layers": 1, "positional_encoding": "rotary"},
    "temporal-cnn": {**PLAIN, "n_blocks": 2, "conv_channels": 4, "conv_norm": "layer"},
    "minirocket": {"n_features": 2_500, "receptive_field": 9},
}


def searched(new_lab: NewLab, architecture: str, *layers: dict[str, Any]) -> Lab:
    layer = {
        "architecture": architecture,
        "search": {"trials": 1},
        "training": {"epochs": 1},
        "space": {architecture: SMALL.get(architecture, {})},
    }
    lab = new_lab(architecture, layer, *layers)
    lab.search()
    return lab


def diagnosed_of(lab: Lab, part: str = "validation", trial: FrozenTrial | None = None) -> Diagnosed:
    study = lab.study()
    return of_trial(lab.context(study), trial or trial_to_look_at(study, None), part)


def check_words(sections: Sequence[Section]) -> set[str]:
    """Every picture has words and is described; the names of those that are drawn."""
    pictures = [picture for section in sections for picture in section.sections]
    names = [picture.name for picture in pictures]
    assert len(names) == len(set(names))
    for picture in pictures:
        assert len(picture.summary) > 20
        assert picture.figure is None or picture.alt
        assert "nan" not in picture.summary.lower().split()
    return {picture.name for picture in pictures if picture.figure is not None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_can_be_looked_into(new_lab: NewLab, architecture: str) -> None:
    diagnosed = diagnosed_of(searched(new_lab, architecture))
    drawn = check_words([memory_section(diagnosed), gradients_section(diagnosed)])
    if ARCHITECTURES[architecture].closed_form:
        assert drawn == {"tsne"}
        assert "solved in one step" in learning_section(diagnosed).sections[0].summary
        return
    assert {"hidden_states", "tsne", "gradients_input", "attribution", "deletion"} <= drawn
    has_attention = any(name.startswith("attention_") for name in drawn)
    assert has_attention == (architecture in ("gru", "enhanced-bilstm", "transformer"))
    assert ("filters" in drawn) == (architecture in ("lstm", "conv1d-gru", "temporal-cnn"))
    trajectories = [name for name in drawn if name.startswith("trajectories_")]
    assert len(trajectories) == {"gru": 2, "deep-gru": 2, "enhanced-bilstm": 2}.get(architecture, 1)


def test_a_diagnosis_has_five_sections(new_lab: NewLab) -> None:
    sections = diagnose(diagnosed_of(searched(new_lab, "lstm")), ["rnn"])
    assert [section.name for section in sections] == ["data", "learning", "errors", "memory", "gradients"]
    drawn = check_words(sections)
    assert {"examples", "lengths", "people_balance", "training", "confusion", "reliability", "vanishing"} <= drawn


def test_folds_are_judged_each_by_its_own_network(new_lab: NewLab) -> None:
    lab = searched(new_lab, "gru", {"split": {"folds": 3}})
    diagnosed = diagnosed_of(lab)
    assert len(diagnosed.labels) == sum(len(fold.validation) for fold in lab.splits.folds)
    trial = best_trial(lab.study())
    assert trial is not None
    right = [float((one.outputs[0].argmax(dim=1) == one.measured.labels).double().mean()) for one in diagnosed.judged]
    assert np.mean(right) == pytest.approx(trial.user_attrs["validation_accuracy"])


def test_a_class_that_no_part_judges_is_named_beside_the_balance(new_lab: NewLab) -> None:
    """Of the last class there is one person's sequence, who then stays in training."""
    dataset = make_toy()
    assert dataset.groups is not None
    (rows,) = ((dataset.labels != 2) | (dataset.groups == 4)).nonzero(as_tuple=True)
    layer = {"search": {"trials": 1}, "training": {"epochs": 1}, "split": {"folds": 2}}
    lab = new_lab("study", layer, dataset=dataset.subset(rows))
    lab.search()
    (balance,) = [one for one in data_section(diagnosed_of(lab)).sections if one.name == "class_balance"]
    assert [note.split(":")[0] for note in balance.notes] == [
        "The validation set has no 'high' (only 'person 4' performs it)",
        "The test set has no 'high' (only 'person 4' performs it)",
    ]


def test_a_trial_whose_weights_are_gone_is_trained_again_to_the_very_same(new_lab: NewLab) -> None:
    lab = searched(new_lab, "gru", {"training": {"epochs": 2}})
    before = diagnosed_of(lab)
    for path in lab.folder.root.glob("trials/*/weights*.safetensors"):
        path.unlink()
    said: list[str] = []
    study = lab.study()
    after = of_trial(lab.context(study), trial_to_look_at(study, 0), "validation", said.append)
    assert torch.equal(before.probabilities, after.probabilities)
    assert any("trained again" in sentence for sentence in said)
    assert any("trained again" in note for note in after.notes)
    assert not any("trained again" in note for note in before.notes)


def test_the_test_part_is_shown_of_the_network_that_was_tested(new_lab: NewLab) -> None:
    lab = searched(new_lab, "gru")
    study = lab.study()
    evaluate_selected(lab.context(study))
    write_best_model(study, lab.settings, lab.folder)
    diagnosed = diagnosed_of(lab, "test")
    found = study.user_attrs["evaluations"]["0"]["test"]
    right = float((diagnosed.predicted == diagnosed.labels).double().mean())
    assert right == pytest.approx(found["accuracy"])
    assert "best_model/" in diagnosed.notes[0]


def test_what_cannot_be_diagnosed_is_said(new_lab: NewLab) -> None:
    lab = searched(new_lab, "gru")
    study = lab.study()
    with pytest.raises(StudyError, match=r"no trial 7: its trials are 0 to 0"):
        trial_to_look_at(study, 7)
    empty = new_lab("empty", {"search": {"trials": 1}})
    with pytest.raises(StudyError, match="no complete trial yet"):
        trial_to_look_at(empty.study(), None)
    other = Lab(lab.place, lab.settings, new_lab("other", dataset=make_toy(seed=5)).splits)
    with pytest.raises(StudyError, match="fingerprint differs"):
        of_trial(other.context(study), trial_to_look_at(study, 0), "validation")


def test_pictures_take_the_colours_of_the_page_and_keep_their_names_apart() -> None:
    figure, (axes,) = sheets.panels(1, 1, 1.5, titles=("a $formula$ & <tag>",))
    axes.plot([0, 1], [0, 1], color=sheets.class_colour(0))
    axes.plot([0, 1], [1, 0], color=sheets.class_colour(3))
    drawn = sheets.svg(figure, "one", "a <title>")
    assert drawn.startswith("<svg")
    assert "var(--paper)" in drawn
    assert "var(--ink)" in drawn
    assert "var(--complete)" in drawn
    assert sheets.class_colour(3) in drawn
    assert "a $formula$ &amp; &lt;tag&gt;" in drawn
    assert 'id="one-figure_1"' in drawn
