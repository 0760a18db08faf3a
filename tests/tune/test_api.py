"""The Python door: the command line's studies, by scikit-learn's conventions."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

import tune
from data.errors import DataError
from tests.processes import ROOT, run
from tests.tune.conftest import make_toy
from tune import SequenceTuner, api, load_model
from tune.core.errors import OtherStudyError, StudyError
from tune.core.problems import SettingsError
from tune.study.storage import open_storage, sqlite_url

SETTINGS: dict[str, Any] = {
    "training.epochs": 2,
    "split.folds": 0,
    "search.floors": False,
    "confirmation.configurations": 0,
    "space": {"gru": {"hidden_size": [4, 8], "n_layers": 1, "front_layers": 0}},
}
AS_OPTIONS = (
    "--epochs=2",
    "--set=split.folds=0",
    "--no-floors",
    "--confirm=0",
    "--set=space.gru.hidden_size=[4, 8]",
    "--set=space.gru.n_layers=1",
    "--set=space.gru.front_layers=0",
)
TOY = make_toy()
SEQUENCES = [TOY.sequence(k).numpy() for k in range(len(TOY))]
LABELS = np.array([TOY.class_names[k] for k in TOY.labels.tolist()])
assert TOY.groups is not None
PEOPLE = TOY.groups.numpy()


def tuner(study: Path | None, **changes: Any) -> SequenceTuner:
    return SequenceTuner(**{"trials": 2, "study": study, "settings": SETTINGS, "verbose": False, **changes})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> SequenceTuner:
    return tuner(tmp_path_factory.mktemp("door") / "mine").fit(SEQUENCES, LABELS, groups=PEOPLE)


def padded() -> NDArray[np.float32]:
    """The same sequences as one array, NaN behind their ends."""
    values = np.full((len(SEQUENCES), max(map(len, SEQUENCES)), 2), np.nan, np.float32)
    for k, one in enumerate(SEQUENCES):
        values[k, : len(one)] = one
    return values


def trials_of(folder: Path) -> list[tuple[dict[str, Any], dict[int, float], Any]]:
    study = optuna.load_study(study_name=folder.name, storage=open_storage(sqlite_url(folder.parent / "tune.db")))
    trials = study.get_trials(deepcopy=False)
    return [(one.params, one.intermediate_values, one.user_attrs.get("validation_loss")) for one in trials]


def test_it_is_the_best_network_of_its_study(fitted: SequenceTuner) -> None:
    assert fitted.classes_.tolist() == sorted(TOY.class_names)
    assert fitted.n_features_in_ == 2
    probabilities = fitted.predict_proba(SEQUENCES)
    assert probabilities.shape == (len(SEQUENCES), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    predicted = fitted.predict(SEQUENCES)
    assert (predicted == fitted.classes_[probabilities.argmax(axis=1)]).all()
    assert fitted.score(SEQUENCES, LABELS) == (predicted == LABELS).mean()
    assert fitted.best_ == json.loads((fitted.folder_ / "best_config.json").read_text())
    assert (fitted.folder_ / "report.html").is_file()


def test_its_network_is_loaded_from_its_folder(
    fitted: SequenceTuner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (fitted.folder_, str(fitted.folder_ / "best_model")):
        model = load_model(folder)
        assert (model.predict(SEQUENCES) == fitted.predict(SEQUENCES)).all()
        assert set(model.classes_) == set(TOY.class_names)
    with monkeypatch.context() as patched:
        patched.chdir(tmp_path)
        patched.setattr(api, "DEFAULT_SAVE_DIR", fitted.folder_.parent)
        elsewhere = load_model(f"{fitted.folder_.parent.name}/{fitted.folder_.name}/best_model")
    assert (elsewhere.predict(SEQUENCES) == fitted.predict(SEQUENCES)).all()
    one = SEQUENCES[0]
    assert load_model(fitted.folder_).predict(one).tolist() == fitted.predict([one]).tolist()
    table = pd.DataFrame(one, columns=["channel_1", "channel_2"])[["channel_2", "channel_1"]]
    assert load_model(fitted.folder_).predict(table).tolist() == fitted.predict([one]).tolist()


def test_the_study_is_that_of_the_command_line_to_the_bit(fitted: SequenceTuner, tmp_path: Path) -> None:
    archive = tmp_path / "recordings.npz"
    lengths = [len(one) for one in SEQUENCES]
    np.savez(archive, X=np.nan_to_num(padded()), lengths=lengths, y=LABELS, groups=PEOPLE)
    run(f"--data-path={archive}", "--trials=2", f"--save-dir={tmp_path}", "--study-name=typed", *AS_OPTIONS)
    assert trials_of(tmp_path / "typed") == trials_of(fitted.folder_)
    theirs = load_model(tmp_path / "typed").predict_proba(SEQUENCES)
    np.testing.assert_array_equal(theirs, load_model(fitted.folder_).predict_proba(SEQUENCES))


def test_the_command_line_goes_on_with_it_and_it_with_that(tmp_path: Path) -> None:
    mine = tuner(tmp_path / "mine", trials=1).fit(SEQUENCES, LABELS, groups=PEOPLE)
    run("--study-name=mine", "--resume", "--trials=2", f"--save-dir={tmp_path}")
    first = trials_of(tmp_path / "mine")
    assert len(first) == 2
    mine.set_params(trials=3).fit(SEQUENCES, LABELS, groups=PEOPLE)
    assert trials_of(tmp_path / "mine")[:2] == first
    assert len(mine.study_.trials) == 3


def test_the_form_of_the_data_changes_nothing(fitted: SequenceTuner) -> None:
    """A study of the same name takes all of them for the same data, and trains no more."""
    frames = [pd.DataFrame(one, columns=["channel_1", "channel_2"]) for one in SEQUENCES]
    long = pd.concat(dict(enumerate(frames)))
    before = trials_of(fitted.folder_)
    for same in (tuple(SEQUENCES), padded(), frames, long, [one.tolist() for one in SEQUENCES]):
        tuner(fitted.folder_, trials=np.int64(2), random_state=np.int32(0)).fit(
            same, LABELS.tolist(), groups=PEOPLE.tolist()
        )
        np.testing.assert_array_equal(fitted.predict_proba(same), fitted.predict_proba(SEQUENCES))
    assert trials_of(fitted.folder_) == before


def test_other_data_or_settings_under_its_name_are_refused(fitted: SequenceTuner) -> None:
    before = sorted(fitted.folder_.iterdir())
    with pytest.raises(OtherStudyError, match="the recordings are not those that the study began with"):
        tuner(fitted.folder_).fit(SEQUENCES[:-3], LABELS[:-3], groups=PEOPLE[:-3])
    with pytest.raises(StudyError, match=r"training\.epochs: 2 in the study, 3 now"):
        tuner(fitted.folder_, settings={**SETTINGS, "training.epochs": 3}).fit(SEQUENCES, LABELS, groups=PEOPLE)
    assert sorted(fitted.folder_.iterdir()) == before


def test_columns_of_data_frames_are_found_by_their_names(tmp_path: Path) -> None:
    frames = [pd.DataFrame(one, columns=["level", "noise"]) for one in SEQUENCES]
    mine = tuner(tmp_path / "named", trials=1).fit(frames, LABELS, groups=PEOPLE)
    turned = [frame[["noise", "level"]] for frame in frames]
    np.testing.assert_array_equal(mine.predict_proba(turned), mine.predict_proba(frames))


@pytest.mark.parametrize("labels", [np.arange(3) - 1, np.array([10.0, 2.0, 7.0]), np.array(["b", "c", "a"], object)])
def test_labels_come_back_as_they_were_given(labels: NDArray[Any], tmp_path: Path) -> None:
    given = labels[TOY.labels.numpy()]
    mine = tuner(tmp_path / "labels", trials=1).fit(SEQUENCES, given)
    assert mine.classes_.tolist() == sorted(labels.tolist())
    assert set(mine.predict(SEQUENCES)) <= set(labels.tolist())
    assert mine.predict(SEQUENCES).dtype == given.dtype
    assert mine.score(SEQUENCES, given) > 0.4  # a third by chance: columns are not mixed up


def test_a_clone_begins_anew_and_a_copy_predicts(fitted: SequenceTuner) -> None:
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        again.predict(SEQUENCES)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(other.predict_proba(SEQUENCES), fitted.predict_proba(SEQUENCES))
        with pytest.raises(StudyError, match="a copy of a tuner"):
            other.plots()


def test_it_is_cross_validated_without_leaving_anything() -> None:
    scores = cross_val_score(tuner(None, trials=1), SEQUENCES, LABELS, groups=PEOPLE, cv=GroupKFold(2))
    assert len(scores) == 2


def test_a_study_without_a_name_goes_with_its_tuner() -> None:
    mine = tuner(None, trials=1).fit(SEQUENCES, LABELS)
    folder = mine.folder_
    assert folder.is_dir()
    del mine
    assert not folder.parent.exists()


def test_plots_are_pictures(fitted: SequenceTuner) -> None:
    plots = fitted.plots()
    assert {"history", "curves"} <= plots.keys()
    for plot in plots.values():
        assert plot._repr_png_().startswith(b"\x89PNG")


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path) -> None:
    mine = tuner(tmp_path / "wrong")
    for wrong, why in (
        ([], "there is no sequence"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], "sequence 1 has 1 channels, and sequence 0 has 2"),
        ([np.zeros((3, 2)), np.full((3, 2), np.nan)], "sequence 1 holds no value"),
        ([np.zeros((3, 2)), np.zeros((0, 2))], r"sequence 1 has the shape \[0, 2\]"),
        ([np.array(["a"]), np.array(["b"])], "sequence 0 does not hold numbers alone"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})], "different columns: a and b"),
        (3, "int is not read"),
    ):
        with pytest.raises(DataError, match=why):
            mine.fit(wrong, ["a", "b"])
    with pytest.raises(DataError, match="only the class 'a'"):
        mine.fit([np.zeros((3, 2))] * 2, ["a", "a"])
    with pytest.raises(SettingsError, match=r"training\.epoch = 2: no such setting \(did you mean 'epochs'"):
        tuner(tmp_path / "wrong", settings={"training.epoch": 2}).fit(SEQUENCES, LABELS)
    with pytest.raises(SettingsError, match="did you mean 'gru'"):
        tuner(tmp_path / "wrong", architecture="grru").fit(SEQUENCES, LABELS)
    for wrong_tuner, why in (
        ({"architecture": 3}, "architecture = 3: must be the name of an architecture, a class"),
        ({"settings": ["training.epochs"]}, "settings = .*must be a dictionary of settings by their paths"),
        ({"settings": {"search": {"trials": 3}}}, r"settings: search\.trials = 3: is what the argument trials says"),
        ({"random_state": None}, r"search\.seed = null: must be a whole number"),
    ):
        with pytest.raises(SettingsError, match=why):
            tuner(tmp_path / "wrong", **wrong_tuner).fit(SEQUENCES, LABELS)
    for missing in (None, np.nan):
        with pytest.raises(DataError, match="it is not said who performed sequence 0"):
            mine.fit(SEQUENCES, LABELS, groups=[missing, *PEOPLE[1:].tolist()])
    with pytest.raises(SettingsError, match="study name"):
        tuner(tmp_path / "not a name").fit(SEQUENCES, LABELS)
    assert not list(tmp_path.rglob("*.npz"))


def test_prediction_refuses_what_the_network_was_not_made_for(fitted: SequenceTuner) -> None:
    with pytest.raises(DataError, match="sequence 0 has 3 channels; the network takes 2"):
        fitted.predict([np.zeros((5, 3))])
    gap = SEQUENCES[0].copy()
    gap[:, 0] = np.nan
    with pytest.raises(DataError, match="sequence 1: the channel 'channel_1' holds no value at all"):
        fitted.predict([SEQUENCES[1], gap])


def test_missing_values_are_filled_in_from_their_neighbours(fitted: SequenceTuner) -> None:
    whole, gap = SEQUENCES[0].copy(), SEQUENCES[0].copy()
    whole[1, 0] = (whole[0, 0] + whole[2, 0]) / 2
    gap[1, 0] = np.nan
    np.testing.assert_allclose(fitted.predict_proba([gap]), fitted.predict_proba([whole]), atol=1e-6)


def test_an_interrupted_fit_goes_on_to_the_same_numbers(fitted: SequenceTuner, tmp_path: Path) -> None:
    mine = tuner(tmp_path / "mine")
    timer = threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT))
    once: list[int] = []

    def interrupt(frame: Any, event: str, argument: Any) -> None:
        # As soon as a trial trains, which a clock cannot know.
        if event == "call" and frame.f_code.co_name == "epoch_finished" and not once:
            once.append(1)
            timer.start()
            timer.join()

    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt, match="call fit again"):
            mine.fit(SEQUENCES, LABELS, groups=PEOPLE)
    finally:
        sys.setprofile(None)
    mine.fit(SEQUENCES, LABELS, groups=PEOPLE)
    assert trials_of(tmp_path / "mine") == trials_of(fitted.folder_)


def test_it_can_be_fitted_beside_the_main_thread(tmp_path: Path) -> None:
    mine = tuner(tmp_path / "thread", trials=1)
    thread = threading.Thread(target=mine.fit, args=(SEQUENCES, LABELS))
    thread.start()
    thread.join()
    assert mine.predict(SEQUENCES[:1]).shape == (1,)


# Each is a study or two. What does not apply: a feature of theirs is a step of ours, whose number may differ; and a
# network of one epoch does not reach the accuracy that they ask for.
CONVENTIONS = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimators_unfitted",
    "check_complex_data",
    "check_classifiers_one_label",
    "check_classifiers_regression_target",
    "check_supervised_y_no_nan",
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_fit_score_takes_y",
)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # of scikit-learn's own
def test_the_conventions_of_scikit_learn() -> None:
    plain = tuner(None, trials=1, settings={**SETTINGS, "training": {"epochs": 1, "refit": False}})
    done = set()
    for estimator, check in estimator_checks_generator(plain):
        name = getattr(check, "func", check).__name__
        if name in CONVENTIONS:
            check(estimator)
            done.add(name)
    assert done == set(CONVENTIONS)


def test_importing_the_tuner_loads_nothing_that_is_slow() -> None:
    slow = {"torch", "sklearn", "optuna", "matplotlib"}
    code = f"import sys, tune, tune.cli.main; print(sorted({slow} & sys.modules.keys()))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert not hasattr(tune, "nothing")
