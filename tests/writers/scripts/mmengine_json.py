"""MMEngine's local backend: scalars.json."""

from mmengine.visualization import Visualizer

seen = Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir="work")
for step in range(5):
    seen.add_scalars({"loss": 1 / (step + 1), "lr": 0.1}, step)
