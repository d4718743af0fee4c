#!/bin/bash
# Optuna's TPE chooses the runs; those worse than the median of the finished ones are stopped early.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
exec runforge submit -g search -S lr=1e-5..1e-1:log -S width=1..8 --tpe "${TRIALS:-60}" --metric loss:min \
    --stop median --keep-artifacts 5 "$@" \
    -- python3 "$here/train.py" '{args}' "--epochs=${EPOCHS:-30}" "--seconds=${SECONDS_PER_EPOCH:-1}"
