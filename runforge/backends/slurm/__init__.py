"""Attempts as jobs of Slurm: one sbatch each, found again by its name. Nothing here sees the journal."""
