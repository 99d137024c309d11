"""Every awkward mail goes the whole way: stored and shown, or refused with a reason."""

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_app.email.models import MailMessage
from channels_app.email.taking import take
from hub.conversations.models import Entry
from tests.email.conftest import Post
from tests.email.corpus import CORPUS
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_each_is_stored_and_shown_or_refused_with_a_reason(post: Post, client: Client) -> None:
    client.force_login(UserFactory(departments=[post.department]))
    mails_by_name = {
        awkward.name: awkward.raw.replace(b"<m@example.org>", b"<m%d@example.org>" % number)
        for number, awkward in enumerate(CORPUS)
    }
    outcomes = {name: take(raw, post.address) for name, raw in mails_by_name.items()}
    for name, taken in outcomes.items():
        assert taken.outcome in ("stored", "duplicate", "refused"), name
        assert bool(taken.reason) == (taken.outcome == "refused"), name
    stored = [taken for taken in outcomes.values() if taken.outcome == "stored"]
    assert len(stored) > 0.8 * len(CORPUS)
    mails = MailMessage.objects.filter(direction="in", refused="")
    assert mails.count() == len(stored)
    for mail in mails:
        for path in (
            reverse("console:mail", args=[mail.uuid]),
            reverse("console:mail_frame", args=[mail.uuid]),
            reverse("console:conversation", args=[mail.conversation.uuid]),
        ):
            assert client.get(path).status_code == 200, mail.pk
    # None of them asked for anything twice.
    before = Entry.objects.count()
    again = {take(raw, post.address).outcome for raw in mails_by_name.values()}
    assert again <= {"duplicate", "refused"}
    assert Entry.objects.count() == before


@given(data=st.data())
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_what_the_way_did_to_a_mail_is_stored_or_refused(post: Post, data: st.DataObject) -> None:
    """Cut anywhere, or with bytes turned over: whatever it is now, it raises nothing."""
    raw = bytearray(data.draw(st.sampled_from([awkward.raw for awkward in CORPUS])))
    for _ in range(data.draw(st.integers(0, 6))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    taken = take(bytes(raw[:cut]), post.address)
    assert taken.outcome in ("stored", "duplicate", "refused")
