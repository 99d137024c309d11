"""What the floors above are told. Receivers inside the transaction only write rows; receivers after
commit only nudge, and each has a sweep behind it.
"""

from django.dispatch import Signal

#: Inside the transaction: a patient's message was appended. Arguments: conversation (locked,
#: holder and status as they are now), leg, entry, at, urgent (bool),
#: language (that the sender reads, or empty).
patient_wrote = Signal()

#: Inside the transaction: the conversation has no holder and needs one (given back, reopened).
#: Arguments: conversation, at, place_since (keep this place in line, or None).
needs_holder = Signal()

#: Inside the transaction: somebody took the conversation. Arguments: conversation, user, at.
holder_taken = Signal()

#: Inside the transaction: it needs nobody any more (resolved). Arguments: conversation, at.
holder_not_needed = Signal()

#: Inside the transaction: it moved to another department. Arguments: conversation, at.
department_changed = Signal()

#: After commit: a delivery is ready. Arguments: delivery_ids.
delivery_ready = Signal()
