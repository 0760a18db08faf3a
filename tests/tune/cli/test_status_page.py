"""``status --html``: all studies as one page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.html import Reader
from tests.processes import SMALL, run


@pytest.mark.timeout(900)
def test_all_studies_are_on_one_page_with_their_reports(tmp_path: Path) -> None:
    place = f"--save-dir={tmp_path}"
    run("--study-name=first", "--trials=1", place, *SMALL, "--confirm=1", "--confirm-seeds=1")
    run("--study-name=second", "--trials=1", place, *SMALL)
    said, _ = run("status", "--html", place)
    page = tmp_path / "index.html"
    assert str(page) in said
    reader = Reader(page.read_text(encoding="utf-8"))
    links = [link for link in reader.values("href") if not link.startswith("#")]
    assert sorted(links) == ["first/report.html", "second/report.html"]
    assert all((tmp_path / link).is_file() for link in links)
    assert {"gru, trial 0", "gru, trial 0, mean of 4 networks", "watch", "1/1"} <= set(reader.words)
    assert "confirm" not in reader.text.replace("Studies", "")
    table = run("status", place)[0].splitlines()
    assert [row.split()[0] for row in table] == ["study", "first", "second"]
    assert [row.strip().split("  ")[-1].strip() for row in table][::2] == ["handed over", "trial 0"]
    assert table[1].strip().endswith("trial 0, mean of 4 networks")
    assert "first-confirmation" in run("status", "--study-name=first-confirmation", place)[0]
    (tmp_path / "first" / "best_config.json").write_text("{")
    (tmp_path / "second" / "report.html").unlink()
    run("status", "--html", place)
    again = Reader(page.read_text(encoding="utf-8"))
    assert "second/report.html" not in again.values("href")
    assert "second" in again.text
