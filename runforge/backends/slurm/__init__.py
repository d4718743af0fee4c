"""Attempts as jobs of Slurm: submitted at least once, started at most once, found again by their name."""
