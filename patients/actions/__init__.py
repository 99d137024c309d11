"""The only writers of patient data. Each is a verb, one transaction, and leaves an audit event.

Locks are taken in the house's order: contact point, then patient. They are taken anew inside even
where the caller holds them: that costs a statement and cannot be forgotten.
"""

from patients.actions.agree import give_consent, start, stop, take_back_plain
from patients.actions.link import link, unlink, verify_link
from patients.actions.merge import merge, unmerge
from patients.actions.profile import add_identifier, create_patient, update_profile
from patients.actions.related import add_related_person, end_related_person

__all__ = [
    "add_identifier",
    "add_related_person",
    "create_patient",
    "end_related_person",
    "give_consent",
    "link",
    "merge",
    "start",
    "stop",
    "take_back_plain",
    "unlink",
    "unmerge",
    "update_profile",
    "verify_link",
]
