"""The process that sees one attempt through, and the zygote that forks it. Standard library only.

Nothing here knows the journal: a supervisor outlives daemon and journal.
"""
