"""A run of Weights & Biases without a network, with nested and strange values."""

import os

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")
import wandb

run = wandb.init(project="p")
for step in range(20):
    run.log({"loss": 1 / (step + 1), "val": {"acc": step / 20}, "note": "x", "bad": float("inf")})
run.finish()
