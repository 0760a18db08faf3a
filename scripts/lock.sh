#!/usr/bin/env bash
# Writes both lock files again from pyproject.toml (needs the development environment).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compile() {
    .venv/bin/python -m piptools compile --quiet --strip-extras --allow-unsafe --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --constraint scripts/constraints.txt "$@" pyproject.toml
}
compile --output-file requirements.lock
compile --extra dev --constraint requirements.lock --output-file requirements-dev.lock
# A local build's suffix (+cpu) is no version that everyone can install.
sed -i.bak -E 's/^(torch==[0-9.]+)\+.*/\1/' requirements.lock requirements-dev.lock
rm -f requirements.lock.bak requirements-dev.lock.bak
