"""A stranger's ONNX file: nothing but a network of known operators is read, and each refusal is a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.stored_models import stored_model
from tune.core.problems import SettingsError
from tune.deploy import onnx_check
from tune.deploy.classifier import OnnxClassifier, load_classifier
from tune.deploy.metadata import WHOLE
from tune.deploy.onnx_check import read_checked, refuse_foreign
from tune.deploy.onnx_model import to_onnx

Change = Callable[[onnx.ModelProto], Any]
HONEST = to_onnx(stored_model("gru", {"hidden_size": 4}))


def changed(change: Change) -> bytes:
    model = onnx.load_from_string(HONEST)
    change(model)
    return bytes(model.SerializeToString())


def external(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def inside_an_operator(model: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32))
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Identity", ["values"], ["x"], value=tensor))


def a_loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["values"], ["x"], body=body))


def a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 20)]))


def metadata(key: str, value: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        entries = {one.key: one.value for one in model.metadata_props}
        helper.set_model_props(model, {**entries, key: value})

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (external, "takes weights from other files"),
        (inside_an_operator, "inside of an operator"),
        (a_loop, "inside of an operator"),
        (a_function, "functions of its own"),
        (lambda model: model.opset_import.append(helper.make_opsetid("com.evil", 1)), r"operators of 'com\.evil'"),
        (
            lambda model: model.graph.node.append(helper.make_node("Run", ["values"], ["x"], domain="com.evil")),
            r"'com\.evil::Run'",
        ),
        (lambda model: model.graph.node.append(helper.make_node("Loop", ["values"], ["x"])), "operator 'Loop'"),
        (lambda model: model.graph.node[0].ClearField("op_type"), "operator ''"),
        (lambda model: model.graph.sparse_initializer.add(), "sparse weights"),
        (lambda model: model.graph.node.extend(list(model.graph.node) * 1000), r"nodes: at most 20,000"),
        (lambda model: model.ClearField("graph"), "holds no network"),
    ],
)
def test_what_no_exported_network_holds(change: Change, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        refuse_foreign(changed(change), "strange.onnx")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: model.ClearField("metadata_props"), "was not written by"),
        (metadata(WHOLE, "[1"), "is no JSON"),
        (metadata(WHOLE, "{}"), "channel_names.*Field required"),
        (metadata(WHOLE, '{"format": "seqtune export 9"}'), "format"),
        (lambda model: model.graph.output.pop(), "does not fit"),
        (lambda model: model.graph.node.pop(), "cannot be loaded"),
        (lambda model: model.graph.initializer.pop(), "cannot be loaded"),
    ],
)
def test_what_does_not_fit_together(change: Change, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        OnnxClassifier(changed(change), "strange.onnx")


def test_facts_of_another_network_are_refused() -> None:
    facts = json.loads(OnnxClassifier(HONEST, "own.onnx").facts.model_dump_json())
    fewer = json.dumps({**facts, "channel_names": facts["channel_names"][:-1]})
    with pytest.raises(SettingsError, match="does not fit its channels"):
        OnnxClassifier(changed(metadata(WHOLE, fewer)), "strange.onnx")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.onnx"
    path.write_bytes(HONEST)
    monkeypatch.setattr(onnx_check, "LARGEST_BYTES", len(HONEST) - 1)
    with pytest.raises(SettingsError, match=r"bytes: at most"):
        read_checked(path)


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08" * 30, b"PK\x03\x04", HONEST[: len(HONEST) // 2]])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="other"):
        load_classifier(path)


@given(place=st.integers(0, len(HONEST) - 1), value=st.integers(0, 255))
@example(place=HONEST.rindex(b"class_names"), value=0x80)
@example(place=HONEST.rindex(b"logits"), value=0x80)
@example(place=HONEST.index(b"GRU"), value=0xC2)
def test_a_flipped_byte_is_refused_in_a_sentence_or_changes_numbers_only(place: int, value: int) -> None:
    content = bytearray(HONEST)
    content[place] = value
    said = "flipped.onnx"
    try:
        OnnxClassifier(bytes(content), "flipped.onnx")
    except SettingsError as error:
        said = str(error)
    assert "flipped.onnx" in said


def test_a_folder_or_nothing_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither the folder of a model nor an ONNX file"):
        load_classifier(tmp_path / "nothing")
    with pytest.raises(SettingsError, match=r"model\.json"):
        load_classifier(tmp_path)
