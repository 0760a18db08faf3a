"""The documents: short where they are to be, true where they can be compared, and without a link to nowhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tune.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 1500


def test_the_page_of_options_is_what_help_prints() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "options_page.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    printed = subprocess.run(script, capture_output=True, check=True, cwd=ROOT, env=environment)
    assert printed.stdout.decode() == (ROOT / "docs" / "options.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path) if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    """Its options exist, and take such values; whether it does what is said, other tests tell."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for command in re.findall(r"(?:^|\| |`)(\./run_tuning\.sh[^|>`\n]*)", text, re.MULTILINE):
        words = shlex.split(command, comments=True)[1:]
        if "--help" in words or "-h" in words:
            continue
        whole = main.make_context("tune", words)
        name, chosen, rest = main.resolve_command(whole, [*whole._protected_args, *whole.args])
        assert chosen is not None
        chosen.make_context(name, rest, parent=whole)


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"({page.name})" not in index] == [
        "README.md"
    ]
