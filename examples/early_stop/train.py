"""Minimises a valley by steps of its parameters. A longer training, that says how it does and may be stopped early."""

import argparse
import math
import os
import pathlib
import time

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--width", type=int, required=True)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--seconds", type=float, default=1.0, help="of each epoch")
given = parser.parse_args()

floor = (math.log10(given.lr) + 2) ** 2 + (given.width - 5) ** 2 / 10
for epoch in range(given.epochs):
    time.sleep(given.seconds)
    print(f"[RF:METRIC=loss {floor + math.exp(-epoch / 5)}]", flush=True)

artifacts = pathlib.Path(os.environ["RUNFORGE_RUN_DIR"]) / "artifacts"
artifacts.mkdir(exist_ok=True)
(artifacts / "model.txt").write_text(f"{given.lr} {given.width}\n")
