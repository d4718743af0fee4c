"""The documents that a gauntlet gives to RunForge: those of the drills."""

from runforge.drills.plans import csv_text, grid, plan, request

__all__ = ["csv_text", "grid", "plan", "request"]
