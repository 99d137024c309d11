"""Mail from a real IMAP server: each once, whatever breaks."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from channels_app.email import fetching, watching
from channels_app.email.fetching import fetch
from channels_app.email.models import Mailbox, MailMessage
from hub.conversations.models import Entry
from tests.email.conftest import Post, a_mail
from tests.email.cutting import Wire
from tests.email.dovecot import PASSWORD, USER, Dovecot

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Dovecot.is_there(), reason="Dovecot is not installed"),
]


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mailbox(post: Post, dovecot: Dovecot) -> Mailbox:
    post.mailbox.imap_host = "127.0.0.1"
    post.mailbox.imap_port = dovecot.port
    post.mailbox.imap_security = Mailbox.Security.NONE
    post.mailbox.user, post.mailbox.password = USER, PASSWORD
    post.mailbox.save()
    fetch(post.mailbox.pk)  # from now on
    return post.mailbox


def bodies() -> list[str]:
    return [one.body.rpartition("\n")[2] for one in Entry.objects.filter(author_kind="patient")]


def test_a_new_mailbox_begins_with_what_comes_from_now_on(post, dovecot) -> None:
    dovecot.put(a_mail("Long ago").as_bytes())
    post.mailbox.imap_host, post.mailbox.imap_port = "127.0.0.1", dovecot.port
    post.mailbox.imap_security = Mailbox.Security.NONE
    post.mailbox.user, post.mailbox.password = USER, PASSWORD
    post.mailbox.save()
    fetch(post.mailbox.pk)
    assert bodies() == []
    dovecot.put(a_mail("Today").as_bytes())
    fetch(post.mailbox.pk)
    assert bodies() == ["Today"]


def test_each_mail_once_and_the_folder_as_it_was(mailbox, dovecot) -> None:
    dovecot.put(*(a_mail(f"Mail {n}").as_bytes() for n in range(5)))
    for _ in range(3):
        fetch(mailbox.pk)
    assert sorted(bodies()) == [f"Mail {n}" for n in range(5)]
    client = dovecot.client()
    client.select("INBOX", readonly=True)
    assert len(client.search(None, "UNSEEN")[1][0].split()) == 5


def test_two_fetchers_at_once_make_no_duplicate(mailbox, dovecot) -> None:
    dovecot.put(*(a_mail(f"Mail {n}").as_bytes() for n in range(20)))
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait(10)
            fetch(mailbox.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(run) for _ in range(2)]:
            done.result(60)
    assert sorted(bodies()) == sorted(f"Mail {n}" for n in range(20))
    assert MailMessage.objects.count() == 20


def test_a_cut_in_the_middle_of_a_mail_loses_and_doubles_nothing(mailbox, dovecot) -> None:
    wire = Wire(dovecot.port)
    Mailbox.objects.filter(pk=mailbox.pk).update(imap_port=wire.port)
    dovecot.put(
        a_mail("First").as_bytes(), a_mail("CUT-HERE and on").as_bytes(), a_mail("Last").as_bytes()
    )
    wire.cut_at = b"CUT-HERE"
    fetch(mailbox.pk)
    mailbox.refresh_from_db()
    assert wire.cuts == 1
    assert mailbox.failure == "unreachable"
    assert bodies() == ["First"]
    wire.cut_at = None
    fetch(mailbox.pk)
    mailbox.refresh_from_db()
    assert mailbox.failure == ""
    assert sorted(bodies()) == ["CUT-HERE and on", "First", "Last"]
    wire.close()


def test_a_folder_made_anew_is_read_again_and_known_again(mailbox, dovecot) -> None:
    dovecot.put(a_mail("One").as_bytes())
    fetch(mailbox.pk)
    before = Mailbox.objects.get(pk=mailbox.pk).uid_validity
    dovecot.make_anew()
    dovecot.put(a_mail("Two").as_bytes())
    fetch(mailbox.pk)
    assert Mailbox.objects.get(pk=mailbox.pk).uid_validity != before
    assert sorted(bodies()) == ["One", "Two"]


def test_a_bad_mail_blocks_no_other(mailbox, dovecot, monkeypatch) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 2000)
    dovecot.put(
        a_mail("Before").as_bytes(), a_mail("x" * 4000).as_bytes(), a_mail("After").as_bytes()
    )
    fetch(mailbox.pk)
    assert sorted(bodies()) == ["After", "Before"]
    assert MailMessage.objects.get(conversation=None).refused == "too_large"


def test_a_wrong_password_is_said_and_nothing_lost(mailbox, dovecot) -> None:
    dovecot.put(a_mail("Waits").as_bytes())
    mailbox.password = "another one"
    mailbox.save(update_fields=["password"])
    fetch(mailbox.pk)
    mailbox.refresh_from_db()
    assert mailbox.failure == "log_in"
    mailbox.password = PASSWORD
    mailbox.save(update_fields=["password"])
    fetch(mailbox.pk)
    assert bodies() == ["Waits"]


def test_a_watched_mailbox_is_read_the_moment_something_comes(mailbox, dovecot) -> None:
    stop = threading.Event()

    def run() -> None:
        try:
            watching.watch(mailbox.pk, stop)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        watcher = threads.submit(run)
        try:
            time.sleep(1.5)  # it looks, and then waits to be told
            dovecot.put(a_mail("Quick").as_bytes())
            deadline = time.monotonic() + 15
            while not bodies() and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            stop.set()
        watcher.result(20)
    assert bodies() == ["Quick"]
