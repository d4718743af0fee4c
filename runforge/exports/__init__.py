"""queue.json, group.json and daemon.json, written from the journal for clients that read files."""
