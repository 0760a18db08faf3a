"""What is said of flash, memory and work before there is a network is what the compiler then makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.tensors.channels import Preparation
from models import n_parameters
from tests.c_programs import CORTEX_M4, needs, run
from tests.stored_models import stored_model
from tune.deploy.c.source import size_of, to_c

CLOSENESS = 0.02
GLOBAL, BOTH = Preparation(), Preparation("both", "both")
NETWORKS: list[tuple[str, dict[str, Any], Preparation]] = [
    ("gru", {}, GLOBAL),
    ("gru", {"hidden_size": 16, "n_layers": 2, "pooling": "mean_max"}, BOTH),
    ("rnn", {"hidden_size": 24, "pooling": "mean"}, GLOBAL),
    ("lstm", {"bidirectional": True, "pooling": "max", "layer_norm": True, "n_layers": 2}, GLOBAL),
    ("deep-gru", {"front_layers": 1}, GLOBAL),
    ("conv1d-gru", {"pooling": "attention"}, BOTH),
    ("enhanced-bilstm", {"hidden_size": 16}, GLOBAL),
    ("temporal-cnn", {}, GLOBAL),
    ("gru", {"hidden_size": 24, "bidirectional": True}, GLOBAL),
    ("bilstm", {"hidden_size": 24, "n_layers": 2, "pooling": "attention"}, BOTH),
    ("gru", {"hidden_size": 32, "bidirectional": True, "pooling": "mean_max", "front_layers": 2}, BOTH),
    ("transformer", {"positional_encoding": "learned"}, GLOBAL),
    ("transformer", {"positional_encoding": "rotary"}, BOTH),
]


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(("name", "hyperparameters", "preparation"), NETWORKS)
def test_the_compiler_agrees(
    name: str, hyperparameters: dict[str, Any], preparation: Preparation, precision: str, tmp_path: Path
) -> None:
    model = stored_model(name, hyperparameters, preparation)
    source = to_c(model, {} if precision == "int8" else None)
    (tmp_path / "model.h").write_text(source.header)
    (tmp_path / "model.c").write_text(source.code)
    made = tmp_path / "model.o"
    run(["arm-none-eabi-gcc", *CORTEX_M4, "-Os", "-std=c99", "-c", "-o", made, tmp_path / "model.c"])
    flash, constants, variables = map(int, run(["arm-none-eabi-size", made]).splitlines()[1].split()[:3])
    said = size_of(model, source)
    assert constants == 0
    assert said.flash == pytest.approx(flash, rel=CLOSENESS)
    assert said.ram == pytest.approx(variables, rel=CLOSENESS)


def test_multiply_adds_of_a_gru_by_hand() -> None:
    model = stored_model("gru", {"hidden_size": 6})
    # 8 steps of a window, three gates of 6 units over 4 channels and 6 units; then 5 classes.
    assert size_of(model, to_c(model)).macs == 8 * 3 * 6 * (4 + 6) + 5 * 6


def test_multiply_adds_of_a_convolution_by_hand() -> None:
    front = {"front_layers": 1, "front_channels": 3, "front_kernel_size": 5, "front_stride": 3}
    model = stored_model("rnn", {"hidden_size": 2, **front})
    # Of 8 steps, every third one.
    assert size_of(model, to_c(model)).macs == 3 * (5 * 4 * 3 + 2 * (3 + 2)) + 5 * 2


def test_the_state_of_a_network_that_reads_forwards_does_not_grow_with_the_sequence() -> None:
    lengths = ({"shortest": 1, "median": 8, "longest": longest} for longest in (12, 1000))
    ram = [size_of(model, to_c(model)).ram for model in (stored_model("gru", lengths=one) for one in lengths)]
    assert ram[0] == ram[1]


def test_weights_are_all_that_flash_grows_by() -> None:
    small, large = (stored_model("lstm", {"hidden_size": size}) for size in (32, 64))
    grown = size_of(large, to_c(large)).flash - size_of(small, to_c(small)).flash
    # The two biases are one.
    more = n_parameters(large.network) - n_parameters(small.network) - 4 * (64 - 32)
    assert grown == 4 * more
