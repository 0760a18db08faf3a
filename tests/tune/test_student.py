"""Quantiles are scipy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from tune.student import student_quantile


@given(probability=st.floats(0.51, 0.999), degrees=st.integers(1, 200))
def test_it_is_the_quantile(probability: float, degrees: int) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(t.ppf(probability, degrees), rel=1e-6)


@pytest.mark.parametrize(("probability", "degrees"), [(0.5, 3), (1.0, 3), (0.9, 0)])
def test_what_makes_no_sense_is_refused(probability: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="degrees"):
        student_quantile(probability, degrees)
