"""Numbers and chat sites are added at the command line, and then work."""

import re

import pytest
from django.core.management import CommandError, call_command

from channels_app.chat.models import ChatSite
from hub.conversations.models import HubAddress
from tests.factories import DepartmentFactory, HubAddressFactory

pytestmark = pytest.mark.django_db


def test_a_number_is_kept_as_the_provider_writes_it(capsys) -> None:
    DepartmentFactory(name="Front desk")
    call_command("add_number", "(555) 010-0100", "--department=front-desk", "--opt-out-by=provider")
    address = HubAddress.objects.get()
    assert (address.value, address.opt_out_by) == ("+15550100100", "provider")
    assert address.label == "Front desk"
    printed = capsys.readouterr().out
    assert "http://testserver/twilio/messaging/inbound#rc=3&rp=5xx,ct,rt" in printed
    with pytest.raises(CommandError, match="already"):
        call_command("add_number", "+15550100100", "--department=Front desk")


@pytest.mark.parametrize(
    ("number", "department", "why"),
    [("12", "Front desk", "telephone"), ("+15550100100", "Nowhere", "no such department")],
)
def test_a_wrong_number_or_department_is_refused(number: str, department: str, why: str) -> None:
    DepartmentFactory(name="Front desk")
    with pytest.raises(CommandError, match=why):
        call_command("add_number", number, f"--department={department}")
    assert not HubAddress.objects.exists()


def test_a_chat_site_opens_and_may_be_framed_where_it_says(client, capsys) -> None:
    HubAddressFactory(value="+15550100100", department=DepartmentFactory(name="Front desk"))
    call_command(
        "add_chat_site",
        "main",
        "--department=front-desk",
        "--origin=https://www.clinic.example/",
        "--text-number=555-010-0100",
    )
    site = ChatSite.objects.get()
    assert site.allowed_origins == ["https://www.clinic.example"]
    assert site.text_number == "+15550100100"
    policy = client.get("/chat/frame/main").headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://www.clinic.example")
    assert re.search(r'<script src="\S+/chat/widget\.js" data-site="main"', capsys.readouterr().out)


@pytest.mark.parametrize(
    "origin",
    [
        "www.clinic.example",
        "https://*.clinic.example",
        "https://clinic.example/page",
        "https://clinic.example; script-src *",
        "javascript:alert(1)",
    ],
)
def test_an_origin_is_a_host_and_nothing_else(origin: str) -> None:
    DepartmentFactory(name="Front desk")
    with pytest.raises(CommandError, match="An origin"):
        call_command("add_chat_site", "main", "--department=front-desk", f"--origin={origin}")
    assert not ChatSite.objects.exists() and not HubAddress.objects.exists()


def test_only_a_number_of_ours_is_offered() -> None:
    DepartmentFactory(name="Front desk")
    with pytest.raises(CommandError, match="no such number"):
        call_command(
            "add_chat_site", "main", "--department=front-desk", "--text-number=+15550100199"
        )
    assert not HubAddress.objects.exists()
