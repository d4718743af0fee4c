"""Drills: kill and stop RunForge on purpose in temporary workspaces, and check the outcome."""
