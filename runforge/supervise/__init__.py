"""Attempts as processes: who runs one, proves that it lives, and records how it ended.

Standard library and RunForge's lowest modules only. Knows nothing of jobs: attempts, files and processes.
"""
