"""The commands that take a trained network into use; registered in ``cli``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .folders import SaveDir
from .options import storage_options
from .terminal import console, handles_errors

A_PATH = click.Path(path_type=Path)
FORMS = ("onnx", "int8", "torch-export")


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="onnx",
    show_default=True,
    help="onnx: for onnxruntime, anywhere; int8: the same with weights of a byte; torch-export: a program for torch.",
)
@click.option("--study-name", metavar="NAME", help="The best network of this study.  [default: the only one]")
@click.option("--model", type=A_PATH, metavar="DIR", help="Another network: the folder best_model of a study.")
@click.option("--out", type=A_PATH, metavar="PATH", help="File or folder to write.  [default: STUDY/export/]")
@click.option("--opset", type=click.IntRange(20, 28), default=28, show_default=True, help="Version of ONNX operators.")
@click.option(
    "--max-drop", type=click.FloatRange(0, 1), metavar="SHARE", help="Refuse if more accuracy is lost, such as 0.005."
)
@click.option("--data-path", metavar="PATH", help="Where the recordings are now.  [default: as in the study]")
@storage_options
@handles_errors
def export(storage_url: str | None, save_dir: SaveDir, **options: Any) -> None:
    """Writes a trained network as one file for use elsewhere, with a model card.

    Preparation of the channels, the network and calibrated probabilities are all inside: measured values go in. Before
    it is written it is tried on the study's test part: the same answers as in PyTorch, whatever the padding.
    """
    from .commands.export import export_command

    sys.exit(export_command(console(), storage_url, save_dir, **options))
