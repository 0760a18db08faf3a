"""Every file of JSON that a person may edit, with something in it changed: what is wrong is told, or it works.

Numbers go to extremes, types are swapped, keys are missing, doubled or too many, values are nested.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.formats.folder import Folder
from data.published.wlasl import list_wlasl
from data.unlabelled import Unlabelled
from models import ARCHITECTURES
from tests.stored_models import CHANNELS, stored_model
from tune.cli.commands.check import _read
from tune.config.arguments import settings_layers
from tune.config.settings import default_settings, resolve
from tune.core.problems import SettingsError
from tune.deploy.classifier import TorchClassifier
from tune.deploy.inputs import Wanted
from tune.deploy.metadata import WHOLE, facts_in
from tune.deploy.predictions import predictions
from tune.experiments.schema import read_suite
from tune.training.model_folder import DESCRIPTION, load_model, write_model

SUITES = sorted((Path(__file__).resolve().parents[2] / "studies" / "suites").glob("*.json"))

numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([10**30, -(10**30), 10**9, 2**31, 2**63, 10**120, 1e308, -1e308, 5e-324, 1e-30, -0.0, 0.5, 1e39]),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        numbers,
        st.text(max_size=6),
        st.sampled_from(["nan", "NaN", "inf", "1e999", "1", "", "\0", "\ud800", "both", "x" * 5000]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def places_in(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands: the keys that lead there."""
    if isinstance(document, dict | list):
        for key in document if isinstance(document, dict) else range(min(len(document), 3)):
            yield (*above, key)
            yield from places_in(document[key], (*above, key))


@st.composite
def edited(draw: st.DrawFn, document: Any) -> str:
    """The text of the document with one to three changes."""
    document = copy.deepcopy(document)
    doubled = None
    for _ in range(draw(st.integers(1, 3))):
        places = list(places_in(document))
        if not places:
            break
        *above, key = draw(st.sampled_from(places))
        holder = document
        for one in above:
            holder = holder[one]
        how = draw(st.sampled_from(["replace", "replace", "number", "remove", "add", "wrap", "double"]))
        if how == "remove":
            del holder[key]
        elif how == "add" and isinstance(holder, dict):
            holder[draw(st.text(max_size=6))] = draw(values)
        elif how == "wrap":
            holder[key] = draw(
                st.sampled_from([[holder[key]], {"a": holder[key]}, [[[holder[key]]]], str(holder[key])])
            )
        elif how == "double" and isinstance(holder, dict):
            doubled = f"{json.dumps(str(key))}:"
        else:
            holder[key] = draw(numbers if how == "number" else values)
    text = json.dumps(document, separators=(",", ":"))
    return text if doubled is None else text.replace(doubled, f"{doubled}1,{doubled}", 1)


def in_words_or_fine(use: Callable[[], object]) -> None:
    """What is wrong is told in sentences, each with its place."""
    try:
        use()
        return
    except SettingsError as error:
        problems = error.problems
        said = [str(problem) for problem in problems]
    except DataError as error:
        problems, said = (), [str(error)]
    assert said
    assert all(problem.path and problem.rule for problem in problems)
    assert all(0 < len(sentence) < 2000 for sentence in said)


@pytest.fixture(scope="module", params=["gru", "temporal-cnn", "transformer"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network, with every hyperparameter written down."""
    import inspect

    parameters = inspect.signature(ARCHITECTURES[request.param]).parameters.values()
    given_by_default = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    stored = stored_model(request.param, given_by_default)
    place = tmp_path_factory.mktemp(request.param) / "best_model"
    described = stored.description.model_dump(mode="json", exclude={"format", "weights_sha256"})
    write_model(place, described, stored.network.state_dict())
    shutil.copy(place / DESCRIPTION, place / "whole.json")
    return place


def classified(place: Path) -> None:
    classifier = TorchClassifier(load_model(place))
    steps = np.ones((max(classifier.facts.lengths.shortest, 1) if classifier.facts.lengths.shortest < 100 else 12, 4))
    recording = Unlabelled("here", steps.astype(np.float32), CHANNELS, 10.0)
    if (classifier.facts.resample_length or 0) > 1000:
        return  # May be asked for, and takes its time.
    for resample in (False, True):
        in_words_or_fine(
            partial(lambda wanted: list(predictions(classifier, [recording], wanted)), Wanted(None, resample))
        )
    dataset, data = classifier.model.description.data.dataset, classifier.model.description.data
    resolve({"dataset": dataset, "data": data.model_dump(mode="json", exclude={"dataset"})})


@given(data=st.data())
def test_the_description_of_a_network(folder: Path, data: st.DataObject) -> None:
    whole = json.loads((folder / "whole.json").read_text())
    (folder / DESCRIPTION).write_text(data.draw(edited(whole)))
    in_words_or_fine(lambda: classified(folder))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("lengths", "longest"), 0),
        (("lengths", "longest"), -1),
        (("lengths", "shortest"), 10**30),
        (("lengths", "median"), 13),
        (("data", "window_seconds"), {}),
        (("data", "resample_length"), -1),
        (("data", "dataset"), None),
        (("temperature",), 1e-300),
        (("sample_rate_hz",), 1e-320),
        (("normaliser", "mean"), [1e300, 0, 0, 0]),
        (("normaliser", "deviation"), [1e-300, 1, 1, 1]),
        (("trial",), -1),
    ],
)
def test_what_is_wrong_in_the_description_of_a_network_is_named(
    folder: Path, place: tuple[str, ...], value: object
) -> None:
    document = json.loads((folder / "whole.json").read_text())
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    (folder / DESCRIPTION).write_text(json.dumps({**document, "extra": 1}))
    with pytest.raises(SettingsError) as refused:
        load_model(folder)
    said = str(refused.value)
    assert f"{DESCRIPTION}: extra = 1: " in said
    assert len(refused.value.problems) == 2
    assert ".".join(place) in said or place == ("lengths", "median")


def test_every_mistake_is_told_at_once_and_the_nearest_key_offered(folder: Path) -> None:
    document = json.loads((folder / "whole.json").read_text())
    document["temprature"] = document.pop("temperature")
    document["trial"] = "3"
    (folder / DESCRIPTION).write_text(json.dumps(document))
    with pytest.raises(SettingsError) as refused:
        load_model(folder)
    assert len(refused.value.problems) == 3
    assert "did you mean 'temperature'?" in str(refused.value)


@given(data=st.data())
def test_what_an_exported_file_says_of_itself(data: st.DataObject) -> None:
    whole = json.loads(TorchClassifier(stored_model()).facts.as_metadata()[WHOLE])
    in_words_or_fine(lambda: facts_in({WHOLE: data.draw(edited(whole))}, "file.onnx"))


@given(edited(default_settings()))
def test_settings(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("settings") / "mine.json"
    path.write_text(text)
    in_words_or_fine(lambda: resolve(*settings_layers(path, (), {})))


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
@given(data=st.data())
def test_suites(tmp_path_factory: pytest.TempPathFactory, suite: Path, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("suites") / "mine.json"
    path.write_text(data.draw(edited(json.loads(suite.read_text()))))
    in_words_or_fine(lambda: checked_suite(path))


def checked_suite(path: Path) -> None:
    from tune.experiments.selection import selected

    selected(read_suite(path), [], seeds="2", only=(), protocols=(), study_name=None)


WLASL = {
    "nslt_100.json": {
        "00335": {"subset": "train", "action": [0, 1, 50]},
        "00336": {"subset": "val", "action": [1, 1, -1]},
    },
    "WLASL_v0.3.json": [
        {
            "gloss": "book",
            "instances": [
                {"video_id": "00335", "split": "train", "signer_id": 3, "frame_start": 1, "frame_end": 9},
                {"video_id": "00336", "split": "val", "signer_id": None},
            ],
        }
    ],
}


@pytest.mark.parametrize("name", WLASL)
@given(data=st.data())
def test_lists_of_signs(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    place = tmp_path_factory.mktemp("signs")
    (place / "wlasl_class_list.txt").write_text("0\tbook\n1\tdrink\n")
    (place / name).write_text(data.draw(edited(WLASL[name])))
    in_words_or_fine(lambda: list_wlasl(Folder(place), None))


@given(edited({"scores": {"test": {"accuracy": 0.5}}, "versions": {"torch": "2"}}))
def test_results_that_are_compared_with_the_database(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("best") / "best_config.json"
    path.write_text(text)
    _read(path)
