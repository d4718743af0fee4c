"""Fits a line to noisy points by gradient descent. Prints its loss after each epoch; nothing to install."""

import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=20)
given = parser.parse_args()

chance = random.Random(given.seed)
points = [(x / 50, 2 * x / 50 + 1 + chance.gauss(0, 0.1)) for x in range(50)]
slope = offset = slope_speed = offset_speed = 0.0
for _ in range(given.epochs):
    errors = [slope * x + offset - y for x, y in points]
    slope_speed = (
        given.momentum * slope_speed
        - given.lr * sum(e * x for e, (x, _) in zip(errors, points, strict=True)) / 25
    )
    offset_speed = given.momentum * offset_speed - given.lr * sum(errors) / 25
    slope, offset = slope + slope_speed, offset + offset_speed
    print(f"[RF:METRIC=loss {sum(error * error for error in errors) / 50}]", flush=True)
