"""Whether a search can still gain what its judges can tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.study.gain import has_nothing_to_gain, standard_error, why_nothing


def test_the_standard_error_is_not_0_where_all_are_correct() -> None:
    assert standard_error(1.0, 96) == pytest.approx(0.014)
    assert standard_error(0.5, 96) == pytest.approx(0.05)
    assert standard_error(0.5, 96) > standard_error(0.5, 960)


@given(n_judged=st.integers(2, 100_000), n_wrong=st.integers(0, 100))
def test_nothing_is_to_be_gained_when_at_most_one_is_wrong(n_judged: int, n_wrong: int) -> None:
    share = 1 - min(n_wrong, n_judged) / n_judged
    assert has_nothing_to_gain(share, n_judged) == (n_wrong <= 1)


def test_it_is_said_why() -> None:
    assert why_nothing(1.0, 50) == "no score can be better than the best, 100%"
    assert "lacks 2.0 points of 100%, and 50 validation sequences tell it to 3.1" in why_nothing(0.98, 50)
