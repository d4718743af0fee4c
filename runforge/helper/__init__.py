"""What runs may import: `runforge_run`, one file without dependencies. This folder is at the end of their path."""
