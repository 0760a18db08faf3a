"""Where a package is missing, one sentence names the one command that installs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.stored_models import stored_model
from tune.deploy.onnx_model import to_onnx

WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from tune.cli.main import main
main(sys.argv[2:])
"""
A_DATABASE = "://somebody:secret@127.0.0.1:1/studies"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "arguments", "installed"),
    [
        ("uvicorn", "serve --model toy.onnx", "uvicorn"),
        ("httptools", "serve --model toy.onnx", "httptools"),
        ("fastapi", "serve --model toy.onnx", "fastapi"),
        ("onnxruntime", "predict --model toy.onnx one.csv", "onnxruntime"),
        ("onnx", "predict --model toy.onnx one.csv", "onnx"),
        ("pyarrow", "datasets --data-path one.parquet", "pyarrow"),
        ("psycopg", f"status --storage postgresql{A_DATABASE}", r"psycopg\[binary\]"),
        ("pymysql", f"status --storage mysql{A_DATABASE}", r"pymysql\[rsa\]"),
        ("s3fs", "--save-dir s3://bucket/studies", "s3fs"),
        ("ray", "--engine ray", "ray"),
        ("mlflow", "--mlflow", "mlflow"),
        ("tensorboard", "--tensorboard", "tensorboard"),
    ],
)
def test_a_missing_package_is_one_sentence(package: str, arguments: str, installed: str, tmp_path: Path) -> None:
    (tmp_path / "toy.onnx").write_bytes(to_onnx(stored_model("gru", {"hidden_size": 4})))
    for name in ("one.csv", "one.parquet"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, *arguments.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (2, 3), done.stderr  # 3 where it is a database that cannot be spoken to
    assert "Traceback" not in done.stderr
    assert re.search(rf"\.venv/bin/python -m pip install [^\n]*{installed}", done.stderr), done.stderr
