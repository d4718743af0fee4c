#!/bin/bash
# Logistic regression on the sample data of `runforge init`: which regularisation is best?
set -euo pipefail
exec runforge submit --request request.json -S 'model.hyperparameters.C=1e-4..1e2:log' \
    --random "${TRIALS:-40}" --metric accuracy:max -g C "$@"
