"""A study is resumed only as the same study; what may change is how long and by what rule it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from optuna.trial import TrialState

from tune.config.changes import changed_settings
from tune.config.initial import initial_configurations
from tune.config.settings import resolve
from tune.config.spaces import SPACES, Scalar
from tune.core.errors import StudyError
from tune.core.failures import explain
from tune.core.folders import SaveDir
from tune.run import plan
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import (
    all_parameters,
    best_trial,
    best_trials,
    create_study,
    load_study,
    resume_study,
    stored_settings,
    study_names,
    versions,
)

if TYPE_CHECKING:
    from data.sequences import SequenceDataset
    from tests.tune.conftest import Lab, NewLab


# The settings of a study begun at 44271d3, apart from its space, which has not changed since.
FIRST_SETTINGS = {
    "data": {
        *("asl_citizen", "classes", "landmarks", "missing_hands", "pad_length", "path", "resample_hz"),
        *("resample_length", "window_seconds"),
    },
    "split": {"folds", "kind", "seed", "test_fraction", "test_groups", "validation_fraction"},
    "search": {
        *("max_latency_ms", "max_parameters", "metric", "pruner", "record_answers", "sampler", "second_objective"),
        *("seed", "target", "timeout_seconds", "trials"),
    },
}


def storage_of(lab: Lab) -> Any:
    return open_storage(sqlite_url(lab.place / "tune.db"))


def save_dir_of(lab: Lab) -> SaveDir:
    return SaveDir(lab.place)


def test_a_name_that_exists_is_refused_with_the_three_ways_out(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    with pytest.raises(StudyError) as caught:
        create_study(storage_of(lab), lab.folder, lab.settings, lab.splits)
    for way_out in ("--resume", "--study-name", "--warm-start toy-gru"):
        assert way_out in str(caught.value)


def test_the_first_trial_is_a_default_one(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    searched, _ = lab.settings.ranges()
    lab.search()
    first, *_ = lab.trials()
    expected = initial_configurations("gesture", "gru", searched)[0]
    assert {name: first.params[name] for name in expected} == expected
    assert first.user_attrs["origin"] == "known-good"
    assert expected.keys() == searched.keys()


def test_everything_that_a_study_depends_on_is_stored(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = lab.study()
    assert stored_settings(study) == lab.settings.model_dump(mode="json")
    attributes = study.user_attrs
    assert attributes["data_fingerprint"] == lab.splits.dataset.fingerprint
    assert attributes["data"]["class_names"] == ["low", "middle", "high"]
    assert attributes["split"]["kind"] == "group"
    assert attributes["n_validation"] == len(lab.splits.folds[0].validation)
    assert attributes["versions"] == versions()
    assert study_names(storage_of(lab)) == ["toy-gru"]
    assert load_study(storage_of(lab), "nothing") is None


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ({"training": {"epochs": 9}}, "training.epochs: 3 in the study, 9 now"),
        ({"search": {"metric": "loss"}}, "search.metric: accuracy in the study, loss now"),
        ({"search": {"seed": 9}}, "search.seed: 3 in the study, 9 now"),
        ({"split": {"kind": "stratified"}}, "split.kind: group in the study, stratified now"),
        ({"split": {"folds": 2}}, "split.folds: 0 in the study, 2 now"),
        ({"data": {"classes": 2}}, "data.classes: None in the study, 2 now"),
        ({"architecture": "lstm"}, "architecture: gru in the study, lstm now"),
        ({"space": {"gru": {"hidden_size": {"high": 16}}}}, "space.gru.hidden_size: {'low': 4, 'high': 8"),
        ({"space": {"gru": {"hidden_size": 8}}}, "space.gru.hidden_size: {'low': 4, 'high': 8"),
        ({"space": {"shared": {"batch_size": [8, 32]}}}, "space.shared.batch_size: [8, 16] in the study, [8, 32] now"),
    ],
)
def test_a_change_that_makes_trials_incomparable_is_refused_and_named(
    new_lab: NewLab, layer: dict[str, Any], path: str
) -> None:
    lab = new_lab("study")
    lab.study()
    with pytest.raises(StudyError) as caught:
        lab.with_settings(layer).study()
    assert f"\n  {path}" in str(caught.value)
    assert "--warm-start toy-gru" in str(caught.value)


def test_all_differences_are_listed_at_once(new_lab: NewLab) -> None:
    settings = new_lab("study").settings
    changed = new_lab("other", {"training": {"epochs": 9, "patience": 9}, "search": {"seed": 9}}).settings
    listed = changed_settings(settings.model_dump(mode="json"), changed)
    assert [line.split(":")[0] for line in listed] == ["search.seed", "training.epochs", "training.patience"]


def test_a_study_of_an_older_version_is_refused_in_one_line(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = lab.study()
    stored = study.user_attrs["settings"]
    del stored["training"]["refit"], stored["space"]["shared"]["rotation"]
    study.set_user_attr("settings", stored)
    with pytest.raises(StudyError) as caught:
        lab.study()
    assert "before there were the settings space.shared.rotation, training.refit\n" in str(caught.value)
    assert "Leave the changes out" not in str(caught.value)
    assert "--warm-start toy-gru" in str(caught.value)


def test_a_study_of_before_people_were_balanced_keeps_its_people(new_lab: NewLab) -> None:
    lab = new_lab("study", {"split": {"balanced": False}})
    study = lab.study()
    stored = study.user_attrs["settings"]
    del stored["split"]["balanced"]
    study.set_user_attr("settings", stored)
    assert stored_settings(study) == lab.settings.model_dump(mode="json")
    lab.study()
    with pytest.raises(StudyError, match=r"split\.balanced: False in the study, True now"):
        lab.with_settings({"split": {"balanced": True}}).study()


def test_a_range_of_another_architecture_does_not_matter(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    lab.with_settings({"space": {"lstm": {"hidden_size": 32}}}).study()


@pytest.mark.parametrize(
    "layer",
    [
        {"search": {"trials": 50}},
        {"search": {"timeout_seconds": 60.0}},
        {"search": {"target": 0.99}},
        {"search": {"sampler": "random", "pruner": "none"}},
        {"data": {"path": "/elsewhere"}},
        {"machine": {"device": "cpu", "threads": 2}},
    ],
)
def test_how_long_and_where_may_change(new_lab: NewLab, layer: dict[str, Any]) -> None:
    lab = new_lab("study")
    lab.study()
    lab.with_settings(layer).study()


def test_other_recordings_are_refused(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    values = lab.splits.dataset.values.clone()
    values[0, 0] += 1
    other = replace(lab.splits, dataset=replace(lab.splits.dataset, values=values))
    with pytest.raises(StudyError, match="the recordings are not those that the study began with"):
        replace(lab, splits=other).study()


def test_a_study_that_goes_on_keeps_its_own_settings(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    name, settings, study = plan(storage_of(lab), save_dir_of(lab), "toy-gru", [{"search": {"trials": 9}}], resume=True)
    assert name == "toy-gru"
    assert study is not None
    assert settings == lab.with_settings({"search": {"trials": 9}}).settings


def test_without_resume_a_study_that_exists_is_refused_before_the_data_are_loaded(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()
    with pytest.raises(StudyError, match="exists already"):
        plan(storage_of(lab), save_dir_of(lab), None, [{"dataset": "toy"}], resume=False)
    name, settings, study = plan(storage_of(lab), save_dir_of(lab), "other", [{"search": {"trials": 9}}], resume=False)
    assert (name, settings.search.trials, study) == ("other", 9, None)


def test_a_study_whose_creation_was_killed_begins_anew(new_lab: NewLab) -> None:
    import optuna

    lab = new_lab("study", {"search": {"trials": 1}})
    optuna.create_study(storage=storage_of(lab), study_name="toy-gru", direction="maximize")
    assert lab.search().reason == "1 trial finished"


@pytest.mark.parametrize(
    ("change", "code"), [({"search": {"metric": "loss"}}, 3), ({"training": {"epochs": 2}}, 2), ({}, 3)]
)
def test_another_study_of_the_same_name_is_told_from_a_mistake(
    new_lab: NewLab, toy: SequenceDataset, change: dict[str, Any], code: int
) -> None:
    """The last one has the same settings, and other recordings."""
    lab = new_lab("study")
    lab.study()
    settings = lab.with_settings(change).settings
    splits = lab.splits if change else new_lab("other", dataset=replace(toy, values=toy.values + 1)).splits
    with pytest.raises(StudyError, match="cannot be resumed so") as caught:
        resume_study(lab.study(), settings, splits)
    explained = explain(caught.value)
    assert explained is not None
    assert explained[1] == code


def test_a_warm_start_tries_the_default_one_and_then_the_best_of_the_other_study(new_lab: NewLab) -> None:
    first = new_lab("first", {"search": {"pruner": "none"}})
    first.search()
    best = [all_parameters(trial) for trial in best_trials(first.study(), 2)]
    second = new_lab("second", {"search": {"trials": 4, "seed": 99}})
    create_study(storage_of(second), second.folder, second.settings, second.splits, best)
    second.search()
    tried = [all_parameters(trial) for trial in second.trials()]
    assert best[0] in tried
    assert len({str(sorted(parameters.items())) for parameters in tried}) == 4
    assert {trial.user_attrs.get("origin") for trial in second.trials()} <= {"known-good", "warm start", None}


def test_a_warm_start_into_a_narrower_space_moves_the_values_into_it(new_lab: NewLab) -> None:
    lab = new_lab("study", {"space": {"gru": {"hidden_size": {"low": 6, "high": 7}}}})
    other: dict[str, Scalar] = {
        "hidden_size": 200,
        "pooling": "attention",
        "batch_size": 20,
        "n_layers": 3,
        "unknown": 1,
    }
    study = create_study(storage_of(lab), lab.folder, lab.settings, lab.splits, [other])
    *_, warm = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    fixed = warm.system_attrs["fixed_params"]
    assert (fixed["hidden_size"], fixed["batch_size"]) == (7, 16)
    assert not fixed.keys() & {"pooling", "n_layers", "unknown"}


@pytest.mark.parametrize(("metric", "best_value"), [("accuracy", 0.9), ("loss", 0.1)])
def test_the_best_trial_is_complete_and_the_first_of_equals(new_lab: NewLab, metric: str, best_value: float) -> None:
    study = new_lab("study", {"search": {"metric": metric}}).study()
    assert best_trial(study) is None
    for value in (0.5, 0.1, 0.9, 0.9, 0.1):
        study.tell(study.ask(), value)
    pruned = study.ask()
    pruned.report(0.99 if metric == "accuracy" else 0.01, 1)
    study.tell(pruned, state=TrialState.PRUNED)
    best = best_trial(study)
    assert best is not None
    assert (best.value, best.number) == (best_value, 2 if metric == "accuracy" else 1)
    assert len(best_trials(study, 3)) == 3


def test_every_architecture_can_be_a_study(new_lab: NewLab) -> None:
    for architecture in SPACES:
        lab = new_lab(architecture, {"architecture": architecture})
        searched, fixed = lab.settings.ranges()
        assert not searched.keys() & fixed.keys()
        assert lab.study().direction.name == "MAXIMIZE"


def test_a_study_that_knows_none_of_the_later_settings_goes_on_as_it_began(new_lab: NewLab) -> None:
    lab = new_lab("study", {"split": {"balanced": False}})
    study = lab.study()
    stored = study.user_attrs["settings"]
    for section, known in FIRST_SETTINGS.items():
        stored[section] = {name: value for name, value in stored[section].items() if name in known}
    del stored["space"]["shared"]["class_balance"]
    study.set_user_attr("settings", stored)
    _, settings, existing = plan(
        storage_of(lab), save_dir_of(lab), study.study_name, [{"search": {"trials": 9}}], resume=True
    )
    assert existing is not None
    resume_study(existing, settings, lab.splits)
    assert (settings.split.balanced, settings.split.outer_fold, settings.split.common_epoch) == (False, None, False)
    assert (settings.search.floors, settings.search.ensemble, settings.search.stop) == (False, 0, "never")
    assert (settings.search.false_alarms_per_hour, settings.search.unknown_classes) == (None, 0)
    assert settings.search.device_precision == "float32"
    assert (settings.data.label_from, settings.ranges()[1]["class_balance"]) == ("folder", "none")
    assert settings.data.storage == "memory"


def test_a_stored_space_keeps_its_order_by_which_draws_are_made(new_lab: NewLab) -> None:
    lab = new_lab("study")
    stored = stored_settings(lab.study())
    assert stored is not None
    assert list(resolve(stored).ranges()[0]) == list(lab.settings.ranges()[0])
