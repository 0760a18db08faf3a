# Sourced by run_tuning.sh and run_tests.sh: makes .venv on first use and keeps it in step with a lock file.
# A copy of the installed lock inside .venv makes a second start free, and a changed lock noticed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

say() { printf '%s\n' "$*" >&2; }
give_up() { say "error: $1"; exit 1; }

find_python() {
    local candidate
    for candidate in ${SEQTUNE_PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    return 1
}

# Scripts and notebooks find the packages from any folder, by .venv's Python and no other; behind all that is installed.
open_python_door() {
    local place
    [ ! -L "$venv" ] || return 0 # That of another checkout.
    for place in "$venv"/lib/python3*/site-packages; do
        if [ -d "$place" ] && [ "$(cat "$place/seqtune.pth" 2>/dev/null)" != "$root" ]; then
            printf '%s\n' "$root" >"$place/seqtune.pth" || say "$place cannot be written: import tune works in $root only"
        fi
    done
}

# Usage: set_up LOCK_FILE
set_up() {
    local lock="$root/$1" installed="$venv/$1" python
    if [ -x "$venv/bin/python" ] && cmp -s "$lock" "$installed"; then
        open_python_door
        return
    fi
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        python=$(find_python) || give_up "Python 3.11 or newer is needed and was not found; install it, or name it: SEQTUNE_PYTHON=/path/to/python3"
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            give_up "$python has no venv module; install it (on Debian and Ubuntu: apt-get install python3-venv)"
        say "Setting up .venv (once; takes a few minutes)…"
        "$python" -m venv --clear "$venv" || give_up "$venv could not be made; is the folder writable and the disk not full?"
    else
        say "The list of packages has changed: bringing .venv up to date…"
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$lock" ||
        give_up "the packages of $1 could not be installed (pip's reason stands above); is there a network? Run the same command again to go on"
    cp "$lock" "$installed"
    open_python_door
}

# PYTHONSAFEPATH keeps a folder called data or models in the current directory from being taken for ours.
export PYTHONPATH="$root" PYTHONSAFEPATH=1
