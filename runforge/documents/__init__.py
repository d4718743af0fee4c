"""The JSON that users and clients write and read: requests, plans, results, and what is wrong with them.

Belongs here: a format that stands in docs/contract.md. Not here: what is done with it, or the journal.
"""
