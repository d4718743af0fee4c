"""The documents that a gauntlet hands to RunForge: those of the drills."""

from runforge.drills.plans import csv_text, grid, plan, request

__all__ = ["csv_text", "grid", "plan", "request"]
