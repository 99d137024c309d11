"""What happens to people, told to the rooms above.

Receivers are called inside the transaction of the change; they may write rows and nothing else.
"""

from django.dispatch import Signal

person_switched_off = Signal()
"""A person can no longer log in. Arguments: `user` (User), `by` (User, the administrator)."""

person_regrouped = Signal()
"""A person's role or departments changed, and so what they may see. Arguments: `user`, `by`."""

person_reachable = Signal()
"""A person may be available from now on: a tab was opened or unlocked, or they said so. Arguments:
`user_id`."""
