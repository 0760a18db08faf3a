"""How numbers are written."""

import pytest

from tune.report.figures.words import interval


@pytest.mark.parametrize(
    ("ends", "written"),
    [
        ((0.956, 0.98), "95.6% to 98.0%"),
        ((0.988, 0.9981), "98.8% to 99.8%"),
        ((0.988, 0.9996), "98.80% to 99.96%"),
        ((0.97, 1.0), "97.0% to 100%"),
    ],
)
def test_both_ends_of_an_interval_are_as_precise(ends: tuple[float, float], written: str) -> None:
    assert interval(*ends) == written
