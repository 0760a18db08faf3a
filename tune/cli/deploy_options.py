"""The commands that take a trained network into use; registered in ``cli``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..core.folders import DEFAULT_SAVE_DIR, SaveDir
from ..core.problems import Problem, SettingsError
from ..core.terminal import handles_errors
from .options import A_FILE, SAVE_DIR, listening_options, storage_options

A_PATH = click.Path(path_type=Path)
OWN_NETWORK = click.option(
    "--network", metavar="FILE.py:CLASS", help="The code of a network of your own, which is run, and is in no folder."
)
A_COUNT = click.IntRange(1, 1_000_000)
ABOVE_ZERO = click.FloatRange(0, 1e6, min_open=True)
# What --precision int8 makes of a format.
IN_BYTES = {"onnx": "int8", "int8": "int8", "c": "c-int8"}
FORMS = ("onnx", "int8", "torch-export", "c")


@click.command(short_help="Write a trained network as one file (ONNX) or as C, with a model card.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="onnx",
    show_default=True,
    help="onnx: for onnxruntime, anywhere; int8: the same with weights of a byte; torch-export: a program for torch; "
    "c: C for microcontrollers, as an Arduino library.",
)
@click.option(
    "--precision",
    type=click.Choice(("float32", "int8")),
    default="float32",
    show_default=True,
    help="Of onnx and c: int8 multiplies bytes.",
)
@click.option("--study-name", metavar="NAME", help="The best network of this study.  [default: the only one]")
@click.option("--model", type=A_PATH, metavar="DIR", help="Another network: the folder best_model of a study.")
@OWN_NETWORK
@click.option("--out", type=A_PATH, metavar="PATH", help="File or folder to write.  [default: STUDY/export/]")
@click.option("--opset", type=click.IntRange(20, 28), default=28, show_default=True, help="Version of ONNX operators.")
@click.option(
    "--max-drop", type=click.FloatRange(0, 1), metavar="SHARE", help="Refuse if more accuracy is lost, such as 0.005."
)
@click.option("--data-path", metavar="PATH", help="Where the recordings are now.  [default: as in the study]")
@storage_options
@handles_errors
def export(save_dir: SaveDir, network: str | None, form: str, precision: str, **options: Any) -> None:
    """Writes a trained network as one file, or as a folder of C, for use elsewhere, with a model card.

    Preparation of the channels, the network and its probabilities are all inside: measured values go in. Before it is
    written it is tried on the study's test set: the same predictions as in PyTorch, whatever the padding.
    """
    from .commands.export import export_command

    know(network)

    if precision == "int8":
        if form not in IN_BYTES:
            raise SettingsError([Problem("--precision", precision, f"does not go with --format {form}")])
        form = IN_BYTES[form]
    sys.exit(export_command(save_dir, form=form, **options))


@click.command(short_help="Classify new recordings, from files or a stream.")
@click.argument("files", nargs=-1)
@click.option("--model", type=A_PATH, metavar="PATH", help="Folder best_model of a study, or an exported .onnx file.")
@click.option("--study-name", metavar="NAME", help="The best network of this study.  [default: the only one]")
@OWN_NETWORK
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, as is done in a pipe.")
@click.option("--out", type=A_FILE, metavar="FILE", help="Write CSV to this file.")
@click.option("--probabilities", "all_probabilities", is_flag=True, help="With the probability of every class.")
@click.option("--sample-rate", type=ABOVE_ZERO, metavar="HZ", help="Steps a second, where the recordings do not tell.")
@click.option("--resample", is_flag=True, help="Bring recordings of another rate to that of the network.")
@click.option("--window", type=A_COUNT, metavar="STEPS", help="Of a stream.  [default: as in training]")
@click.option("--hop", type=A_COUNT, metavar="STEPS", help="From one decision to the next.  [default: as judged]")
@click.option(
    "--smooth",
    type=A_COUNT,
    metavar="N",
    help="Windows of a stream that decide together.  [default: as judged, else 3]",
)
@click.option("--save-dir", type=SAVE_DIR, default=str(DEFAULT_SAVE_DIR), metavar="DIR", help="Holds the studies.")
@handles_errors
def predict(files: tuple[str, ...], save_dir: SaveDir, network: str | None, **options: Any) -> None:
    """Classifies new recordings: CSV, TSV, Parquet, .npy and .npz files, folders of them, or - for a stream.

    A row a step, a column a channel, called like the network's channels or in their order. Recordings that are longer
    than those of the training are cut into windows, which vote. A stream has one sample a line on standard input.
    With an .onnx file torch is not needed.
    """
    from .commands.predict import predict_command

    know(network)
    predict_command(save_dir, files, **options)


@click.command(short_help="Answer HTTP requests with a trained network.")
@click.option("--model", type=A_PATH, metavar="PATH", help="Folder best_model of a study, or an exported .onnx file.")
@click.option("--study-name", metavar="NAME", help="The best network of this study.  [default: the only one]")
@OWN_NETWORK
@listening_options(port=8000)
@click.option("--save-dir", type=SAVE_DIR, default=str(DEFAULT_SAVE_DIR), metavar="DIR", help="Holds the studies.")
@handles_errors
def serve(save_dir: SaveDir, network: str | None, **options: Any) -> None:
    """Answers HTTP requests with a network until Ctrl-C: on this machine only, unless told otherwise.

    POST /predict takes sequences as JSON; /docs says how, /openapi.json says it to tools, /health that it works.
    """
    from .commands.serve import serve_command

    know(network)
    serve_command(save_dir, **options)


def know(network: str | None) -> None:
    """Makes a network of one's own known, if one is named."""
    if network is not None:
        from ..config.own_network import network_layer
        from ..config.settings import resolve

        resolve(network_layer(network))
