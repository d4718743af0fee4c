"""Suggests the next trials of a sweep, in a process of its own: JSON in, JSON out (`python -m runforge.sampler`).

Keeps nothing: a suggestion follows from the question alone. The only room that imports Optuna.
"""
