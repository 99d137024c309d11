"""Whether an answer goes out in plain words, or as a notice with a link to the secure page.

Texts, mail and messengers are read by more people than the one they are meant for. Words about
somebody's health go there only where the patient, being told so, asked for it (45 CFR 164.522(b);
HHS Omnibus rule of 2013), and that is a row of the consent ledger; else a notice goes out.
"""

from collections.abc import Collection, Mapping, Sequence

from hub.conversations.models import Channel, ChannelPrivacy, Conversation, Leg
from patients import consent
from patients.survivors import record_ids

#: The channels that others may read, and whether answers go there by secure link unless an
#: administrator says otherwise. Meta signs no agreement that the law asks for.
DEFAULTS = {"sms": False, "email": True, "whatsapp": True, "messenger": True}

CHANNELS: tuple[Channel, ...] = tuple(one for one in Channel if one.value in DEFAULTS)
"""Those of them that there are adapters for."""


def secure_channels(department_id: int) -> set[str]:
    """Return the channels on which a department answers by secure link. One query."""
    rows = ChannelPrivacy.objects.filter(department=department_id)
    said = DEFAULTS | dict(rows.values_list("channel", "secure"))
    return {channel for channel, secure in said.items() if secure and channel in DEFAULTS}


def goes_secure(conversation: Conversation, leg: Leg) -> bool:
    """Whether what staff answer over `leg` now goes out as a notice with a link.

    Ask it with the contact point locked, as with `consent.is_stopped`.
    """
    if leg.channel not in DEFAULTS:
        return False
    if leg.channel not in secure_channels(conversation.department_id):
        return False
    if conversation.patient_id is None:
        return True
    persons = consent.asked_for_plain(leg.contact_point_id, leg.channel)
    return not persons or persons.isdisjoint(record_ids(conversation.patient_id))


def secure_legs(
    conversation: Conversation,
    legs: Sequence[Leg],
    standings: Mapping[int, Sequence[consent.Standing]],
) -> Collection[int]:
    """Return the ids of those of `legs` over which an answer goes out as a notice.

    The same rule as `goes_secure`, for a page that has read where the addresses stand already.
    """
    channels = {leg.channel for leg in legs} & DEFAULTS.keys()
    secure = secure_channels(conversation.department_id) if channels else set()
    concerned = [leg for leg in legs if leg.channel in secure]
    if not concerned or conversation.patient_id is None:
        return {leg.pk for leg in concerned}
    records = set(record_ids(conversation.patient_id))
    plain = {
        (point, one.channel)
        for point, lines in standings.items()
        for one in lines
        if one.plain_for & records
    }
    return {leg.pk for leg in concerned if (leg.contact_point_id, leg.channel) not in plain}
