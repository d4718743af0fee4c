"""The supervisor, the process that runs one attempt, and the zygote that forks it. Standard library only.

Nothing here knows the journal: a supervisor may run longer than daemon and journal exist.
"""
