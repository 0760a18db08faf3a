"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..config.trackers import BELOW_THE_STUDY, DEFAULT_MLFLOW
from ..core.folders import DEFAULT_SAVE_DIR, SaveDir, read_save_dir
from ..core.problems import SettingsError

A_FILE = click.Path(dir_okay=False, path_type=Path)


class _SaveDirType(click.ParamType[SaveDir]):
    """A folder, or a URL that other machines reach too."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SaveDir:
        """Reads what was written."""
        try:
            save_dir = value if isinstance(value, SaveDir) else read_save_dir(value)
        except SettingsError as error:
            self.fail("; ".join(map(str, error.problems)), param, ctx)
        if save_dir.local.exists() and not save_dir.local.is_dir():
            self.fail(f"{save_dir.local} is a file", param, ctx)
        return save_dir


SAVE_DIR = _SaveDirType()


def storage_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of every command that opens the database."""
    for option in (
        click.option(
            "--storage",
            "storage_url",
            metavar="URL",
            help="Another database than SAVE_DIR/tune.db; env:VAR takes it from the environment.",
        ),
        click.option(
            "--save-dir",
            type=SAVE_DIR,
            default=str(DEFAULT_SAVE_DIR),
            metavar="DIR",
            help="Holds tune.db and a folder for every study. A URL (s3://…) holds what other machines need of them to "
            "go on; the rest is then in the default.  [default: studies/]",
        ),
    ):
        command = option(command)
    return command


def tracking_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of every command that runs trials; they are not stored in the study, since an address may be secret."""
    for option in (
        click.option(
            "--tensorboard",
            is_flag=False,
            flag_value=BELOW_THE_STUDY,
            metavar="[DIR]",
            help="Write an event file for every trial.  [DIR: STUDY/tensorboard]",
        ),
        click.option(
            "--mlflow",
            is_flag=False,
            flag_value=DEFAULT_MLFLOW,
            metavar="[URI]",
            help=f"Log the study and its trials to MLflow; env:VAR is possible.  [URI: {DEFAULT_MLFLOW}]",
        ),
    ):
        command = option(command)
    return command


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that lay settings over the built-in ones."""
    for option in (
        click.option(
            "--set",
            "assignments",
            metavar="PATH=VALUE",
            multiple=True,
            help="One setting, such as space.gru.hidden_size=64; may be given again.",
        ),
        click.option(
            "--config",
            "config_file",
            type=A_FILE,
            help="JSON with any part of the settings; `config` prints all of them.",
        ),
    ):
        command = option(command)
    return command
