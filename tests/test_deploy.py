"""What lies under deploy/ can be read by the programs that it is for, and uses options that the tuner has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tune.cli.main import main

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


def check_arguments(arguments: list[str]) -> None:
    """Lets the command line read the arguments of a tuner, without running it."""
    name, rest = ("worker", arguments[1:]) if arguments[:1] == ["worker"] else ("run", arguments)
    command = main.commands[name]
    command.make_context(name, rest, parent=click.Context(main))


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("job", documents(), ids=lambda job: str(job["metadata"]["name"]))
def test_a_job_starts_a_tuner_and_shows_no_secret(job: dict[str, Any]) -> None:
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["command"]
    assert program == "./run_tuning.sh"
    assert "--storage=env:STUDY_DATABASE" in arguments
    check_arguments([one.replace("s3://bucket/", "memory://bucket/") for one in arguments])
    assert container["envFrom"] == [{"secretRef": {"name": "seqtune"}}]


def test_the_array_of_jobs_is_a_shell_script(tmp_path: Path) -> None:
    """Run with a tuner that only says how it was called."""
    script = DEPLOY / "slurm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    tuner = tmp_path / "run_tuning.sh"
    tuner.write_text('#!/bin/sh\nfor one; do echo "$one"; done\n')
    tuner.chmod(0o755)
    for task, expected in (("0", "--resume"), ("3", "worker")):
        environment = {"SLURM_ARRAY_TASK_ID": task, "SLURM_SUBMIT_DIR": str(tmp_path), "STUDY_DATABASE": "address"}
        said = subprocess.run(
            ["bash", script, "--trials", "40"], env=environment, check=True, capture_output=True, text=True
        )
        arguments = said.stdout.splitlines()
        assert arguments[0] == expected
        assert "address" not in arguments
        check_arguments(arguments)
    refused = subprocess.run(["bash", script], env={}, capture_output=True, text=True, check=False)
    assert "STUDY_DATABASE" in refused.stderr


def test_a_study_is_handed_to_a_ray_cluster(tmp_path: Path) -> None:
    """The script beside a tuner, and beside a Python, that only say how they were called."""
    (tmp_path / "deploy").mkdir()
    script = Path(shutil.copy(DEPLOY / "ray.sh", tmp_path / "deploy"))
    subprocess.run(["bash", "-n", script], check=True)
    for name in ("run_tuning.sh", "python"):
        (tmp_path / name).write_text('#!/bin/sh\nfor one; do echo "$one"; done\n')
        (tmp_path / name).chmod(0o755)
    everywhere = {"STUDY_DATABASE": "address", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    in_a_job = {"RAY_JOB_CONFIG_JSON_ENV_VAR": "{}", "RAY_ADDRESS": "10.0.0.1:6379"}
    for environment, before, address in (({}, [], "auto"), (in_a_job, ["-m", "tune"], "10.0.0.1:6379")):
        called = subprocess.run(
            ["bash", script, "--trials", "40"], env={**everywhere, **environment}, check=True, capture_output=True
        )
        arguments = called.stdout.decode().splitlines()
        assert arguments[: len(before)] == before
        assert arguments[arguments.index("--address") + 1] == address
        assert arguments[-2:] == ["--trials", "40"]
        check_arguments(arguments[len(before) :])
    refused = subprocess.run(["bash", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert b"STUDY_DATABASE" in refused.stderr
