"""Prints ``docs/options.md``: every command's help, as it stands."""

from __future__ import annotations

import click

from tune.cli.main import HELP_WIDTH, main


def options_page() -> str:
    """The help of all commands as Markdown."""
    lines = ["# Every command and option", "", "Written by `python scripts/options_page.py`; a test compares.", ""]
    context = click.Context(main, info_name="./run_tuning.sh", terminal_width=HELP_WIDTH, **main.context_settings)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, info_name=name, terminal_width=HELP_WIDTH)
        lines += [f"## {name}", "", "```text", command.get_help(inner), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(options_page(), end="")
