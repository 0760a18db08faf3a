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
exec "$venv/bin/python" -m pytest --numprocesses=auto --maxprocesses=4 --dist="$share_out" "$@"
