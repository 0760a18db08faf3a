"""Buffers share their places, but never while both are in use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tune.device.memory import place
from tune.device.program import Buffer

BUFFERS = st.lists(
    st.builds(
        lambda size, first, phases: Buffer(size, first, first + phases),
        st.integers(1, 50),
        st.integers(0, 6),
        st.integers(0, 4),
    ),
    max_size=12,
)


@given(BUFFERS)
def test_no_two_that_live_together_overlap(buffers: list[Buffer]) -> None:
    n_numbers = place(buffers)
    for k, one in enumerate(buffers):
        assert 0 <= one.offset <= n_numbers - one.size
        for other in buffers[k + 1 :]:
            together = one.first <= other.last and other.first <= one.last
            apart = one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
            assert apart or not together
    phases = range(11)
    most = max(sum(one.size for one in buffers if one.first <= phase <= one.last) for phase in phases)
    assert n_numbers >= most


def test_sequences_one_after_the_other_take_turns() -> None:
    assert place([Buffer(10, phase, phase + 1) for phase in range(5)]) == 20
