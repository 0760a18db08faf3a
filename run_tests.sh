#!/usr/bin/env bash
# Sets itself up on first use, then runs the fast linters and the tests. Arguments go to pytest.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
set_up requirements-dev.lock
cd "$root"
if [ -z "${SEQTUNE_DATA:-}" ] && [ -d ../shared/data ]; then
    export SEQTUNE_DATA="$root/../shared/data"
fi
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
# Files stay whole, since many share a study that takes its time; but not the one with hundreds of accidents.
share_out=loadfile
case " $* " in *" --chaos"*) share_out=load ;; esac
# The tests start the tuner and workers a hundred times, and each would compile the whole of it again.
unset PYTHONDONTWRITEBYTECODE
# One more than there are cores, since many tests wait: for a process to end, or for time to be up. In the order of
# tests/conftest.py: files that take long come first, so that no core waits for another one's last.
n_workers=$(($(getconf _NPROCESSORS_ONLN) + 1))
exec "$venv/bin/python" -m pytest --numprocesses="$n_workers" --maxprocesses=4 --dist="$share_out" \
    --no-loadscope-reorder "$@"
