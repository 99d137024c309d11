"""The secure page: what waits there is told by text, mail or messenger in a notice with a link."""
