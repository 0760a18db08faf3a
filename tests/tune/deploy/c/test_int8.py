"""Bytes in C: as close as is said, calibrated on what is given, and never out of range."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.c_programs import SANITIZED, compiled, needs, run, write_c
from tests.stored_models import measured, stored_model
from tune.deploy.c.calibration import input_scales
from tune.deploy.c.source import array_text, tanh_table, to_c
from tune.deploy.verification import recordings_of
from tune.device.runtime import parts

# Said in ``runtime/activation_int8.c``.
LARGEST_ERROR = 1.2e-4
ACTIVATIONS = """
void all(const float *x, float *tangent, float *logistic, int n)
{
    for (int k = 0; k < n; k++) {
        tangent[k] = hyperbolic(x[k]);
        logistic[k] = sigmoid(x[k]);
    }
}
"""


@needs("gcc")
def test_tables_are_as_close_as_they_say(tmp_path: Path) -> None:
    text = ["#include <math.h>", "#include <stddef.h>", "#include <string.h>", array_text("tanh_table", tanh_table())]
    code, library = tmp_path / "activations.c", tmp_path / "activations.so"
    code.write_text("\n".join([*text, *parts(["activation"], "int8").values(), ACTIVATIONS]))
    run(["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", library, code])
    far = np.array([-np.inf, -1e30, -16.0, -8.0, 8.0, 16.0, 1e30, np.inf])
    x = np.concatenate([np.linspace(-20, 20, 400_001), far]).astype(np.float32)
    tangent, logistic = np.empty_like(x), np.empty_like(x)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, tangent, logistic)]
    ctypes.CDLL(str(library)).all(*pointers, len(x))
    assert np.abs(tangent - np.tanh(x.astype(float))).max() < LARGEST_ERROR
    assert np.abs(logistic - torch.from_numpy(x).double().sigmoid().numpy()).max() < LARGEST_ERROR / 2
    np.testing.assert_array_equal(tangent[: 400_001 // 2], -tangent[400_000 : 400_001 // 2 : -1])


def test_a_scale_is_of_the_largest_value_that_went_in() -> None:
    model = stored_model("gru", {"hidden_size": 4})
    recordings = recordings_of(measured())
    scales = input_scales(model, recordings)
    prepared = model.prepare(measured()).values
    (cells,) = [one for one in model.network.modules() if isinstance(one, torch.nn.GRU)]
    assert scales[cells] == pytest.approx(float(prepared.abs().max()) / 127)
    # Nothing is left behind that would slow the network down or keep values.
    assert not any(module._forward_pre_hooks for module in model.network.modules())


@needs("gcc")
def test_values_beyond_those_of_the_calibration_are_the_largest_byte(tmp_path: Path) -> None:
    model = stored_model("gru", {"hidden_size": 4})
    write_c(model, tmp_path, (11, 4, 1, 7, 12), tolerance=10.0, int8=True)
    example = compiled(tmp_path, "example", ["gcc", *SANITIZED])
    printed = run([example], "1e30,-1e30,1e30,-1e30\n" * 12)
    probability = float(printed.splitlines()[1].split(",")[2])
    assert 0 < probability <= 1


def test_weights_take_a_byte() -> None:
    program = to_c(stored_model("gru", {"hidden_size": 64}), {}).program
    assert (
        sum(one.values.size for one in program.weights() if one.values.dtype == np.int8) == 3 * 64 * (4 + 64) + 8 * 64
    )
