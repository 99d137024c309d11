"""What the floors above are told about patients; nothing here knows who listens."""

from django.dispatch import Signal

#: Inside the transaction, the contact point locked: nothing more may go out to it.
#: Receivers only write rows. Arguments: consent (the row that says what was stopped).
contact_point_stopped = Signal()

#: After commit: what is shown of a patient changed (profile, links, consent, merge); receivers
#: only nudge. Arguments: patient_ids.
patients_changed = Signal()
