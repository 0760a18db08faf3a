"""``evaluate`` on the command line."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from ..core.folders import SaveDir
from ..core.terminal import handles_errors

# A study that goes on, or begins from another one, has seen the people who are to be new to it.
NOT_TAKEN = ("resume", "warm_start")


@click.command()
@click.option(
    "--outer",
    type=click.Choice(["people", "folds"]),
    required=True,
    help="Test on each person in turn (more than ten: in ten folds of people), or on stratified folds.",
)
@click.option(
    "--n-folds",
    type=click.IntRange(2, 1000),
    metavar="N",
    help="Outer folds.  [default: one for each person, at most 10; 5 of --outer folds]",
)
@handles_errors
def evaluate(
    outer: str,
    n_folds: int | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    storage: str | None,
    save_dir: SaveDir,
    study_name: str | None,
    auto_tune_all: bool,
    mlflow: str | None,
    tensorboard: str | None,
    **options: str | bool | None,
) -> None:
    """Says how good this tuner's answer is on new people: tunes within each outer fold, and tests what comes out.

    Takes the options of `run`; --trials and --timeout are those of each fold. The studies are NAME-outer-PERSON, the
    results SAVE_DIR/NAME-outer. However it ends, the same command goes on with it, and at the end makes the results
    again.
    """
    from ..config.arguments import settings_layers
    from ..config.settings import resolve
    from ..config.trackers import read_trackers
    from ..experiments.outer_folds import OuterOptions

    layers = settings_layers(config_file, assignments, options)
    resolve(*layers)  # Tells of mistakes before torch is loaded.
    trackers = read_trackers(mlflow, tensorboard)
    from .commands.evaluate import evaluate_command
    from .commands.run import run_command

    save_dir = replace(save_dir, storage=storage)
    run_fold = partial(
        run_command,
        save_dir=save_dir,
        warm_start=None,
        every_architecture=auto_tune_all,
        trackers=trackers,
    )
    code = evaluate_command(
        layers,
        OuterOptions(outer, n_folds, auto_tune_all),
        save_dir=save_dir,
        study_name=study_name,
        run_fold=run_fold,
    )
    sys.exit(code)


def with_options_of(run: click.Command) -> click.Command:
    """The command, which takes the options of ``run``."""
    evaluate.params += [option for option in run.params if option.name not in NOT_TAKEN]
    return evaluate
