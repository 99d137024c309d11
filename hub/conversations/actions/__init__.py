"""The only writers of conversations: verbs, one transaction each; publishing follows commit."""
