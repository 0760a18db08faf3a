"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce, wraps
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
Command = Callable[..., None]
Decorator = Callable[[Command], Command]


def all_of(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order of the help."""
    return lambda command: reduce(lambda inner, option: option(inner), reversed(options), command)


def storage_options(command: Command) -> Command:
    """Options of every command that opens the database, which takes both as one ``SaveDir``."""

    @wraps(command)
    def with_storage(storage: str | None, save_dir: SaveDir, **options: Any) -> None:
        command(save_dir=replace(save_dir, storage=storage), **options)

    return all_of(
        click.option(
            "--save-dir",
            type=SAVE_DIR,
            default=str(DEFAULT_SAVE_DIR),
            metavar="DIR",
            help="Holds tune.db and a folder for every study. A URL (s3://…) holds what other machines need of them to "
            "go on; the rest is then in the default.  [default: studies/]",
        ),
        click.option(
            "--storage",
            metavar="URL",
            help="Another database than SAVE_DIR/tune.db; env:VAR takes it from the environment. Where recordings lie "
            "is the setting data.storage.",
        ),
    )(with_storage)


# Of every command that runs trials; they are not stored in the study, since an address may be secret.
tracking_options = all_of(
    click.option(
        "--mlflow",
        is_flag=False,
        flag_value=DEFAULT_MLFLOW,
        metavar="[URI]",
        help=f"Log the study and its trials to MLflow; env:VAR is possible.  [URI: {DEFAULT_MLFLOW}]",
    ),
    click.option(
        "--tensorboard",
        is_flag=False,
        flag_value=BELOW_THE_STUDY,
        metavar="[DIR]",
        help="Write an event file for every trial.  [DIR: STUDY/tensorboard]",
    ),
)

# They lay settings over the built-in ones.
settings_options = all_of(
    click.option(
        "--config", "config_file", type=A_FILE, help="JSON with any part of the settings; `config` prints all of them."
    ),
    click.option(
        "--set",
        "assignments",
        metavar="PATH=VALUE",
        multiple=True,
        help="One setting, such as space.gru.hidden_size=64; may be given again.",
    ),
)


def listening_options(port: int) -> Decorator:
    """Options of every command that answers HTTP requests, by default at ``port``."""
    return all_of(
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
        click.option(
            "--port", default=port, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
        ),
        click.option("--token", metavar="TOKEN", help="Ask everyone for it; env:VAR takes it from the environment."),
        click.option("--allow-remote", is_flag=True, help="Listen on an address that others reach; needs --token."),
        click.option(
            "--allowed-host",
            "allowed_hosts",
            metavar="NAME",
            multiple=True,
            help="Another name that it is reached by, such as a proxy's; may be given again.",
        ),
    )
