"""What a run does: dataset, families, device, dry run, and the result that it leaves."""
