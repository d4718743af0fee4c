"""Scalars as PyTorch writes them for TensorBoard, with `add_scalars`, which makes folders of its own."""

from torch.utils.tensorboard import SummaryWriter

writer = SummaryWriter("tb")
for step in range(20):
    writer.add_scalar("train/loss", 1 / (step + 1), step, new_style=step > 10)
    writer.add_scalars("both", {"a": step, "b": 2 * step}, step)
writer.close()
