"""Awkward mails, each with a name and with what must come out of it.

Built by code, so that what is odd about each can be seen.
"""

from tests.email import corpus_bounces, corpus_files, corpus_headers, corpus_kinds, corpus_trees
from tests.email.corpus_building import CORPUS, Awkward

__all__ = ["CORPUS", "Awkward"]

#: Each of these added its mails when it was imported.
PARTS = (corpus_bounces, corpus_files, corpus_headers, corpus_kinds, corpus_trees)
