"""The command ``diagnose``: its options, and nothing that takes long to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..core.folders import SaveDir
from ..core.terminal import handles_errors
from .options import storage_options


@click.command()
@click.option("--study-name", metavar="NAME", help="Study to look at.  [default: the only one there is]")
@click.option("--trial", metavar="N", type=click.IntRange(0), help="Trial to look at.  [default: the best]")
@click.option(
    "--model",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Look at the network in this folder, such as best_model/ of a study, instead.",
)
@click.option(
    "--part",
    type=click.Choice(["validation", "test"]),
    help="Sequences whose errors are shown. Looking at test is a use of it, and goes on record.  [default: validation]",
)
@click.option("--against", metavar="NAMES", help="Train bare networks to compare gradients with: rnn, gru, lstm.")
@click.option("--data-path", metavar="PATH", help="Where the recordings are.  [default: as in the study]")
@click.option("--notebook", is_flag=True, help="Write the same as an executed Jupyter notebook as well.")
@storage_options
@handles_errors
def diagnose(save_dir: SaveDir, **options: Any) -> None:
    """Shows what a network has learned and where it fails, as a page with pictures, words and numbers.

    The page is SAVE_DIR/STUDY/diagnosis/diagnosis.html and opens without a network; PNG and CSV files are beside it.
    """
    from .commands.diagnose import diagnose_command

    diagnose_command(save_dir, **options)
