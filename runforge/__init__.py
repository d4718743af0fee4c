"""RunForge: the experiment queue for one workspace."""

__version__ = "0.5.0"
