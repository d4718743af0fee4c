"""Attempts as processes: who runs one, proves that it lives, and records how it ended.

Standard library and `runforge.durable` only. Knows nothing of jobs, only of attempts, files and processes.
"""
