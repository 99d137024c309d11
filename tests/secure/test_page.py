"""The page behind the link: what opens it, what it shows, and what comes back."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.utils import timezone

from channels_app.files import accept_upload
from channels_app.secure import links
from channels_app.secure.models import MOST_TRIES, SecureLink
from hub.audit.models import AuditEvent
from hub.conversations.actions import identity, send
from hub.conversations.actions.receive import receive
from hub.conversations.actions.status import resolve
from hub.conversations.models import Attachment, Conversation, Delivery, Entry, HubAddress, Leg
from hub.routing.models import QueueEntry
from hub.staff.models import User
from patients.models import Patient
from tests.factories import PatientFactory, inbound
from tests.secure.conftest import BORN, THEIRS, WORDS, Page, answer, notice_of, token_in
from tests.secure.test_going_out import PNG

pytestmark = pytest.mark.django_db
WRONG = date(1961, 3, 10)


def refusal(page: Page) -> tuple[int, str]:
    """The status and the page, without what was typed."""
    return page.status, re.sub(r'value="[^"]*"', "", page.html)


def lines(conversation: Conversation, what: str) -> list[Entry]:
    return list(conversation.entries.filter(kind="link", detail__what=what))


# --- Opening --------------------------------------------------------------------------------------


def test_the_link_alone_shows_nothing_and_uses_up_nothing(page: Page) -> None:
    for method in (page.client.get, page.client.head):
        response = method("/s/")
        assert response.status_code == 200 and WORDS not in response.content.decode()
    link = SecureLink.objects.get()
    assert (link.opened_at, link.tries) == (None, 0)
    assert page.look().status == 403 and WORDS not in page.html


def test_no_part_of_the_token_is_kept(page: Page) -> None:
    assert len(page.token) >= 22
    assert page.token not in str(SecureLink.objects.values().get())
    assert page.token not in str(list(Entry.objects.values_list("detail", "kind")))


def test_the_right_birth_date_opens_it_and_the_staff_see_that(
    page: Page, conversation: Conversation
) -> None:
    assert WORDS in page.open().html
    assert "What did the lab say?" in page.html
    [line] = lines(conversation, "secure_opened")
    assert line.audience == "staff"
    cookie = page.client.cookies["secure_page"]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/s/"
    assert cookie.value not in str(SecureLink.objects.values().get())


@pytest.mark.parametrize("wrong", [WRONG, date(1961, 9, 3), date(2009, 3, 9)])
def test_a_wrong_birth_date_is_refused_and_counted(page: Page, wrong: date) -> None:
    assert page.open(wrong).status == 403 and WORDS not in page.html
    assert SecureLink.objects.get().tries == 1
    assert AuditEvent.objects.filter(action="denied", detail={"check": "birth_date"}).count() == 1
    assert WORDS in page.open().html
    assert SecureLink.objects.get().tries == 0


def test_after_five_wrong_dates_the_link_is_dead_and_the_staff_are_told(
    page: Page, conversation: Conversation
) -> None:
    for _ in range(MOST_TRIES):
        assert page.open(WRONG).status == 403
    assert page.open().status == 403 and WORDS not in page.html
    link = SecureLink.objects.get()
    assert link.dead_at is not None and link.tries == MOST_TRIES
    [line] = lines(conversation, "secure_locked")
    assert line.audience == "staff"


def test_an_open_page_closes_when_its_link_dies(page: Page) -> None:
    page.open()
    thief = Page(page.token)
    for _ in range(MOST_TRIES):
        thief.open(WRONG)
    assert page.look().status == 403 and WORDS not in page.html


def test_a_new_message_is_not_five_more_guesses_for_ever(
    conversation: Conversation, agent: User
) -> None:
    tokens = [token_in(notice_of(answer(conversation, agent, f"Number {n}"))) for n in range(5)]
    for token in tokens[:3]:
        for _ in range(MOST_TRIES):
            Page(token).open(WRONG)
    assert Page(tokens[3]).open().status == 403
    assert SecureLink.objects.filter(dead_at__isnull=False).count() == 4
    # Once the old links are past, so are their guesses.
    week = timezone.now() - timedelta(days=1)
    SecureLink.objects.filter(dead_at__isnull=False).update(expires_at=week)
    assert "Number 4" in Page(tokens[4]).open().html


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_no_more_than_five(page: Page, conversation: Conversation) -> None:
    def guess(day: int) -> int:
        try:
            return Page(page.token).open(date(1961, 4, day)).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(guess, range(1, 17))) == {403}
    link = SecureLink.objects.get()
    assert link.tries == MOST_TRIES and link.dead_at is not None
    assert AuditEvent.objects.filter(detail={"check": "birth_date"}).count() == MOST_TRIES
    assert len(lines(conversation, "secure_locked")) == 1
    numbers = list(conversation.entries.values_list("number", flat=True).order_by("number"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_all_refusals_are_the_same(page: Page, conversation: Conversation, agent: User) -> None:
    expired = token_in(notice_of(answer(conversation, agent, "An old one")))
    SecureLink.objects.filter(token_hash=links.tokens.hash_of(expired)).update(
        expires_at=timezone.now()
    )
    dead = token_in(notice_of(answer(conversation, agent, "A dead one")))
    for _ in range(MOST_TRIES):
        Page(dead).open(WRONG)
    refusals = {
        refusal(Page(page.token).open(WRONG)),
        refusal(Page(expired).open()),
        refusal(Page(dead).open()),
        refusal(Page("A" * 24).open()),
        refusal(Page("\0ñ").open()),
        refusal(Page("").open()),
    }
    assert len(refusals) == 1
    assert refusals.pop()[0] == 403


@pytest.mark.parametrize("change", ["flip", "cut", "longer", "case"])
def test_a_forged_token_opens_nothing(page: Page, change: str) -> None:
    token = page.token
    forged = {
        "flip": ("A" if token[0] != "A" else "B") + token[1:],
        "cut": token[:-1],
        "longer": token + "A",
        "case": token.swapcase(),
    }[change]
    assert Page(forged).open().status == 403
    assert SecureLink.objects.get().tries == 0


def test_a_token_of_another_key_opens_nothing(page: Page, settings) -> None:
    settings.SECRET_KEY = "another secret key, which is long enough for anything"
    forged = links._token_of(Delivery.objects.get())
    assert forged != page.token
    assert Page(forged).open().status == 403


def test_another_patients_birth_date_opens_nothing(
    page: Page, conversation: Conversation, address: HubAddress, agent: User
) -> None:
    born = date(1988, 1, 2)
    other = PatientFactory(legal_name="Ben Stone", birth_date=born)
    theirs = receive(inbound(address, "Hello", "+15550100155")).conversation
    identity.identify_as(theirs, other, by=agent)
    token = token_in(notice_of(answer(theirs, agent, "Words for Ben")))
    assert page.open(born).status == 403
    assert Page(token).open(BORN).status == 403
    mine = Page(token).open(born)
    assert "Words for Ben" in mine.html and WORDS not in mine.html


def test_what_turns_out_to_be_about_somebody_else_closes(
    page: Page, conversation: Conversation, agent: User
) -> None:
    page.open()
    other = PatientFactory(legal_name="Ben Stone", birth_date=date(1988, 1, 2))
    identity.identify_as(Conversation.objects.get(pk=conversation.pk), other, by=agent)
    assert page.look().status == 403 and WORDS not in page.html
    assert page.open().status == 403


def test_a_link_opens_again_with_the_birth_date_and_the_page_before_closes(page: Page) -> None:
    page.open()
    other = Page(page.token)
    assert other.look().status == 403
    assert other.open(WRONG).status == 403
    assert WORDS in page.look().html
    assert WORDS in other.open().html
    assert page.look().status == 403


def test_an_expired_link_is_refused_and_its_page_closes(page: Page) -> None:
    page.open()
    SecureLink.objects.update(expires_at=timezone.now())
    assert page.look().status == 403 and WORDS not in page.html
    assert page.open().status == 403


def test_the_page_closes_after_half_an_hour_and_an_answer_keeps_it_open(page: Page) -> None:
    page.open()
    soon = timezone.now() + timedelta(minutes=1)
    SecureLink.objects.update(session_until=soon)
    page.write("Still here")
    until = SecureLink.objects.get().session_until
    assert until is not None and until > soon + timedelta(minutes=20)
    SecureLink.objects.update(session_until=timezone.now())
    assert page.look().status == 403
    assert page.write("Too late").status == 403
    assert Entry.objects.filter(author_kind="patient").count() == 2


def test_who_leaves_has_left(page: Page) -> None:
    page.open()
    kept = page.client.cookies["secure_page"].value
    assert page.leave().status == 200
    page.client.cookies["secure_page"] = kept
    assert page.look().status == 403
    assert WORDS in page.open().html


def test_where_no_birth_date_is_known_nothing_is_shown(page: Page, patient: Patient) -> None:
    Patient.objects.update(birth_date=None)
    assert page.open().status == 409
    assert "Please call us" in page.html and WORDS not in page.html
    assert SecureLink.objects.get().tries == 0
    assert page.look().status == 403


def test_where_nobody_knows_who_it_is_nothing_is_shown(address: HubAddress, agent: User) -> None:
    unknown = receive(inbound(address, "Hi", "+15550100177")).conversation
    page = Page(token_in(notice_of(answer(unknown, agent))))
    assert page.open().status == 409 and WORDS not in page.html


@pytest.mark.parametrize(
    "fields",
    [
        {"day": "31", "month": "2"},
        {"day": ""},
        {"day": "x"},
        {"year": "61"},
        {"year": "9999"},
        {"month": "13"},
        {"day": "٣"},
    ],
)
def test_what_is_no_date_is_asked_again_and_not_counted(page: Page, fields: dict[str, str]) -> None:
    typed = {"token": page.token, "month": "3", "day": "9", "year": "1961", **fields}
    response = page.client.post("/s/open", typed)
    counted = SecureLink.objects.get().tries
    assert (response.status_code, counted) in ((400, 0), (403, 1))
    assert (response.status_code == 403) is (fields == {"day": "٣"})


def test_one_address_of_the_net_guesses_seldom(page: Page) -> None:
    codes = [Page("guess").open().status for _ in range(31)]
    assert set(codes[:30]) == {403} and codes[30] == 429


def test_a_foreign_page_can_post_nothing(page: Page) -> None:
    page.open()
    for origin in ("https://evil.example", "null", ""):
        for path in ("open", "answer", "leave"):
            headers = {"origin": origin} if origin else {}
            client = Client()
            client.cookies = page.client.cookies
            fields = {"token": page.token, "text": "x", "intent": str(uuid4())}
            assert client.post(f"/s/{path}", fields, headers=headers).status_code == 403
    assert WORDS in page.look().html


# --- What it shows --------------------------------------------------------------------------------


def test_it_shows_this_conversation_and_never_a_note(
    page: Page, conversation: Conversation, agent: User, address: HubAddress
) -> None:
    found = Conversation.objects.get(pk=conversation.pk)
    send.note(found, "Difficult, be kind", intent=uuid4(), by=agent)
    resolve(Conversation.objects.get(pk=conversation.pk), "answered", by=agent)
    Conversation.objects.update(resolved_at=timezone.now() - timedelta(days=6))
    other = receive(inbound(address, "Something else altogether", THEIRS)).conversation
    assert other.pk != conversation.pk
    answer(other, agent, "About the something else")
    html = page.open().html
    assert WORDS in html
    assert "Difficult" not in html and "something else" not in html.lower()


def test_what_was_taken_back_is_gone(page: Page, conversation: Conversation) -> None:
    conversation.entries.filter(kind="message", author_kind="staff").update(
        erased_at=timezone.now()
    )
    assert WORDS not in page.open().html and page.status == 200


def test_words_are_words_and_no_markup(conversation: Conversation, agent: User) -> None:
    page = Page(token_in(notice_of(answer(conversation, agent, "<b>bold</b> & <script>"))))
    html = page.open().html
    assert "&lt;b&gt;bold" in html and "<script>" not in html


def test_it_speaks_the_patients_language_once_they_are_known(page: Page) -> None:
    Patient.objects.update(language="es")
    assert '<html lang="es">' in page.open().html
    assert '<html lang="en">' in page.look(language="en").html
    spanish = Page(page.token, language="es-MX")
    response = spanish.client.get("/s/")
    assert '<html lang="es">' in response.content.decode()


def test_nothing_of_it_is_kept_by_a_cache_or_told_on(page: Page) -> None:
    page.open()
    for path in ("/s/", "/s/thread"):
        response = page.client.get(path)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_every_look_is_on_record(page: Page, conversation: Conversation, patient: Patient) -> None:
    page.open()
    page.write("And the iron?")
    rows = AuditEvent.objects.filter(
        conversation_id=conversation.pk, patient_id=patient.pk, actor_id=None
    )
    # Opened, looked at after it, and looked at after the answer.
    assert rows.filter(action="view_conversation").count() == 3
    assert rows.filter(action="send_message").count() == 1


# --- What comes back ------------------------------------------------------------------------------


def test_an_answer_waits_in_the_queue_and_the_next_goes_out_by_the_same_way(
    page: Page, conversation: Conversation, agent: User, address: HubAddress
) -> None:
    resolve(Conversation.objects.get(pk=conversation.pk), "answered", by=agent)
    Conversation.objects.update(resolved_at=timezone.now() - timedelta(days=6))
    page.open()
    assert "I have a question" in page.write("I have a question").html
    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.OPEN
    assert QueueEntry.objects.get(ended_at__isnull=True).conversation_id == conversation.pk
    assert Conversation.objects.count() == 1
    leg = conversation.legs.get(ended_at=None)
    assert (leg.channel, leg.hub_address_id) == ("sms", address.pk)
    entry = answer(conversation, agent, "Ask away")
    assert entry.deliveries.get().contact_point.value == THEIRS
    assert "Ask away" in page.look().html
    # A text joins the same conversation.
    assert receive(inbound(address, "By text", THEIRS)).conversation.pk == conversation.pk


def test_it_lands_in_the_links_conversation_though_another_runs_on_that_phone(
    page: Page, conversation: Conversation, agent: User, address: HubAddress
) -> None:
    resolve(Conversation.objects.get(pk=conversation.pk), "answered", by=agent)
    Conversation.objects.update(resolved_at=timezone.now() - timedelta(days=6))
    other = receive(inbound(address, "Another concern", THEIRS)).conversation
    assert other.pk != conversation.pk
    page.open().write("About the lab again")
    last = Entry.objects.filter(author_kind="patient").latest("pk")
    assert (last.body, last.conversation_id) == ("About the lab again", conversation.pk)
    assert other.entries.filter(kind="message").count() == 1
    # One open leg between the two addresses, as ever.
    assert Leg.objects.filter(ended_at=None).get().conversation_id == conversation.pk
    other.refresh_from_db()
    assert other.status == Conversation.Status.OPEN


def test_two_presses_are_one_answer(page: Page) -> None:
    page.open()
    intent = page.intent
    for _ in range(3):
        page.write("Once", SimpleUploadedFile("a.png", PNG), intent=intent)
    [entry] = Entry.objects.filter(intent=intent)
    assert Attachment.objects.filter(entry=entry).count() == 1
    assert page.html.count("Once") == 1


@pytest.mark.django_db(transaction=True)
def test_answers_and_texts_at_once_make_one_conversation(
    page: Page, conversation: Conversation, address: HubAddress
) -> None:
    page.open()

    def say(n: int) -> None:
        try:
            if n % 2:
                page.client.post("/s/answer", {"text": f"page {n}", "intent": str(uuid4())})
            else:
                receive(inbound(address, f"text {n}", THEIRS))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(say, range(12)))
    assert Conversation.objects.count() == 1
    said = Entry.objects.filter(author_kind="patient", kind="message")
    assert said.count() == 13
    numbers = list(conversation.entries.values_list("number", flat=True).order_by("number"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_files_come_and_go_as_in_the_chat(
    page: Page, conversation: Conversation, agent: User, address: HubAddress
) -> None:
    ours = accept_upload(SimpleUploadedFile("lab.png", PNG))
    answer(conversation, agent, "The sheet", files=[ours])
    page.open()
    assert "lab.png" in page.html
    page.write("", SimpleUploadedFile("../mine.png", PNG))
    assert "mine.png" in page.html
    for path in re.findall(r'href="(/s/files/[^"]+)"', page.html):
        response = page.client.get(path)
        assert response.status_code == 200 and response.content == PNG
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
    assert AuditEvent.objects.filter(action="download_attachment").count() == 2
    # A file of another conversation is not there, nor is this one without the page.
    elsewhere = receive(inbound(address, "Hi", "+15550100177"))
    file = Attachment.objects.filter(entry__conversation=conversation).first()
    assert file is not None
    assert Client().get(f"/s/files/{file.uuid}").status_code == 403
    Attachment.objects.filter(pk=file.pk).update(entry=elsewhere.entry, position=7)
    assert page.client.get(f"/s/files/{file.uuid}").status_code == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.html", b"<html><script>"), ("empty.png", b""), ("x.svg", b"<svg onload=alert(1)>")],
)
def test_a_file_that_may_not_pass_is_refused_and_the_words_are_kept(
    page: Page, name: str, content: bytes, settings: Any
) -> None:
    page.open()
    before = set(stored(settings))
    page.write("Look at this", SimpleUploadedFile("a.png", PNG), SimpleUploadedFile(name, content))
    assert page.status == 400 and 'role="alert"' in page.html and "Look at this" in page.html
    assert Entry.objects.filter(author_kind="patient").count() == 1
    assert set(stored(settings)) == before


def stored(settings: Any) -> list[str]:
    """The files of the media folder."""
    return [str(one) for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()]


@pytest.mark.parametrize(
    ("text", "intent", "status"),
    [("  ", "", 400), ("x" * 4001, "", 400), ("x", "no-uuid", 400)],
)
def test_what_is_no_answer_is_refused(page: Page, text: str, intent: str, status: int) -> None:
    page.open()
    assert page.write(text, intent=intent).status == status
    assert Entry.objects.filter(author_kind="patient").count() == 1


def test_too_much_at_once_is_refused(page: Page) -> None:
    page.open()
    many = [SimpleUploadedFile(f"{n}.png", PNG) for n in range(11)]
    assert page.write("Many", *many).status == 400
    huge = SimpleUploadedFile("huge.png", PNG + b"\0" * (12 * 1024 * 1024))
    assert page.write("Huge", huge).status == 413
    codes = {page.write(f"Line {n}").status for n in range(30)}
    assert codes == {200, 429}


def test_words_of_an_emergency_are_urgent_here_too(page: Page, conversation: Conversation) -> None:
    page.open().write("I have chest pain and cannot breathe")
    conversation.refresh_from_db()
    assert conversation.priority == Conversation.Priority.URGENT
