#!/bin/bash
# A program of yours: every combination of two parameters, with three seeds each.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
exec runforge submit -g grid -S lr=0.01,0.1,0.5 -S momentum=0,0.9 -S seed=1..3 --metric loss:min "$@" \
    -- python3 "$here/train.py" '{args}'
