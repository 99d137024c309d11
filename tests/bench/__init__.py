"""The benchmark itself: its load and its floor, and the count of statements it reports."""
