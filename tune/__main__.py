"""``python -m tune``."""

import atexit
import gc

from .cli.main import main

# The interpreter's last collection walks over all that torch, plotly and Optuna are made of: one to two seconds that
# nobody who pressed Ctrl-C shall wait for. What is registered first is done last.
atexit.register(gc.freeze)
main(prog_name="./run_tuning.sh")
