"""The terminal UI lives here."""
