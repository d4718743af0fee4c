"""The write door: every change that a person asks of the queue, each one transaction.

Commands and screens change the journal through here only.
"""
