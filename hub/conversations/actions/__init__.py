"""The only writers of conversations. Each is a verb and one transaction; publishing follows commit."""
