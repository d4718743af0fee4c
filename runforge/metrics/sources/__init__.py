"""What other tools write: one module for each format.

A reader takes bytes in any pieces and gives points. It opens no file, never fails because of what the bytes
are, and keeps little of them.
"""
