"""Drills: RunForge killed, stopped and starved on purpose, in throw-away workspaces, and checked after."""
