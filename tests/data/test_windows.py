import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.windows import cut_windows, window_steps


def test_windows_lie_inside_their_recordings() -> None:
    values = torch.arange(12.0)[:, None]
    windows = cut_windows(values, torch.tensor([7, 2, 3]), n_steps=3, hop=2)
    assert windows.lengths.tolist() == [3, 3, 3, 2, 3]
    assert windows.recordings.tolist() == [0, 0, 0, 1, 2]
    assert windows.values[:, 0].tolist() == [0, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11]


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    n_steps=st.integers(1, 40),
    hop=st.integers(1, 40),
)
def test_cuts_as_a_loop_would(lengths: list[int], n_steps: int, hop: int) -> None:
    values = torch.arange(sum(lengths))[:, None].float()
    expected = [
        (recording, values[start:][: min(n_steps, length)])
        for recording, length in enumerate(lengths)
        for start in range(sum(lengths[:recording]), sum(lengths[: recording + 1]), hop)
        if start == sum(lengths[:recording]) or start + n_steps <= sum(lengths[: recording + 1])
    ]
    windows = cut_windows(values, torch.tensor(lengths), n_steps=n_steps, hop=hop)
    assert windows.recordings.tolist() == [recording for recording, _ in expected]
    assert windows.lengths.tolist() == [len(window) for _, window in expected]
    assert torch.equal(windows.values, torch.cat([window for _, window in expected]))


def test_steps_are_rounded() -> None:
    assert window_steps(4.0, 50.0) == 200
    assert window_steps(0.039, 50.0) == 2


@pytest.mark.parametrize("window_seconds", [0.0, -1.0, 0.02, math.nan, math.inf, 1e308])
def test_refuses_what_is_no_window(window_seconds: float) -> None:
    with pytest.raises(DataError, match=r"window_seconds is .* needs 0.04 s or more"):
        window_steps(window_seconds, 50.0)
