"""``python -m tune``."""

from .cli import main

main(prog_name="./run_tuning.sh")
