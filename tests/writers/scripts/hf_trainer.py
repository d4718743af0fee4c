"""Hugging Face's Trainer: its printed dictionaries, and trainer_state.json in its checkpoints."""

import torch
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments


class Model(PreTrainedModel):
    config_class = PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 1)
        self.post_init()

    def forward(self, x=None, labels=None):
        return {"loss": ((self.layer(x)[:, 0] - labels) ** 2).mean(), "logits": self.layer(x)}


torch.manual_seed(0)
rows = [{"x": torch.rand(4), "labels": torch.rand(())} for _ in range(64)]
given = TrainingArguments(
    "out",
    num_train_epochs=3,
    per_device_train_batch_size=8,
    logging_steps=4,
    save_steps=8,
    eval_steps=8,
    eval_strategy="steps",
    save_total_limit=2,
    report_to="none",
    use_cpu=True,
)
Trainer(Model(PretrainedConfig()), given, train_dataset=rows, eval_dataset=rows).train()
