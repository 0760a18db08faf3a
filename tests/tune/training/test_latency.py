"""How long a network takes for one sequence: measured on one thread, which nobody notices afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models import build
from tune.search.loop import suggest_all
from tune.study.constraints import latency_of
from tune.training.latency import latency_ms

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab


def test_latency_grows_with_the_network_and_leaves_no_trace() -> None:
    small = build("gru", 3, 5, hidden_size=4, n_layers=1, front_layers=0)
    large = build("gru", 3, 5, hidden_size=512, n_layers=3, front_layers=0)
    small.train()
    threads = torch.get_num_threads()
    assert 0 < latency_ms(small, 20, 3) < latency_ms(large, 20, 3)
    assert small.training
    assert torch.get_num_threads() == threads


def test_that_of_a_trial_is_of_one_thread_and_leaves_their_number_as_it_was(new_lab: NewLab) -> None:
    lab = new_lab("study")
    searched, fixed = lab.settings.ranges()
    parameters = {**fixed, **suggest_all(lab.study().ask(), searched)}
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert 0 < latency_of(parameters, lab.settings, lab.splits) < 1000
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
