"""What the launcher says to the person at the keyboard instead of a traceback."""


class CannotStart(Exception):
    """Something outside of the program keeps it from starting. The text names the way out."""
