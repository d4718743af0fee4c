"""DVCLive: a table for each metric."""

from dvclive import Live

with Live(save_dvc_exp=False, dvcyaml=None) as live:
    for step in range(5):
        live.log_metric("train/loss", 1 / (step + 1))
        live.log_metric("acc", step / 5)
        live.next_step()
