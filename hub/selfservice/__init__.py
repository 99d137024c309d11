"""What patients do for themselves on the clinic's own pages, without an account."""
