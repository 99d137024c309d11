"""Queue entries, opening hours: who answers next."""
