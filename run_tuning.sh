#!/usr/bin/env bash
# Starts or resumes a hyperparameter study; sets itself up on first use. See ./run_tuning.sh --help
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
set_up requirements.lock
# Alone it is a demonstration: five minutes, on the embedded data set.
if [ $# -eq 0 ]; then
    set -- --timeout 5m
fi
exec "$venv/bin/python" -m tune "$@"
