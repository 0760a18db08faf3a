#!/usr/bin/env bash
# One study on a SLURM cluster: every task of the array is a worker, and the first of them begins the study.
#
#   ./run_tuning.sh --help                        # once, on a node with network: makes .venv, which the tasks share
#   .venv/bin/python -m pip install 'psycopg[binary]'
#   export STUDY_DATABASE=postgresql://tuner@database.example/studies      # the password: in ~/.pgpass, mode 600
#   sbatch deploy/slurm.sh --dataset smartwatch --model-type gru --trials 400
#
#SBATCH --job-name=seqtune
#SBATCH --array=0-7
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=08:00:00
#SBATCH --output=seqtune-%A-%a.log
#SBATCH --requeue
# A minute before its time is up a task is told to stop: it stores its trial, and another one goes on with it.
#SBATCH --signal=B:TERM@60
set -euo pipefail

: "${STUDY_DATABASE:?must hold the address of the database, for example postgresql://tuner@host/studies}"
study=${STUDY_NAME:-cluster-study}
results=${STUDY_RESULTS:-${SLURM_SUBMIT_DIR:-$PWD}/studies}   # a folder that all nodes share, or s3://bucket/prefix

cd "${SLURM_SUBMIT_DIR:-$PWD}"
where=(--storage env:STUDY_DATABASE --study-name "$study" --save-dir "$results")
# exec, so that the signal reaches the tuner and not this shell.
if [ "${SLURM_ARRAY_TASK_ID:-0}" = 0 ]; then
    exec ./run_tuning.sh --resume "${where[@]}" "$@"
fi
exec ./run_tuning.sh worker --wait 15m "${where[@]}"
