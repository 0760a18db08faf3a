import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.sequences import SequenceDataset
from data.timeline import Timeline
from tune.evaluation.events import judge_events
from tune.training.decisions import DecisionRule

NAMES = ("null", "wave", "clap")
PLAIN = DecisionRule(hop=5)


def stream(true: list[tuple[int, float, float]], n_windows: int = 20, hop: float = 0.5) -> SequenceDataset:
    """Windows of a second, ten steps, one every ``hop`` seconds."""
    events = np.array([(0, label, begin, end) for label, begin, end in true], dtype=float).reshape(-1, 4)
    return SequenceDataset(
        name="files",
        kind="gesture",
        values=torch.zeros(10 * n_windows, 1),
        lengths=torch.full((n_windows,), 10),
        labels=torch.zeros(n_windows, dtype=torch.long),
        class_names=NAMES,
        channel_names=("x",),
        sample_rate_hz=10.0,
        timeline=Timeline(
            torch.zeros(n_windows, dtype=torch.long), hop * torch.arange(n_windows, dtype=torch.double), events, False
        ),
    )


def judged(said: list[int], true: list[tuple[int, float, float]]) -> dict[str, float]:
    """Each window says its class for certain, three times over, so that smoothing changes nothing but the time."""
    part = stream(true, len(said))
    found = judge_events([torch.nn.functional.one_hot(torch.tensor(said), 3)], [part], PLAIN)
    assert found is not None
    return found


QUIET = [0] * 5


def test_an_event_is_found_once_it_is_known() -> None:
    found = judged(QUIET + [1] * 6 + QUIET, [(1, 3.0, 5.5)])
    assert (found["n_found"], found["n_false"], found["f1"]) == (1, 0, 1.0)
    # Two of three windows say so first at the end of the seventh, which begins at 3 s.
    assert found["delay_seconds"] == pytest.approx(1.0)
    assert found["hours"] == pytest.approx(8.5 / 3600)


def test_what_is_missed_and_what_was_never_there() -> None:
    found = judged(QUIET + [2] * 6 + QUIET, [(1, 3.0, 5.5)])
    assert (found["n_missed"], found["n_false"], found["f1"]) == (1, 1, 0.0)
    assert found["false_alarms_per_hour"] == pytest.approx(3600 / 8.5)


def test_split_costs_precision() -> None:
    found = judged(QUIET + [1] * 5 + QUIET + [1] * 5 + QUIET, [(1, 2.5, 10.0)])
    assert (found["n_split"], found["n_false"], found["n_found"]) == (1, 0, 1)
    assert (found["precision"], found["recall"]) == (0.5, 1.0)


def test_merged_costs_recall() -> None:
    found = judged(QUIET + [1] * 15 + QUIET, [(1, 2.5, 5.0), (1, 7.0, 9.5)])
    assert (found["n_merged"], found["n_missed"], found["n_found"]) == (2, 0, 1)
    assert (found["precision"], found["recall"]) == (1.0, 0.5)


def test_one_window_alone_is_outvoted() -> None:
    assert judged([0] * 8 + [1] + [0] * 8, [])["n_predicted"] == 0


def test_nothing_is_said_of_sequences_that_are_no_streams() -> None:
    part = stream([])
    plain = SequenceDataset(
        "files", "gesture", part.values, part.lengths, part.labels, NAMES, ("x",), sample_rate_hz=10.0
    )
    assert judge_events([torch.zeros(len(plain), 3)], [plain], PLAIN) is None


def test_only_covered_time_is_judged() -> None:
    """Of a stream of which some windows are in another part, an event there neither counts as missed nor as found."""
    whole = stream([(1, 1.0, 2.0), (1, 8.0, 9.0)], 20)
    part = whole.subset(torch.cat([torch.arange(6), torch.arange(12, 14)]))
    found = judge_events([torch.zeros(8, 3)], [part], PLAIN)
    assert found is not None
    assert found["n_true"] == 1
    assert found["hours"] * 3600 == pytest.approx(3.5 + 1.5)


@settings(deadline=None, max_examples=50)
@given(said=st.lists(st.integers(0, 2), min_size=4, max_size=40), seed=st.integers(0, 99))
def test_counts_belong_together(said: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    borders = np.sort(rng.uniform(0, 0.5 * len(said) + 0.5, 6))
    true = [(int(rng.integers(1, 3)), float(a), float(b)) for a, b in borders.reshape(3, 2)]
    found = judged(said, true)
    assert found["n_found"] + found["n_missed"] <= found["n_true"]
    assert found["n_found"] + found["n_false"] <= found["n_predicted"]
    assert found["n_split"] <= found["n_true"] - found["n_missed"]
    assert 0 <= (found["f1"] or 0) <= 1
    assert found["n_true"] == sum(row["n_true"] for row in found["per_class"])  # type: ignore[attr-defined]
