"""What a run reports while it trains: tokens, metric lines, curves. There is one reader for each format.

Readers never write, and they never fail because of what a user's program has printed.
"""
