"""The phone, behind the interface that every channel has."""

from typing import Any

from channels_app.adapter import Adapter, HandedOver, Refused
from channels_app.voice import events, provider, recordings
from channels_app.voice.commands import Do
from channels_app.voice.models import Call, Party
from hub.conversations.models import Channel, Delivery


class VoiceAdapter(Adapter):
    """Calls by Twilio."""

    channel = Channel.VOICE

    def send(self, delivery: Delivery) -> HandedOver:
        """Nobody writes into a call."""
        raise Refused("not_a_written_channel")

    def ring(self, delivery: Delivery) -> HandedOver:
        """Ring a party or the patient."""
        party, call = _about(delivery)
        if party is not None:
            made = provider.ring(delivery, party)
            events.note_party_sid(party.pk, made.provider_key)
        else:
            made = provider.ring_patient(delivery, call)
            events.note_call_sid(call.pk, made.provider_key)
        return made

    def find(self, delivery: Delivery) -> HandedOver | None:
        """Ask whether a phone was rung of which nobody knows."""
        party, call = _about(delivery)
        found = provider.find(delivery, party, call)
        if found is not None and party is not None:
            events.note_party_sid(party.pk, found.provider_key)
        elif found is not None:
            events.note_call_sid(call.pk, found.provider_key)
        return found

    def command(self, delivery: Delivery) -> None:
        """Carry an order out."""
        detail = delivery.detail
        match detail["do"]:
            case Do.MOVE:
                provider.move(detail["call"], detail["move"])
            case Do.SET:
                provider.set_party(detail["party"])
            case Do.ANNOUNCE:
                provider.announce(detail["party"])
            case Do.CLOSE:
                provider.close(Call.objects.get(pk=detail["call"]))
            case Do.RECORD:
                recordings.carry_out(detail["recording"], again=delivery.attempts > 1)
            case other:
                raise Refused(f"unknown_{other}"[:32])

    def gave_up(self, delivery: Delivery, code: str) -> None:
        """A phone was not rung, or a line could not be moved: see what that means for the call."""
        if delivery.kind in (Delivery.Kind.CALL, Delivery.Kind.COMMAND):
            events.order_failed(delivery.detail, code)

    def fetch(self, delivery: Delivery) -> None:
        """Bring a recording here."""
        recordings.fetch(delivery)

    def delete(self, delivery: Delivery) -> None:
        """Delete a recording at the provider."""
        recordings.delete(delivery)

    def handle(self, kind: str, payload: dict[str, Any]) -> None:
        """Work on what the provider tells of a line, a room or a recording."""
        events.handle(kind, payload)


def _about(delivery: Delivery) -> tuple[Party | None, Call]:
    detail = delivery.detail
    if detail["do"] == Do.RING:
        party = Party.objects.select_related("call__hub_address").get(pk=detail["party"])
        return party, party.call
    return None, Call.objects.select_related("contact_point", "hub_address").get(pk=detail["call"])
