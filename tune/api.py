"""The Python door: a study as an estimator of scikit-learn's kind, and a trained network as an object."""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame, isna
from rich.console import Console
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from data.errors import DataError
from data.files import NAME as OWN_RECORDINGS
from data.layouts.in_memory import archive_of, tables_of, texts_of
from data.recording import Layout, Recording
from data.recordings import fill_gaps
from data.unlabelled import Unlabelled
from models.own import keep_class

from .config.own_network import network_layer
from .config.settings import nested, resolve
from .core.errors import StudyError
from .core.files import write_bytes
from .core.folders import BEST_MODEL, DEFAULT_SAVE_DIR, SaveDir, check_study_name
from .core.problems import Problem, SettingsError
from .core.stopping import StopWatch, seconds_before_exports
from .core.terminal import console
from .deploy.classifier import Classifier, load_classifier
from .deploy.inputs import Wanted
from .deploy.predictions import predictions
from .deploy.sources import find_model
from .report.figures.sheets import png
from .run import Finished, open_study, plan, run_study
from .search.progress import show
from .study.agreement import open_beside
from .study.context import RunContext
from .training.splits import load_splits

Array = NDArray[Any]
# What settings would decide that arguments do.
ARGUMENTS = {
    "architecture": "architecture",
    "network": "architecture",
    "search.trials": "trials",
    "search.seed": "random_state",
    "dataset": "X",
    "data.path": "X",
}


class SequenceModel:
    """A trained network with everything around it: what is measured goes in, classes come out.

    Args:
        classifier: In torch, or in ONNX's runtime.

    Attributes:
        classes_: Names of the classes, in the order of the probabilities.
        channel_names: Channels that a step has, in their order.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.classes_: Array = np.array(classifier.facts.class_names)
        self.channel_names: tuple[str, ...] = classifier.facts.channel_names

    def predict_proba(self, X: Any) -> Array:
        """Calibrated probabilities, [sequences, classes].

        Of a recording much longer than those of the training they are the mean over windows of their length.

        Args:
            X: As of ``SequenceTuner.fit``; of several channels, one array [steps, channels], or a data frame with a row
                a step, is one sequence. Columns of data frames are found by their names.

        Raises:
            DataError: If a sequence has other channels, no value of one of them, or too few steps.
        """
        is_table = (isinstance(X, np.ndarray) and X.ndim == 2) or (isinstance(X, DataFrame) and X.index.nlevels == 1)
        if len(self.channel_names) > 1 and is_table:
            X = [X]
        tables, names = tables_of(X)
        recordings = (_without_gaps(f"sequence {k}", table, names) for k, table in enumerate(tables))
        return np.stack([one.probabilities for one in predictions(self._classifier, recordings, Wanted())])

    def predict(self, X: Any) -> Array:
        """The most likely class of every sequence, [sequences]; arguments and errors as of ``predict_proba``."""
        found: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found


def load_model(path: str | Path, network: str | type | None = None) -> SequenceModel:
    """Takes a trained network into use.

    Args:
        path: The folder of a study or its ``best_model``, or a ``.onnx`` file of ``export``. What is not below the
            current folder is looked for in the checkout, where ``SequenceTuner`` keeps its studies.
        network: The class of a network of your own, or ``"FILE.py:CLASS"``: its code is not in the folder.

    Raises:
        SettingsError: If there is none, or it is damaged.
    """
    if network is not None:
        resolve(_architecture_layer(network))
    kept = DEFAULT_SAVE_DIR.parent / path
    here = Path(path) if Path(path).exists() or not kept.exists() else kept
    return SequenceModel(load_classifier(find_model(here, None, DEFAULT_SAVE_DIR)))


def _architecture_layer(architecture: str | type) -> dict[str, Any]:
    """A registered architecture by its name, or one of one's own by its file and class, as settings."""
    if isinstance(architecture, str):
        return network_layer(architecture) if ":" in architecture else {"architecture": architecture}
    if not isinstance(architecture, type):
        rule = "must be the name of an architecture, a class, or FILE.py:CLASS"
        raise SettingsError([Problem("architecture", architecture, rule)])
    try:
        path = Path(inspect.getfile(architecture))
    except (TypeError, OSError) as error:
        rule = "is in no file, which other processes would find it by"
        way_out = 'write it into one (in a notebook: %%writefile mine.py) and name it "mine.py:CLASS"'
        raise SettingsError([Problem("architecture", architecture.__name__, rule, way_out)]) from error
    if architecture.__module__ == "__main__":
        keep_class(architecture, path)
    return network_layer(f"{path}:{architecture.__name__}")


def _at(layer: Any, path: Sequence[str]) -> Any:
    """What nested settings say of a path; None for nothing."""
    for key in path:
        layer = layer.get(key) if isinstance(layer, dict) else None
    return layer


def _plain(value: Any) -> Any:
    """A number as Python has it, which a grid of NumPy's numbers does not hold."""
    return value.item() if isinstance(value, np.generic) else value


def _without_gaps(place: str, table: Array, names: tuple[str, ...] | None) -> Unlabelled:
    """A sequence whose missing values are filled in from their neighbours, as in training."""
    layout = Layout("", place, names or tuple(f"channel_{k + 1}" for k in range(table.shape[1])))
    return Unlabelled(place, fill_gaps(layout, [Recording(place, "", table)])[0][0], names, None)


class Picture:
    """A figure of a study; a notebook shows it as it is.

    Args:
        figure: Of matplotlib, to be changed as you like.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def _repr_png_(self) -> bytes:
        return png(self.figure)


class SequenceTuner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tunes a network for labelled sequences, as ``./run_tuning.sh`` does, and is then the best one that it found.

    Whatever is not an argument is a setting: ``./run_tuning.sh config`` prints all of them. The study that ``fit``
    leaves is the command line's: it can be gone on with, reported and exported there.

    Args:
        architecture: A registered one, which ``./run_tuning.sh models`` lists, or one of your own: its class, or
            ``"FILE.py:CLASS"``.
        trials: Finished trials that the study shall have, those of an earlier ``fit`` included.
        study: Name of the study in ``studies/``, or the path of its folder; ``fit`` goes on with one that is there.
            None is a study of its own each time, which is deleted with this object.
        settings: Settings by their paths, such as ``{"training.epochs": 5}``, or nested as in a configuration file.
        random_state: Decides everything that is random.
        verbose: Whether to show the trials while they run: a table on a terminal or in a notebook, else lines.

    Attributes:
        classes_: Labels as they were given, sorted; the order of the probabilities.
        n_features_in_: Channels that a step has.
        best_: What ``best_config.json`` says of the configuration that is used, and of its scores.
        model_: The network that is used.
        study_: The study, as Optuna knows it; None in a copy of this object.
        folder_: Of the study's exports, ``report.html`` among them.
    """

    def __init__(
        self,
        architecture: str | type = "gru",
        trials: int = 20,
        study: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        random_state: int = 0,
        verbose: bool = True,
    ) -> None:
        self.architecture = architecture
        self.trials = trials
        self.study = study
        self.settings = settings
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        *,
        sample_rate_hz: float | None = None,
    ) -> Self:
        """Begins the study, or goes on with it, and takes its best network into use.

        Ctrl-C, or a notebook's stop button, stores what is there and ends with ``KeyboardInterrupt``; ``fit`` with the
        same data goes on.

        Args:
            X: A list of arrays [steps, channels] or of data frames with a column a channel; an array [sequences,
                steps, channels]; or a data frame whose index has two levels, the sequence and its step. One channel
                may be left out: [steps], or [sequences, steps]. NaN is a missing value, and padding at either end.
            y: A label a sequence.
            groups: Who performed each sequence: people are then kept apart in training, validation and test set.
            sample_rate_hz: Steps a second; recordings of more than 1,000 steps are cut into windows where it is given.

        Raises:
            DataError: If the data cannot be used. It is a ``ValueError``.
            SettingsError: If an argument or a setting is wrong.
            StudyError: If a study of that name is about other data or other settings, or every trial failed.
            StorageError: If the database cannot be used.
        """
        tables, channel_names = tables_of(X)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        check_consistent_length(tables, y, groups)
        classes, of_each = np.unique(y, return_inverse=True)
        texts = texts_of(classes)
        if groups is not None and (missing := np.flatnonzero(isna(np.asarray(groups, dtype=object)))).size:
            raise DataError(f"it is not said who performed sequence {missing[0]}: groups hold no value for it")
        people = None if groups is None else texts_of(groups)
        content = archive_of(tables, [texts[k] for k in of_each], people, channel_names, sample_rate_hz)
        save_dir, name = self._place()
        # The command line finds the recordings here, and so does every process that trains.
        path = save_dir.study(name).root / f"recordings-{hashlib.sha256(content).hexdigest()[:12]}.npz"
        is_new = not path.exists()
        if is_new:
            write_bytes(path, content)
        try:
            context, notes = self._opened(save_dir, name, path)
        except Exception:
            if is_new:
                path.unlink()
            raise
        finished = self._run(context, notes)
        self.folder_ = finished.folder.root
        if not (self.folder_ / BEST_MODEL).exists():
            raise StudyError(f"no trial of {name!r} has come to a score: {finished.ended.failure or 'see its log'}")
        self.study_ = finished.study
        self.classes_, self.n_features_in_ = classes, tables[0].shape[1]
        self.best_: dict[str, Any] = json.loads((self.folder_ / "best_config.json").read_text(encoding="utf-8"))
        self.model_ = load_model(self.folder_)
        self._columns = [self.model_.classes_.tolist().index(text) for text in texts]
        return self

    def predict_proba(self, X: Any) -> Array:
        """Calibrated probabilities, [sequences, classes] in the order of ``classes_``.

        Args:
            X: As of ``fit``.

        Raises:
            DataError: If a sequence has other channels, no value of one of them, or too few steps.
            NotFittedError: Before ``fit``.
        """
        check_is_fitted(self)
        return self.model_.predict_proba(X)[:, self._columns]

    def predict(self, X: Any) -> Array:
        """The most likely label of every sequence, [sequences]; arguments and errors as of ``predict_proba``."""
        shares = self.predict_proba(X)
        found: Array = self.classes_[shares.argmax(axis=1)]
        return found

    def plots(self) -> dict[str, Picture]:
        """The report's figures of the search, by their names; those that would say nothing are left out.

        Raises:
            StudyError: Of a copy of this object, which has no study.
            NotFittedError: Before ``fit``.
        """
        check_is_fitted(self)
        if self.study_ is None:
            raise StudyError("a copy of a tuner has its network and not its study: ask the one that was fitted")
        from .report.context import study_context
        from .report.facts import trials_to_draw
        from .report.figures.collection import KINDS, study_figures
        from .report.figures.curves import curves_info

        attributes = self.study_.user_attrs
        metric = attributes["settings"]["search"]["metric"]
        context = study_context(self.study_, metric, attributes["n_validation"])
        trials = trials_to_draw(self.study_, metric, context)
        found = {**study_figures(trials, context)._asdict(), "curves": curves_info(trials, context)}
        draw: dict[str, Callable[..., Any] | None] = {name: kind.draw for name, kind in KINDS.items()}
        return {
            name: Picture(make(info, context).figure)
            for name, info in found.items()
            if not isinstance(info, str) and (make := draw[name]) is not None
        }

    def __getstate__(self) -> dict[str, Any]:
        """Without the study, which is a connection to a database."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "study_": None} if "study_" in state else state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def _place(self) -> tuple[SaveDir, str]:
        if self.study is None:
            folder = Path(tempfile.mkdtemp(prefix="seqtune-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            return SaveDir(folder), "study"
        path = Path(self.study)
        check_study_name(path.name)
        return SaveDir(DEFAULT_SAVE_DIR if path.parent == Path() else path.parent), path.name

    def _opened(self, save_dir: SaveDir, name: str, path: Path) -> tuple[RunContext, list[str]]:
        if not isinstance(self.settings, Mapping | None):
            rule = "must be a dictionary of settings by their paths"
            raise SettingsError([Problem("settings", self.settings, rule, 'for example {"training.epochs": 5}')])
        given = [nested(key, value) for key, value in (self.settings or {}).items()]
        if problems := [
            Problem(f"settings: {setting}", value, f"is what the argument {argument} says", f"give it as {argument}")
            for setting, argument in ARGUMENTS.items()
            for layer in given
            if (value := _at(layer, setting.split("."))) is not None
        ]:
            raise SettingsError(problems)
        storage = open_beside(save_dir.local)
        layers = [
            {"dataset": OWN_RECORDINGS, "data": {"path": str(path.absolute())}},
            *given,
            _architecture_layer(self.architecture),
            {"search": {"trials": _plain(self.trials), "seed": _plain(self.random_state)}},
        ]
        _, settings, existing = plan(storage, save_dir, name, layers, resume=True)
        return open_study(storage, save_dir.study(name), settings, existing, load_splits(settings))

    def _run(self, context: RunContext, notes: list[str]) -> Finished:
        stop = _Interruptible(seconds_before_exports(context.settings.search.timeout_seconds))
        screen = console() if self.verbose else Console(quiet=True, force_jupyter=False)
        n_threads = torch.get_num_threads()
        try:
            finished = run_study(context, notes, show=partial(show, console=screen), stop=stop)
        finally:
            torch.set_num_threads(n_threads)
        if stop.signal is not None:
            raise KeyboardInterrupt("what the study has is stored: call fit again to go on")
        return finished


class _Interruptible(StopWatch):
    """Somebody else's process is not ended at once by a second signal, as that of the command line is."""

    def end_at_once(self, number: int) -> None:
        """Leaves everything as it is, which the next run goes on from."""
        raise KeyboardInterrupt
