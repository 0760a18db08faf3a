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
from tune.device.parts import parts

# Said in ``runtime/activation.c`` and ``runtime/activation_int8.c``.
LARGEST_ERROR, LARGEST_ERROR_IN_TANH, LARGEST_ERROR_IN_SIGMOID = 4e-7, 1.4e-4, 1.1e-4
FLOAT = """
void all(const float *x, float *tangent, float *logistic, int n)
{
    for (int k = 0; k < n; k++) {
        tangent[k] = hyperbolic(x[k]);
        logistic[k] = sigmoid(x[k]);
    }
}
"""
FIXED = """
void all(const float *x, float *tangent, float *logistic, int n)
{
    for (int k = 0; k < n; k++) {
        tangent[k] = fixed_tanh((int)x[k]) / 32767.0f;
        logistic[k] = fixed_sigmoid((int)x[k]) / 32767.0f;
    }
}
"""


def computed(text: list[str], x: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """tanh and the logistic function of every value, by C."""
    code, library = folder / "activations.c", folder / "activations.so"
    code.write_text("\n".join(["#include <math.h>", "#include <stddef.h>", "#include <string.h>", *text]))
    run(["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", library, code])
    tangent, logistic = np.empty_like(x), np.empty_like(x)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, tangent, logistic)]
    ctypes.CDLL(str(library)).all(*pointers, len(x))
    return tangent, logistic


def true(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.tanh(x.astype(float)), torch.from_numpy(x).double().sigmoid().numpy()


@needs("gcc")
def test_polynomials_are_as_close_as_they_say(tmp_path: Path) -> None:
    far = np.array([-np.inf, -1e30, -16.0, -8.0, 8.0, 16.0, 1e30, np.inf])
    x = np.concatenate([np.linspace(-20, 20, 400_001), far]).astype(np.float32)
    found = computed([*parts(["activation"]).values(), FLOAT], x, tmp_path)
    for values, expected in zip(found, true(x), strict=True):
        assert np.abs(values - expected).max() < LARGEST_ERROR
    np.testing.assert_array_equal(found[0][:200_000], -found[0][400_000:200_000:-1])


@needs("gcc")
def test_tables_are_as_close_as_they_say(tmp_path: Path) -> None:
    x = np.concatenate([np.arange(-100_000, 100_001), [-(2**22), 2**22]]).astype(np.float32)
    text = [array_text("tanh_table", tanh_table()), *parts(["activation_int8"], "int8").values(), FIXED]
    tangent, logistic = computed(text, x, tmp_path)
    expected = true(x / 4096)
    assert np.abs(tangent - expected[0]).max() < LARGEST_ERROR_IN_TANH
    assert np.abs(logistic - expected[1]).max() < LARGEST_ERROR_IN_SIGMOID
    # A gate is never more than open or less than shut.
    assert (logistic.min(), logistic.max()) == (0, 1)


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
        sum(one.values.size for one in program.weights() if one.values.dtype == np.int8) == 3 * 64 * (4 + 64) + 5 * 64
    )
