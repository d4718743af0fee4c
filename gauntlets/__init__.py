"""The acceptance gauntlets: scripts that use only the installed commands and the exported files."""
