"""What a run reports while it trains: tokens, metric lines, curves. One reader for each format.

Readers never write, and never fail on what a user's program has printed.
"""
