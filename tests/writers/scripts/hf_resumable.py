"""Hugging Face's Trainer that saves after SIGTERM, with loader workers; goes on from its last checkpoint."""

import os
import time

import torch
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainerCallback, TrainingArguments


class Model(PreTrainedModel):
    config_class = PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 1)
        self.post_init()

    def forward(self, x=None, labels=None):
        return {"loss": ((self.layer(x)[:, 0] - labels) ** 2).mean(), "logits": self.layer(x)}


class Slow(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        print(f"[RF:METRIC=at {state.global_step} step={state.global_step}]", flush=True)
        time.sleep(0.2 if "RUNFORGE_RESUME" not in os.environ else 0)


torch.manual_seed(0)
rows = [{"x": torch.rand(4), "labels": torch.rand(())} for _ in range(512)]
folder = os.environ["RUNFORGE_CHECKPOINT_DIR"]
given = TrainingArguments(
    folder,
    max_steps=100,
    per_device_train_batch_size=8,
    dataloader_num_workers=2,
    save_strategy="no",
    enable_jit_checkpoint=True,
    report_to="none",
    use_cpu=True,
)
trainer = Trainer(Model(PretrainedConfig()), given, train_dataset=rows, callbacks=[Slow()])
trainer.train(resume_from_checkpoint="RUNFORGE_RESUME" in os.environ)
if trainer.state.global_step == given.max_steps:
    print("[RF:STAGE=COMPLETED]", flush=True)
