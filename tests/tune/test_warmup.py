"""Loading what the exports need beforehand."""

from __future__ import annotations

import subprocess
import sys
import threading

from tests.processes import ROOT
from tune.warmup import AFTER_TRIALS, exports_loaded_meanwhile


def test_everything_the_exports_load_is_loaded() -> None:
    script = "import sys; from tune import warmup; warmup._load(); before = set(sys.modules)\n"
    script += "import tune.report.figures.collection\n"
    script += "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    late = set(found.stdout.split()) & {"matplotlib", "plotly", "pandas", "sklearn", "scipy", "optuna"}
    assert late <= {"matplotlib", "plotly"}  # A few parts of what is there already.


def test_a_short_search_loads_nothing() -> None:
    n_threads = threading.active_count()
    with exports_loaded_meanwhile() as trial_done:
        for _ in range(AFTER_TRIALS - 1):
            trial_done()
        assert threading.active_count() == n_threads + 1
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(timeout=5)
    assert threading.active_count() == n_threads


def test_a_search_of_short_trials_loads_after_few_of_them() -> None:
    script = "import sys, threading; from tune.warmup import AFTER_TRIALS, exports_loaded_meanwhile\n"
    script += "with exports_loaded_meanwhile() as trial_done:\n"
    script += "    for _ in range(AFTER_TRIALS): trial_done()\n"
    script += "    [thread.join() for thread in threading.enumerate() if thread.name == 'warmup']\n"
    script += "print('plotly.graph_objects' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.split() == ["True"]
