"""fastai's CSVLogger, which repeats its header when it appends."""

import torch
from fastai.callback.progress import CSVLogger
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner

torch.manual_seed(0)
data = torch.utils.data.TensorDataset(torch.rand(64, 4), torch.rand(64, 1))

loader = DataLoader(data, bs=8)
learner = Learner(DataLoaders(loader, loader), torch.nn.Linear(4, 1), loss_func=torch.nn.MSELoss())
learner.fit(2, cbs=[CSVLogger()])
learner.fit(2, cbs=[CSVLogger(append=True)])
