"""All changes of the queue that a person can ask for. Each is one transaction.

Commands and screens change the journal only through this folder.
"""
