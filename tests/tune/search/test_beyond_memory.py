"""A study of recordings that lie in a mapped file is that of the same recordings in memory, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from safetensors.torch import load_file

from tests.processes import run

pytestmark = pytest.mark.slow

N_STEPS, RATE_HZ = 1000, 50


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two movements of six people, a file each, which are cut into windows of a second."""
    folder = tmp_path_factory.mktemp("recordings")
    generator = np.random.default_rng(0)
    for label, hertz in (("slow", 1.0), ("fast", 3.0)):
        for person in range(6):
            seconds = np.arange(N_STEPS) / RATE_HZ
            wave = np.sin(2 * np.pi * hertz * seconds[:, None] + np.arange(3)) + generator.normal(size=(N_STEPS, 3))
            path = folder / label / f"p0{person}.csv"
            path.parent.mkdir(exist_ok=True)
            rows = np.column_stack([seconds, wave])
            np.savetxt(path, rows, fmt="%.4f", delimiter=",", header="time,x,y,z", comments="")
    return folder


def study(recordings: Path, save_dir: Path, storage: str, *more: str) -> tuple[list[Any], dict[str, Any]]:
    """Trials without what a clock says, and the weights that are handed over."""
    run(
        *("--data-path", str(recordings), "--set", f"data.storage={storage}", "--set", "data.window_seconds=1"),
        *("--trials", "2", "--epochs", "2", "--folds", "2", "--study-name", "one", "--save-dir", str(save_dir)),
        *(
            "--device",
            "cpu",
            "--ensemble",
            "off",
            "--set",
            "confirmation.configurations=0",
            "--set",
            "space.gru.hidden_size=8",
            *more,
        ),
    )
    trials = optuna.load_study(study_name="one", storage=f"sqlite:///{save_dir}/tune.db").trials
    found = [
        (one.params, one.values, one.intermediate_values, one.user_attrs.get("validation_loss"), one.state)
        for one in trials
    ]
    return found, load_file(save_dir / "one" / "best_model" / "weights.safetensors")


def test_a_study_on_disk_has_the_trials_scores_and_weights_of_one_in_memory(recordings: Path, tmp_path: Path) -> None:
    balanced = ["--metric", "balanced_accuracy", "--set", "space.shared.class_balance=sampler"]
    varied = [part for name in ("jitter", "time_warp", "time_crop") for part in ("--set", f"space.shared.{name}=0.1")]
    trials, weights = study(recordings, tmp_path / "memory", "memory", *balanced, *varied)
    others, other_weights = study(recordings, tmp_path / "disk", "disk", *balanced, *varied, "--workers", "2")
    assert others == trials
    assert weights.keys() == other_weights.keys()
    assert all(bool((weights[name] == other_weights[name]).all()) for name in weights)
