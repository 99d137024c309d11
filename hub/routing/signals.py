"""What the phone and other rooms above are told of waits and offers.

All are sent inside the transaction of the change: receivers only write rows and ask for something
after the commit. Each has a sweep behind it on the receiver's side (MODEL.md, Locks and signals).
"""

from django.dispatch import Signal

#: An agent was offered a wait. Arguments: offer (models.Offer; offer.queue_entry and its
#: conversation are loaded). For a call (`offer.fills`) the agent's device is to ring until
#: `offer.until`; of the kind "callback" the agent is reserved, and the patient is rung when they
#: accept.
offer_made = Signal()

#: An offer ended. Arguments: offer (with `outcome`: accepted, refused, expired, withdrawn). A
#: ringing device stops.
offer_ended = Signal()

#: A wait ended. Arguments: queue_entry (with `outcome` and, if accepted, `accepted_by_id`). What
#: the caller hears ends.
entry_ended = Signal()

#: A caller waited as long as their department lets them. Arguments: queue_entry, to ("callback" or
#: "voicemail"). Sent once a wait; it waits on until the receiver ends it (queue.call_back,
#: queue.abandon, queue.overflow).
overflow_due = Signal()
