"""``compare`` on the command line."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click

from ..core.folders import SaveDir
from ..core.terminal import handles_errors
from .options import A_FILE, settings_options, storage_options


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
