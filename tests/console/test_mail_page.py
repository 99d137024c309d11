"""The whole of a mail, in a frame where nothing runs and nothing is fetched unasked."""

import pytest
from django.test import Client
from django.urls import reverse

from channels_app.email.models import MailMessage
from channels_app.email.taking import take
from hub.audit.models import AuditEvent
from hub.conversations.models import Channel, HubAddress
from hub.staff.models import User
from tests.email.conftest import ADDRESS, a_mail
from tests.factories import DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture
def agent(client: Client) -> User:
    department = DepartmentFactory()
    HubAddress.objects.create(
        channel=Channel.EMAIL, value=ADDRESS, label="Mail", department=department
    )
    user = UserFactory(departments=[department])
    client.force_login(user)
    return user


def a_mail_with_a_look() -> MailMessage:
    mail = a_mail("Please see\n\nOn Monday you wrote:\n> Come on Tuesday")
    mail.add_alternative(
        "<p>Please see</p><script>alert(1)</script><img src='cid:rash'>"
        "<img src='https://tracker.example/x.png'><form action='https://evil.example'></form>",
        subtype="html",
    )
    mail.get_payload()[1].add_related(PNG, "image", "png", cid="<rash>")
    take(mail.as_bytes(), HubAddress.objects.get())
    return MailMessage.objects.get(direction="in")


def test_the_timeline_leads_to_the_whole_mail(client: Client, agent: User) -> None:
    mail = a_mail_with_a_look()
    path = reverse("console:conversation", args=[mail.conversation.uuid])
    assert reverse("console:mail", args=[mail.uuid]) in client.get(path).content.decode()
    page = client.get(reverse("console:mail", args=[mail.uuid])).content.decode()
    assert "My tablets" in page
    assert "Come on Tuesday" in page, "what it quotes"
    assert AuditEvent.objects.filter(action="view_conversation").exists()


def test_nothing_of_the_mail_runs_and_nothing_is_fetched_unasked(
    client: Client, agent: User
) -> None:
    mail = a_mail_with_a_look()
    frame = client.get(reverse("console:mail_frame", args=[mail.uuid]))
    html = frame.content.decode()
    assert "alert" not in html
    assert "<form" not in html
    assert 'src="data:image/png;base64,' in html, "its own picture"
    assert ' src="https://tracker.example' not in html
    policy = frame["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "https:" not in policy
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_pictures_from_elsewhere_are_shown_when_asked_for(client: Client, agent: User) -> None:
    mail = a_mail_with_a_look()
    assert "?images=1" in client.get(reverse("console:mail", args=[mail.uuid])).content.decode()
    frame = client.get(reverse("console:mail_frame", args=[mail.uuid]), {"images": "1"})
    assert ' src="https://tracker.example/x.png"' in frame.content.decode()
    assert "https:" in frame["Content-Security-Policy"]


def test_who_may_not_read_the_conversation_reads_no_mail(client: Client, agent: User) -> None:
    mail = a_mail_with_a_look()
    client.force_login(UserFactory(departments=[DepartmentFactory()]))
    for name in ("console:mail", "console:mail_frame"):
        assert client.get(reverse(name, args=[mail.uuid])).status_code == 404
