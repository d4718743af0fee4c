"""Scalars, beside text and a histogram, as tensorboardX writes them."""

from tensorboardX import SummaryWriter

writer = SummaryWriter("tb")
for step in range(20):
    writer.add_scalar("train/loss", 1 / (step + 1), step)
    writer.add_scalar("val/acc", step / 20, step)
writer.add_text("note", "hello", 1)
writer.add_histogram("weights", list(range(100)), 1)
writer.close()
