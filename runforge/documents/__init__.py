"""The JSON that users and clients write and read: requests, plans, results, and their problems.

Belongs here: the formats of docs/contract.md. Not here: what is done with them, or the journal.
"""
