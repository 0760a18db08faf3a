"""``compare`` and ``evaluate`` on the command line."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from ..core.folders import SaveDir
from ..core.terminal import handles_errors
from .options import A_FILE, settings_options, storage_options

# A study that goes on, or begins from another one, has seen the people who are to be new to it.
NOT_TAKEN = ("resume", "warm_start")


@click.command()
@click.argument("suite", type=A_FILE)
@click.option("--seeds", metavar="N", default="5", show_default=True, help="Runs of each configuration, in total.")
@click.option("--resume", is_flag=True, help="Go on where an earlier comparison of this name ended.")
@click.option("--only", metavar="NAME", multiple=True, help="Only this configuration; may be given again.")
@click.option("--protocol", "protocols", metavar="NAME", multiple=True, help="Only this protocol; may be given again.")
@click.option("--results-only", is_flag=True, help="Train nothing: write the results of the runs that are there.")
@click.option("--study-name", metavar="NAME", help="Another name for the comparison.  [default: the suite's]")
@click.option("--data-path", metavar="PATH", help="Folder or file of the recordings.")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.  [default: auto]")
@click.option("--workers", metavar="N", help="Processes at once; auto: one for every GPU or core.  [default: 1]")
@click.option("--timeout", metavar="TIME", help="Stop after this time, such as 90s, 10m or 2h.")
@settings_options
@storage_options
@handles_errors
def compare(
    suite: Path,
    seeds: str,
    resume: bool,
    only: tuple[str, ...],
    protocols: tuple[str, ...],
    results_only: bool,
    study_name: str | None,
    save_dir: SaveDir,
    config_file: Path | None,
    assignments: tuple[str, ...],
    **options: str | None,
) -> None:
    """Compares the configurations of a SUITE (a JSON file): each trained N times, all with the same seeds.

    Leaves a table, pairwise tests with Holm's correction and a critical-difference picture in SAVE_DIR/NAME. Ready
    suites are in studies/suites/; docs/suites.md says how to write one.
    """
    from ..config.arguments import settings_layers
    from ..experiments.schema import read_suite
    from ..experiments.selection import selected

    read = read_suite(suite)
    chosen_by = [("--only", only), ("--protocol", protocols), ("--set", assignments), ("--study-name", (study_name,))]
    more = [word for flag, values in chosen_by for value in values if value for word in (flag, value)]
    command = shlex.join(["./run_tuning.sh", "compare", str(suite), "--seeds", seeds, *more])
    layers = settings_layers(config_file, assignments, options)
    chosen = selected(read, layers, seeds=seeds, only=only, protocols=protocols, study_name=study_name)
    from .commands.compare import compare_command

    code = compare_command(
        replace(chosen, command=command),
        save_dir=save_dir,
        resume=resume,
        results_only=results_only,
    )
    sys.exit(code)


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
