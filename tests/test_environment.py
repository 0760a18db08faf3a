"""The set-up of the environment, with a lock that is installed already: nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="run_tuning.bat does this there")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose package says where it is, and a virtual environment of its own."""
    root = tmp_path / "a checkout"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "environment.sh", root / "scripts")
    (root / "tune").mkdir()
    (root / "tune" / "__init__.py").write_text("place = __file__\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    for place in (root, root / ".venv"):
        (place / "a.lock").write_text("nothing\n")
    return root


def set_up(root: Path) -> None:
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "source scripts/environment.sh; set_up a.lock"], cwd=root, check=True
    )


def imported(python: Path, elsewhere: Path) -> str:
    """Where a script in another folder finds the package; empty if it does not."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    said = subprocess.run(
        [python, "-c", "import tune; print(tune.place)"], cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    return said.stdout.strip()


def test_the_environment_finds_the_packages_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    assert imported(python, tmp_path) == ""
    set_up(checkout)
    assert imported(python, tmp_path) == str(checkout / "tune" / "__init__.py")
    assert imported(Path(sys._base_executable), tmp_path) == ""  # type: ignore[attr-defined]


def test_a_checkout_that_was_moved_is_found_where_it_is(checkout: Path, tmp_path: Path) -> None:
    set_up(checkout)
    moved = checkout.rename(tmp_path / "moved")
    set_up(moved)
    assert imported(moved / ".venv" / "bin" / "python", tmp_path) == str(moved / "tune" / "__init__.py")


def test_the_environment_of_another_checkout_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    environment = (checkout / ".venv").rename(tmp_path / "environment")
    (checkout / ".venv").symlink_to(environment)
    set_up(checkout)
    assert not list(environment.rglob("seqtune.pth"))
