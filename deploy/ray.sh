#!/usr/bin/env bash
# One study on a Ray cluster: begun on any of its machines, its trials run wherever there is room.
#
# Once, on every machine (or in an image, or in a .venv on a path that all of them share), the same version everywhere:
#   ./run_tuning.sh --help && .venv/bin/python -m pip install 'ray[default]>=2.60' 'psycopg[binary]'
#
# The cluster, in a network that nobody else reaches, since Ray asks for no password:
#   .venv/bin/ray start --head --node-ip-address ADDRESS --disable-usage-stats     # on the first machine
#   .venv/bin/ray start --address ADDRESS:6379 --disable-usage-stats               # on every other one
#
# The study, on one of them (the password of the database: in ~/.pgpass of every machine, mode 600):
#   export STUDY_DATABASE=postgresql://tuner@database.example/studies
#   deploy/ray.sh --dataset smartwatch --model-type gru --trials 400
#
# Or as a job, from anywhere that reaches the dashboard of the first machine; what .gitignore names stays behind. A job
# that is stopped is submitted again, and goes on:
#   .venv/bin/ray job submit --address http://ADDRESS:8265 --working-dir . -- env STUDY_RESULTS=/shared/studies \
#       STUDY_DATABASE=postgresql://tuner@database.example/studies deploy/ray.sh --dataset smartwatch --trials 400
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

: "${STUDY_DATABASE:?must hold the address of the database, for example postgresql://tuner@host/studies}"
export STUDY_DATABASE
# A folder that all machines share, or s3://bucket/prefix; of a job, the folder here is gone when it ends.
results=${STUDY_RESULTS:-$PWD/studies}

tuner=(./run_tuning.sh)
if [ -n "${RAY_JOB_CONFIG_JSON_ENV_VAR:-}" ]; then
    tuner=(python -m tune) # A job has the packages of the cluster, and no .venv.
fi
exec "${tuner[@]}" --resume --engine ray --address "${RAY_ADDRESS:-auto}" --storage env:STUDY_DATABASE \
    --study-name "${STUDY_NAME:-cluster-study}" --save-dir "$results" "$@"
