"""The demo's clinic is seeded once, by the same actions as everything else."""

import pytest
from django.core.management import CommandError, call_command

from channels_app.simulator import contents
from hub.conversations.models import Conversation, Entry, HubAddress, MessageTemplate
from hub.staff.models import Tab, User
from patients.models import Patient

pytestmark = pytest.mark.django_db(transaction=True)


def test_twice_is_once() -> None:
    call_command("seed_demo")
    before = (User.objects.count(), Patient.objects.count(), Conversation.objects.count())
    call_command("seed_demo")
    assert (User.objects.count(), Patient.objects.count(), Conversation.objects.count()) == before
    assert not Entry.objects.filter(author_kind="automatic").exists()
    assert not Tab.objects.exists()
    assert set(Conversation.objects.values_list("identity", flat=True)) >= {
        "unknown",
        "shared",
        "confirmed",
    }


def test_its_templates_are_those_of_the_simulated_twilio() -> None:
    call_command("seed_demo")
    assert dict(MessageTemplate.objects.values_list("content_sid", "preview")) == contents.DEFAULTS
    assert HubAddress.objects.get(channel="whatsapp").state == HubAddress.State.ON
    assert not HubAddress.objects.filter(channel="messenger").exists()


def test_not_in_production(settings) -> None:
    settings.IN_PRODUCTION = True
    with pytest.raises(CommandError):
        call_command("seed_demo")
    assert not User.objects.exists()
