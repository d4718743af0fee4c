"""The documents that come from outside and go out: requests, plans, results. No file access."""
