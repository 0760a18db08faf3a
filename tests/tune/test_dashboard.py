"""The dashboard, started for real."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.processes import SMALL, run, start
from tune.commands.dashboard import is_loopback


def ask(address: str, path: str) -> Any:
    with urllib.request.urlopen(address + path, timeout=30) as answer:
        return json.load(answer)


def test_the_dashboard_shows_the_study_with_its_pictures_and_stops_cleanly(tmp_path: Path) -> None:
    run(*SMALL, "--save-dir", str(tmp_path), "--study-name", "seen", "--trials", "3")
    process = start("dashboard", "--save-dir", str(tmp_path), "--port", "0")
    assert process.stdout is not None
    address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
    assert address is not None
    summaries = ask(address[0], "api/studies")["study_summaries"]
    assert [summary["study_name"] for summary in summaries] == ["seen"]
    study = ask(address[0], f"api/studies/{summaries[0]['study_id']}?after=0")
    assert len(study["trials"]) == 3
    assert "optimization_history.png" in {artefact["filename"] for artefact in study["artifacts"]}
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, output + errors
    assert "Traceback" not in errors


def test_other_hosts_are_refused_with_the_reason(tmp_path: Path) -> None:
    _, errors = run("dashboard", "--save-dir", str(tmp_path), "--host", "0.0.0.0", expect=2)
    assert "--allow-remote" in errors
    assert "password" in errors


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False)])
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
