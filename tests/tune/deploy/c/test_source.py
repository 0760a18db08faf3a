"""C gives what torch gives: every architecture, pooling and preparation, alone and as a stream, and breaks no rule."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.tensors.channels import DERIVED, NORMALISATIONS, Preparation
from tests.c_programs import SANITIZED, STRICT, compiled, lines_of, needs, run, write_c
from tests.models.test_contract import CASES
from tests.stored_models import CLASSES, measured, stored_ensemble, stored_model
from tune.core.problems import SettingsError
from tune.deploy.c.source import refuse_unwritable, sliding_of, to_c
from tune.deploy.classifier import TorchClassifier
from tune.deploy.stream import decisions
from tune.device.parts import FOLDER, parts
from tune.device.program import Precision
from tune.training.model_folder import StoredModel

LENGTHS = (11, 4, 1, 7, 12)
# Of these the C is as long, and takes as long to compile, as the numbers are many.
SMALL: dict[str, Any] = {"hidden_size": 5, "front_channels": 7, "feed_forward_size": 9, "attention_head_dim": 3}


def small(name: str, hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """The same with few features, none of them a multiple of the four rows that stand together."""
    from tests.models.test_contract import parameters_of

    return {**{key: value for key, value in SMALL.items() if key in parameters_of(name)}, **hyperparameters}


def check(model: StoredModel, folder: Path) -> None:
    """Logits of whole recordings."""
    write_c(model, folder, LENGTHS)
    run([compiled(folder, "check", ["gcc", *SANITIZED])])


def check_stream(model: StoredModel, folder: Path) -> None:
    """What is decided of a stream."""
    example = compiled(folder, "example", ["gcc", *SANITIZED])
    for n_samples in (40, 5):
        stream = lines_of(measured((n_samples,), seed=4).sequence(0).numpy())
        expected = list(decisions(TorchClassifier(model), stream.splitlines(), sliding_of(model)))
        printed = [line.split(",") for line in run([example], "names,of,the,columns\n" + stream).splitlines()[1:]]
        assert [int(row[0]) for row in printed] == [one.step for one in expected]
        assert [row[1] for row in printed] == [one.class_name for one in expected]
        probabilities = [float(row[2]) for row in printed]
        np.testing.assert_allclose(probabilities, [one.probability for one in expected], atol=1e-4)


@needs("gcc")
@pytest.mark.parametrize(("name", "hyperparameters"), [case for case in CASES if case.values[0] != "minirocket"])
def test_every_architecture(name: str, hyperparameters: dict[str, Any], tmp_path: Path) -> None:
    model = stored_model(name, small(name, dict(hyperparameters)))
    check(model, tmp_path)
    if not hyperparameters:
        check_stream(model, tmp_path)


@needs("gcc")
@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_every_preparation(normalisation: str, derived: str, tmp_path: Path) -> None:
    preparation = Preparation(normalisation, derived)
    model = stored_model("gru", {"hidden_size": 5, "bidirectional": True}, preparation)
    check(model, tmp_path)
    check_stream(model, tmp_path)


@needs("gcc")
@pytest.mark.parametrize(("threshold", "min_windows"), [(0.0, 1), (0.2, 2), (0.25, 1), (1.0, 1), (None, 3)])
def test_a_stream_is_decided_by_the_rule_that_was_judged(
    threshold: float | None, min_windows: int, tmp_path: Path
) -> None:
    names = ("null", *CLASSES[1:])
    rule = {"hop": 2, "n_windows": 4, "threshold": threshold, "min_windows": min_windows}
    model = stored_model("gru", {"hidden_size": 5}, class_names=list(names), decision=rule)
    write_c(model, tmp_path, LENGTHS)
    check_stream(model, tmp_path)


@needs("gcc")
@pytest.mark.parametrize("encoding", ["learned", "rotary"])
def test_a_sequence_longer_than_the_table_of_positions(encoding: str, tmp_path: Path) -> None:
    hyperparameters = {"n_heads": 1, "head_dim": 5, "feed_forward_size": 4, "n_layers": 1}
    model = stored_model(
        "transformer",
        {**hyperparameters, "positional_encoding": encoding},
        lengths={"shortest": 1, "median": 8, "longest": 700},
    )
    write_c(model, tmp_path, (700, 3, 513, 512), tolerance=5e-5)
    run([compiled(tmp_path, "check", ["gcc", *SANITIZED])])


@needs("gcc")
def test_names_from_anywhere_are_only_names(tmp_path: Path) -> None:
    names = ('a"b', "back\\slash", "Grüße ☺1", "*/ #error", "??/\n")
    check(stored_model("gru", {"hidden_size": 3}, class_names=(*names[:4], "last"), study="*/ x"), tmp_path)
    source = to_c(stored_model("gru", {"hidden_size": 3}, class_names=names))
    (tmp_path / "model.h").write_text(source.header)
    (tmp_path / "model.c").write_text(source.code)
    run(["gcc", *STRICT, "-fsyntax-only", tmp_path / "model.c"])


@needs("gcc")
@pytest.mark.parametrize("part", sorted(path.stem for path in FOLDER.glob("*.c") if path.name != "model.c"))
def test_every_part_of_the_runtime_stands_by_itself(part: str, tmp_path: Path) -> None:
    precision: Precision = "int8" if part.endswith("_int8") else "float32"
    includes = "#include <math.h>\n#include <stddef.h>\n#include <string.h>\nextern const short tanh_table[257];"
    (tmp_path / "part.c").write_text("\n".join([includes, *parts([part], precision).values()]))
    constants = ["-DSMALLEST_DEVIATION=1e-3f", "-DMOST_INPUTS=9", "-Wno-unused-function"]
    run(["gcc", *STRICT, *constants, "-fsyntax-only", tmp_path / "part.c"])


@needs("gcc")
def test_other_lengths_are_refused(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 3}), tmp_path, (3,))
    golden = tmp_path / "extras" / "golden.h"
    for wrong in (0, 13):
        golden.write_text(golden.read_text().replace("{\n    3\n}", f"{{\n    {wrong}\n}}"))
        done = subprocess.run([compiled(tmp_path, "check", ["gcc", *SANITIZED])], capture_output=True, text=True)
        assert done.returncode == 1
        assert "a length that is not allowed" in done.stdout
        golden.write_text(golden.read_text().replace(f"{{\n    {wrong}\n}}", "{\n    3\n}"))


@needs("gcc")
def test_a_line_that_is_no_sample_is_named(tmp_path: Path) -> None:
    write_c(stored_model("gru", {"hidden_size": 3}), tmp_path, (3,))
    example = compiled(tmp_path, "example", ["gcc", *SANITIZED])
    for wrong in ("1,2,3", "1,2,3,4,5", "1,2,3,4 m"):
        done = subprocess.run([example], input=f"1,2,3,4\r\n{wrong}\n", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, "line 2 is not 4 numbers\n")
    done = subprocess.run([example], input="a,b,c,d\n", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "0 samples are too few: at least 1 are needed\n")


@needs("gcc")
def test_names_are_printed_as_csv_has_them(tmp_path: Path) -> None:
    names = [f'say "{k}", twice' for k in range(5)]
    write_c(stored_model("gru", {"hidden_size": 3}, class_names=names), tmp_path, (3,))
    printed = run([compiled(tmp_path, "example", ["gcc", *SANITIZED])], "1,2,3,4\n")
    ((_, name, _),) = list(csv.reader(printed.splitlines()))[1:]
    assert name in names


def test_what_cannot_be_written_is_refused_in_one_sentence() -> None:
    for model in (stored_model("minirocket", {"n_features": 84}), stored_ensemble()):
        with pytest.raises(SettingsError, match=r"cannot be written as C.*--format onnx") as refused:
            refuse_unwritable(model)
        assert len(refused.value.problems) == 1
