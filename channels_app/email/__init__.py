"""E-mail: mailboxes, threads, and what came and went by them."""
