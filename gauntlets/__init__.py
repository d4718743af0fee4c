"""The acceptance gauntlets. They run RunForge from outside and check the outcome."""
