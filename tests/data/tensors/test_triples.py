"""Three axes of one sensor are known by their names, and nothing else is taken for them."""

from __future__ import annotations

import pytest

from data.tensors.triples import sensor_triples


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["ax (m/s²)", "ay (m/s²)", "az (m/s²)"], [(0, 1, 2)]),
        (["ax (g)", "ay (g)", "az (g)", "wx", "wy", "wz"], [(0, 1, 2), (3, 4, 5)]),
        (["body_acc_x (g)", "body_acc_y (g)", "body_acc_z (g)"], [(0, 1, 2)]),
        (["heat", "X", "Y", "Z"], [(1, 2, 3)]),
        (["time", "x", "y"], []),
        (["x", "z", "y"], []),
        (["ax", "by", "az"], []),
        (["ax (g)", "ay (g)", "az (m/s²)"], []),
        (["a", "b", "c"], []),
        ([], []),
    ],
)
def test_triples(names: list[str], found: list[tuple[int, int, int]]) -> None:
    assert sensor_triples(names) == found
