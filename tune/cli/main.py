"""The command line: the only place that reads arguments, prints and exits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click_default_group import DefaultGroup

from ..core.folders import SaveDir
from ..core.terminal import ends_with_its_reader, handles_errors
from .deploy_options import OWN_NETWORK, export, know, predict, serve
from .experiment_options import compare, with_options_of
from .options import A_FILE, listening_options, settings_options, storage_options, tracking_options

# Everything heavy (torch, optuna, plotting) is imported by the command that uses it, so that --help answers at once.
HELP_WIDTH = 110


class RunByDefault(DefaultGroup):
    """Takes arguments without a command for ``run``, and shows its options with the help."""

    # Within ``main`` too, which has an exit code of its own for a closed pipe.
    main = ends_with_its_reader(DefaultGroup.main)
    make_context = ends_with_its_reader(DefaultGroup.make_context)
    invoke = ends_with_its_reader(DefaultGroup.invoke)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Adds the options of ``run`` below the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("Options of run, the command that is meant when none is named"):
            formatter.write_dl([record for option in run.params if (record := option.get_help_record(ctx))])


@click.group(
    cls=RunByDefault,
    default="run",
    default_if_no_args=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)
def main() -> None:
    """Tunes sequence classifiers; without a command it starts or resumes a study.

    \b
    ./run_tuning.sh                                      tune a GRU on the embedded data set
    ./run_tuning.sh --dataset smartwatch --trials 40     another data set, more trials
    ./run_tuning.sh --resume --trials 80                 go on to 80 trials in total
    ./run_tuning.sh --data-path recordings/              your own: a folder a class with CSV files, and more
    """  # noqa: D301 - click reads this mark


@main.command(short_help="Start or resume a study (the default).")
@click.option("--model-type", metavar="NAME", help="Architecture; `models` lists them.  [default: gru]")
@click.option("--model", metavar="FILE.py:CLASS", help="A network of your own; `check-model` says whether it can be.")
@click.option("--standard", is_flag=True, help="With --model-type bilstm: the plain network, as without it.")
@click.option("--enhanced", is_flag=True, help="With --model-type bilstm: the network enhanced-bilstm.")
@click.option("--dataset", metavar="NAME", help="Data set; `datasets` lists them.  [default: watch]")
@click.option("--data-path", metavar="PATH", help="Folder or file of recordings, your own too; `datasets` looks at it.")
@click.option("--classes", metavar="N", help="Use N classes only: the first ones, of signs the most frequent.")
@click.option("--no-asl-citizen", "asl_citizen", flag_value="false", help="Leave ASL Citizen out of the signs.")
@click.option("--split", metavar="KIND", help="group (people held out), stratified (at random), official, or auto.")
@click.option("--folds", metavar="K", help="Judge every trial by K-fold cross-validation.")
@click.option("--trials", metavar="N", help="Finished trials in total, resumed ones included.  [default: 20]")
@click.option("--timeout", metavar="TIME", help="Stop after this time, such as 90s, 10m or 2h.")
@click.option("--target", metavar="SCORE", help="Stop as soon as a validation score reaches this, such as 0.95.")
@click.option("--epochs", metavar="N", help="Epochs of a full trial; auto: by the size of the data.  [default: auto]")
@click.option("--metric", metavar="NAME", help="accuracy, balanced_accuracy, macro_f1 or loss.  [default: accuracy]")
@click.option("--objectives", metavar="A,B", help="A metric, and parameters, latency, flash, ram or macs: their front.")
@click.option("--max-parameters", metavar="N", help="Do not train networks with more parameters.")
@click.option("--max-latency-ms", metavar="X", help="Do not train networks that take longer for one sequence.")
@click.option("--max-flash", metavar="BYTES", help="Do not train networks whose C takes more flash, such as 64k.")
@click.option("--max-ram", metavar="BYTES", help="Do not train networks whose C takes more RAM, such as 16k.")
@click.option("--max-macs", metavar="N", help="Do not train networks with more multiply-adds a window, such as 2M.")
@click.option("--device-precision", metavar="NAME", help="Count flash and RAM of float32 or int8.  [default: float32]")
@click.option("--sampler", metavar="NAME", help="tpe, gp or random.")
@click.option("--pruner", metavar="NAME", help="halving, median, quartile, hyperband or none.")
@click.option("--stop", metavar="WHEN", help="auto: end when nothing is to be gained, or never.  [default: auto]")
@click.option("--seed", metavar="N", help="Decides everything that is random.  [default: 0]")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.  [default: auto]")
@click.option("--workers", metavar="N", help="Processes at once; auto: one for every GPU or core.  [default: auto]")
@click.option("--workers-per-gpu", metavar="N", help="Of these, so many share a GPU and its memory.  [default: 1]")
@click.option("--engine", metavar="NAME", help="local, or ray: trials are tasks of a Ray cluster.  [default: local]")
@click.option("--address", metavar="HOST:PORT", help="A Ray cluster that exists, or auto.  [default: one started here]")
@click.option("--checkpoint-every", metavar="TIME", help="Time between two checkpoints.  [default: an epoch's]")
@click.option("--confirm", metavar="K", help="Train the best K again with fresh seeds; 0: do not.  [default: 3]")
@click.option("--confirm-seeds", metavar="S", help="Fresh seeds of each.  [default: 5, in 40% of the search's time]")
@click.option("--floors", "floors", flag_value="true", help="Begin with what tuning has to beat (the default).")
@click.option("--no-floors", "floors", flag_value="false", help="Begin with the search.")
@click.option("--ensemble", metavar="N", help="Hand over the mean of N networks if it is better; auto: of 4; or off.")
@click.option("--false-alarms-per-hour", metavar="X", help="Of streams: at most X on validation.  [default: best F1]")
@click.option("--unknown-classes", metavar="N", help="Leave N classes out, a fit each: are they told as unknown?")
@click.option("--study-name", metavar="NAME", help="Name of the study.  [default: DATASET-ARCHITECTURE]")
@click.option("--resume", is_flag=True, help="Go on with the study where it is.")
@click.option("--warm-start", metavar="STUDY", help="Try the best configurations of another study first.")
@click.option("--auto-tune-all", is_flag=True, help="Tune every architecture, those that lead the longest.")
@tracking_options
@settings_options
@storage_options
@handles_errors
def run(
    config_file: Path | None,
    assignments: tuple[str, ...],
    save_dir: SaveDir,
    study_name: str | None,
    resume: bool,
    warm_start: str | None,
    auto_tune_all: bool,
    mlflow: str | None,
    tensorboard: str | None,
    **options: str | bool | None,
) -> None:
    """Starts a study, or resumes it, and leaves its results in SAVE_DIR/STUDY.

    Settings are the built-in ones (or, with --resume, the study's own), then --config, then --set, then the options
    here. Ctrl-C stores what is there and ends; the same command with --resume goes on.
    """
    from ..config.arguments import settings_layers
    from ..config.settings import resolve
    from ..config.trackers import read_trackers

    layers = settings_layers(config_file, assignments, options)
    resolve(*layers)  # Tells of mistakes before torch is loaded.
    trackers = read_trackers(mlflow, tensorboard)
    from .commands.run import run_command

    code = run_command(
        layers,
        save_dir=save_dir,
        study_name=study_name,
        resume=resume,
        warm_start=warm_start,
        every_architecture=auto_tune_all,
        trackers=trackers,
    )
    sys.exit(code)


@main.command()
@click.option("--study-name", metavar="NAME", required=True, help="Name of the study.")
@click.option("--wait", metavar="TIME", default="1m", show_default=True, help="For a study that is not there yet.")
@click.option("--data-path", metavar="PATH", help="Where this machine has the recordings.  [default: as in the study]")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.  [default: as in the study]")
@click.option("--workers", metavar="N", help="Processes at once; auto: one for every GPU or core.  [default: auto]")
@click.option("--timeout", metavar="TIME", help="Stop after this time, such as 90s, 10m or 2h.")
@tracking_options
@storage_options
@handles_errors
def worker(
    save_dir: SaveDir,
    study_name: str,
    wait: str,
    mlflow: str | None,
    tensorboard: str | None,
    **options: str | bool | None,
) -> None:
    """Joins a study on this machine, with the study's own settings, until it has its trials.

    Start it on as many machines as you like, with the --storage of a database server that all of them reach and a
    --save-dir that all of them share. The last one tests the best configuration and writes the exports.
    """
    from ..config.arguments import seconds, settings_layers
    from ..config.trackers import read_trackers

    trackers = read_trackers(mlflow, tensorboard)
    from .commands.worker import worker_command

    code = worker_command(
        settings_layers(None, (), options),
        save_dir=save_dir,
        study_name=study_name,
        wait_seconds=seconds("--wait", wait),
        trackers=trackers,
    )
    sys.exit(code)


@main.command()
@click.option("--study-name", metavar="NAME", help="Only this study.  [default: all]")
@click.option("--check", is_flag=True, help="Look whether all of it is whole; exit code 1 if not.")
@click.option("--html", is_flag=True, help="Write all studies as one page, SAVE_DIR/index.html, with their reports.")
@storage_options
@handles_errors
def status(save_dir: SaveDir, study_name: str | None, check: bool, html: bool) -> None:
    """Says how the studies stand: trials done, the best, what is running or interrupted."""
    if check:
        from .commands.check import check_command

        sys.exit(check_command(save_dir, study_name))
    from .commands.status import status_command, status_page_command

    if html:
        status_page_command(save_dir, study_name)
        return
    status_command(save_dir, study_name)


@main.command()
@click.option("--study-name", metavar="NAME", help="Only this study.  [default: all]")
@storage_options
@handles_errors
def report(save_dir: SaveDir, study_name: str | None) -> None:
    """Makes every artefact of a study again from the database."""
    from .commands.report import report_command

    report_command(save_dir, study_name)


@main.command()
@listening_options(port=8080)
@click.option("--writable", is_flag=True, help="Let notes be written and files attached; nothing can be deleted.")
@storage_options
@handles_errors
def dashboard(save_dir: SaveDir, **options: Any) -> None:
    """Shows the studies in optuna-dashboard until Ctrl-C: read-only, and to this machine only."""
    from .commands.dashboard import dashboard_command

    dashboard_command(save_dir, **options)


@main.command()
@settings_options
@handles_errors
def config(config_file: Path | None, assignments: tuple[str, ...]) -> None:
    """Prints all settings and ranges as JSON: the built-in ones with --config and --set on top."""
    import json

    from ..config.arguments import settings_layers
    from ..config.settings import resolve

    settings = resolve(*settings_layers(config_file, assignments, {}))
    click.echo(json.dumps(settings.model_dump(mode="json"), indent=2))


@main.command()
@handles_errors
def models() -> None:
    """Lists the architectures and what is searched of each."""
    from .commands.listings import list_models

    list_models()


@main.command("check-model")
@click.argument("network", metavar="FILE.py:CLASS")
@handles_errors
def check_model(network: str) -> None:
    """Says whether a network of your own can be tuned, and what it lacks; docs/own_network.md has an example."""
    from .commands.check_model import check_model_command

    sys.exit(check_model_command(network))


@main.command()
@click.option("--dataset", metavar="NAME", help="Look at this data set.")
@click.option("--data-path", metavar="PATH", help="Look at the recordings in this folder or file.")
@click.option("--classes", metavar="N", help="Look at N classes only: the first ones, of signs the most frequent.")
@click.option("--no-asl-citizen", "asl_citizen", flag_value="false", help="Leave ASL Citizen out of the signs.")
@click.option(
    "--picture", type=A_FILE, help="Where to draw an example of each class.  [default: studies/NAME-examples.png]"
)
@click.option("--all", "show_all", is_flag=True, help="Say all, and not in twenty lines what matters most.")
@settings_options
@handles_errors
def datasets(
    config_file: Path | None,
    assignments: tuple[str, ...],
    picture: Path | None,
    *,
    show_all: bool,
    **options: str | None,
) -> None:
    """Lists the data sets or, given one or a path, says what is in it and what looks wrong.

    Your own recordings may be a folder a class with CSV, TSV or Parquet files; one long table with the columns
    sequence_id and label (and person and time, if known); streams with a label in every row, or with annotations
    (start, end, label) in a file beside them; X and y in an .npz archive; and much else, which docs/recordings.md
    lists. People are told by folders or file names such as p01, a time column gives the sample rate.
    """
    from ..config.arguments import settings_layers
    from ..config.settings import resolve

    layers = settings_layers(config_file, assignments, options)
    if layers:
        resolve(*layers)  # Tells of mistakes before torch is loaded.
        from .commands.datasets import look_at_dataset

        look_at_dataset(layers, picture, show_all=show_all)
    else:
        from .commands.listings import list_datasets

        list_datasets()


@main.command()
@click.option("--study-name", metavar="NAME", help="Study to look at.  [default: the only one there is]")
@click.option("--trial", metavar="N", type=click.IntRange(0), help="Trial to look at.  [default: the best]")
@click.option(
    "--model",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Look at the network in this folder, such as best_model/ of a study, instead.",
)
@OWN_NETWORK
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
def diagnose(save_dir: SaveDir, network: str | None, **options: Any) -> None:
    """Shows what a network has learned and where it fails, as a page with pictures, words and numbers.

    The page is SAVE_DIR/STUDY/diagnosis/diagnosis.html and opens without a network; PNG and CSV files are beside it.
    """
    from .commands.diagnose import diagnose_command

    know(network)
    diagnose_command(save_dir, **options)


for command in (export, predict, serve, compare, with_options_of(run)):
    main.add_command(command)
