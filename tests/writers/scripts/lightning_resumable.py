"""Lightning with loader workers: SIGTERM raises in the loop, a callback saves, and the exit code is 0."""

import os
import time

import lightning
import torch
from lightning.pytorch.callbacks import OnExceptionCheckpoint


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        print(f"[RF:METRIC=at {self.global_step} step={self.global_step}]", flush=True)
        time.sleep(0.2 if "RUNFORGE_RESUME" not in os.environ else 0)
        return ((self.layer(batch[0]) - batch[1]) ** 2).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


torch.manual_seed(0)
data = torch.utils.data.TensorDataset(torch.rand(512, 4), torch.rand(512, 1))
loader = torch.utils.data.DataLoader(data, batch_size=8, num_workers=2, persistent_workers=True)
folder = os.environ["RUNFORGE_CHECKPOINT_DIR"]
trainer = lightning.Trainer(
    max_steps=100,
    callbacks=[OnExceptionCheckpoint(folder)],
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    accelerator="cpu",
)
saved = os.path.join(folder, "on_exception.ckpt")
trainer.fit(Model(), loader, ckpt_path=saved if "RUNFORGE_RESUME" in os.environ else None)
if trainer.global_step == 100:
    print("[RF:STAGE=COMPLETED]", flush=True)
