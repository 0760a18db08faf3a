"""What can be known of the Windows scripts where there is no Windows: their form, and the parts that are Python."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from tune.core.stopping import SIGNAL_EXIT_CODES

SCRIPTS = [ROOT / "run_tuning.bat", ROOT / "run_tests.bat", ROOT / "scripts" / "environment.bat"]
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


def lines_of(script: Path) -> list[str]:
    lines = script.read_bytes().decode("ascii").split("\r\n")
    return [line for line in lines if line and not line.startswith("rem ")]


@every_script
def test_lines_end_as_cmd_wants_them(script: Path) -> None:
    content = script.read_bytes()
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n")
    assert re.search(r"^\*\.bat text eol=crlf$", (ROOT / ".gitattributes").read_text(), re.MULTILINE)


@every_script
def test_every_jump_has_its_place_and_there_is_no_block(script: Path) -> None:
    lines = lines_of(script)
    labels = {line[1:] for line in lines if line.startswith(":")}
    jumps = {found[1] for line in lines if (found := re.search(r"\bgoto (\w+)$", line))}
    assert jumps == labels
    assert not [line for line in lines if line.endswith("(") or line.startswith(")")]
    assert all(line.count('"') % 2 == 0 for line in lines)
    assert not [line for line in lines if re.search(r"\bif (not )?errorlevel\b", line)]  # True of no crash.


@every_script
def test_variables_are_set_before_they_are_used(script: Path) -> None:
    known = {"errorlevel", "SEQTUNE_PYTHON"}
    if script.name != "environment.bat":
        known |= {"root", "venv", "python"}
    for line in lines_of(script):
        line = re.sub(r"%%\w|%%~\w+|%~?\w*[0-9]|%\*", "", line)
        known |= set(re.findall(r'\bset "?(\w+)=', line))
        assert set(re.findall(r"%(\w+)%", line)) <= known, line


@pytest.mark.parametrize(
    ("name", "lock"), [("run_tuning", "requirements.lock"), ("run_tests", "requirements-dev.lock")]
)
def test_they_do_what_the_others_do(name: str, lock: str) -> None:
    """The same lock, and the same arguments behind the same modules."""
    assert (ROOT / lock).is_file()
    batch, shell = "\n".join(lines_of(ROOT / f"{name}.bat")), (ROOT / f"{name}.sh").read_text()
    assert f'call "%~dp0scripts\\environment.bat" {lock}' in batch
    assert f"set_up {lock}" in shell
    for arguments in re.findall(r"^\s+set -- (.+)$", shell, re.MULTILINE):
        assert arguments in batch
    module = re.findall(r"-m (\w+)", shell)[-1]
    assert f'"%python%" -m {module}' in batch
    if name == "run_tests":
        assert {"check .", "format --check ."} <= set(re.findall(r'ruff(?:\.exe)?" (.+)', batch))
        options = set(re.findall(r"--\w+=\w+", batch))
        assert options == {"--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"}


@pytest.mark.skipif(sys.platform == "win32", reason="a virtual environment has another layout there")
def test_the_python_that_is_in_them(tmp_path: Path) -> None:
    """Its two programs, run by the Python of an environment, in a folder whose name needs more than ASCII."""
    text = "\n".join(lines_of(SCRIPTS[-1]))
    look, door = sorted(set(re.findall(r'-c "([^"]+)"', text)), key=len)
    subprocess.run([sys.executable, "-c", look], check=True)
    root = tmp_path / "Prüfung's (1)"
    (root / "tune").mkdir(parents=True)
    (root / "tune" / "__init__.py").write_text("found = 'there'\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([python, "-c", door], env={**plain, "root": str(root)}, check=True)
    use = shlex.split("import tune; print(tune.found)", posix=False)
    said = subprocess.run([python, "-c", " ".join(use)], env=plain, cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.strip() == "there", said.stderr


def test_signals_that_are_watched_exist_there() -> None:
    """Windows has SIGINT and SIGTERM, SIGABRT, SIGFPE, SIGILL, SIGSEGV and SIGBREAK (signal.signal)."""
    assert {one.name for one in SIGNAL_EXIT_CODES} <= {"SIGINT", "SIGTERM", "SIGBREAK"}


def test_what_only_some_systems_have_is_asked_for() -> None:
    """No module of the product imports, or takes from os and signal, what Windows lacks without a look."""
    imports = r"^\s*(?:import|from) (?:fcntl|resource|pwd|grp|termios|pty)\b"
    lacking = rf"{imports}|\bos\.(?:fork|getuid|killpg)\b|\bsignal\.SIGKILL\b"
    for package in ("data", "models", "tune"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(lacking, path.read_text(encoding="utf-8"), re.MULTILINE), path
