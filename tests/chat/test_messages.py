"""What a visitor writes stands in the timeline once, and they see their own side of it alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.utils import timezone

from channels_app.chat import sessions
from channels_app.chat.models import ChatLeg, ChatSession, ChatSite
from channels_app.chat.sessions import said_in
from hub.conversations.actions.send import Answer, note, send
from hub.conversations.actions.status import resolve
from hub.conversations.models import Attachment, ContactEvent, Conversation, Entry, Leg
from hub.staff.models import Department, User
from tests.chat.conftest import Visitor, make_site

pytestmark = pytest.mark.django_db

PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx"
    b"\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82"
)


def conversation_of(visitor: Visitor) -> Conversation:
    return Conversation.objects.filter(legs__chat_leg__session=visitor.session).latest("pk")


def leg_of(visitor: Visitor) -> Leg:
    return ChatLeg.objects.filter(session=visitor.session).latest("leg_id").leg


def answer(visitor: Visitor, by: User, text: str) -> Entry:
    leg = leg_of(visitor)
    return send(leg.conversation, Answer(text, leg.pk, uuid4()), by=by)


def said_by_people(visitor: Visitor) -> list[tuple[str, str]]:
    lines = visitor.page()["lines"]
    return [(line["by"], line["text"]) for line in lines if line["by"] != "automatic"]


def test_a_message_is_in_the_timeline_and_the_answer_comes_back(
    visitor: Visitor, lena: User
) -> None:
    assert visitor.write("I ran out of pills").status_code == 201
    conversation = conversation_of(visitor)
    entry = conversation.entries.get(kind=Entry.Kind.MESSAGE, author_kind="patient")
    assert entry.body == "I ran out of pills"
    assert (entry.channel, entry.audience) == ("chat", "patient")
    assert conversation.patient is None
    answer(visitor, lena, "On its way")
    assert said_by_people(visitor) == [("me", "I ran out of pills"), ("person", "On its way")]
    page = visitor.page()
    assert page["lines"][-1]["name"] == "Lena"
    assert page["head"]["person"] == "Lena"
    assert page["head"]["department"] == "Cardiology"


def test_whoever_writes_while_nobody_is_there_is_told_at_once(visitor: Visitor) -> None:
    visitor.write("Is anybody there?")
    automatic = [line for line in visitor.page()["lines"] if line["by"] == "automatic"]
    assert len(automatic) == 1
    assert "911" in automatic[0]["text"]
    assert "988" in automatic[0]["text"]
    assert visitor.page()["head"]["here"] is False


def test_the_same_press_of_send_twice_is_one_message(visitor: Visitor) -> None:
    intent = str(uuid4())
    assert visitor.write("Once", intent).status_code == 201
    assert visitor.write("Once", intent).status_code == 201
    assert Entry.objects.filter(author_kind="patient").count() == 1
    assert visitor.page()["lines"][0]["intent"] == intent


def test_the_same_press_of_send_after_the_conversation_was_resolved_changes_nothing(
    visitor: Visitor, lena: User
) -> None:
    intent = str(uuid4())
    visitor.write("Once", intent)
    conversation = resolve(conversation_of(visitor), "answered", by=lena)
    assert visitor.write("Once", intent).status_code == 201
    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.RESOLVED
    assert not conversation.legs.filter(ended_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_press_of_send_at_once_from_two_tabs_is_one_message(visitor: Visitor) -> None:
    intent = str(uuid4())

    def press(_: int) -> int:
        try:
            return visitor.write("Once", intent).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(press, range(4))) == [201] * 4
    assert Entry.objects.filter(author_kind="patient").count() == 1
    assert Conversation.objects.count() == 1


def test_places_are_counted_without_gaps_whatever_staff_write_between(
    visitor: Visitor, lena: User
) -> None:
    visitor.write("One")
    note(conversation_of(visitor), "A secret note", intent=uuid4(), by=lena)
    answer(visitor, lena, "Two")
    note(conversation_of(visitor), "Another", intent=uuid4(), by=lena)
    visitor.write("Three")
    lines = visitor.page()["lines"]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    everything = str(visitor.page())
    assert "secret" not in everything
    assert "Another" not in everything


def test_catching_up_gives_each_line_once(visitor: Visitor) -> None:
    for n in range(7):
        visitor.write(f"line {n}")
    whole = visitor.page()["lines"]
    in_parts = []
    place = 0
    for _ in range(3):
        part = visitor.page(place)["lines"][:3]
        in_parts += part
        place = part[-1]["n"]
    assert in_parts == whole[: len(in_parts)]
    assert len(in_parts) == min(9, len(whole))


def test_long_chats_come_in_pages(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.write("first")
    leg = leg_of(visitor)
    from hub.conversations.append import Line, append

    append(
        leg.conversation,
        *(
            Line("message", "patient", timezone.now(), audience="patient", leg=leg, body=f"m{n}")
            for n in range(150)
        ),
    )
    first = visitor.page()
    assert (len(first["lines"]), first["more"], first["last"]) == (100, True, 100)
    second = visitor.page(100)
    assert second["more"] is False
    assert second["lines"][-1]["text"] == "m149"


def test_nobody_sees_lines_of_another_visitor(visitor: Visitor, lena: User) -> None:
    visitor.write("mine")
    other = Visitor().start()
    other.write("theirs")
    assert said_by_people(visitor) == [("me", "mine")]
    assert said_by_people(other) == [("me", "theirs")]
    assert conversation_of(visitor) != conversation_of(other)


def test_a_line_that_was_taken_back_is_gone_for_the_visitor_too(
    visitor: Visitor, lena: User
) -> None:
    visitor.write("hello")
    wrong = answer(visitor, lena, "Meant for somebody else")
    place = visitor.page()["last"]
    Entry.objects.filter(pk=wrong.pk).update(erased_at=timezone.now())
    page = visitor.page(place)
    assert page["gone"] == [place]
    line = visitor.page()["lines"][-1]
    assert (line["gone"], line["text"]) == (True, "")


def test_after_the_end_a_new_message_reopens_the_conversation(visitor: Visitor, lena: User) -> None:
    visitor.write("One thing")
    conversation = conversation_of(visitor)
    resolve(conversation, "answered", by=lena)
    assert visitor.page()["head"]["state"] == "ended"
    visitor.write("And another")
    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.OPEN
    assert said_by_people(visitor) == [("me", "One thing"), ("me", "And another")]
    assert visitor.page()["head"]["state"] == "open"


def test_ending_the_chat_ends_its_leg_and_its_token(visitor: Visitor) -> None:
    visitor.write("Bye")
    leg = leg_of(visitor)
    assert visitor.post("/chat/end", {}).status_code == 204
    leg.refresh_from_db()
    assert leg.ended_at is not None
    assert visitor.get("/chat/messages").status_code == 401
    assert ContactEvent.objects.filter(kind="leg_ended", leg=leg).count() == 1
    # Its conversation goes on: somebody still has to read it.
    assert leg.conversation.status == Conversation.Status.OPEN


def test_chats_that_were_left_end_by_themselves(visitor: Visitor) -> None:
    visitor.write("Hello")
    ChatSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sessions.end_expired() == 1
    assert leg_of(visitor).ended_at is not None
    assert sessions.end_expired() == 0


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\u202emirrored \u05e9\u05dc\u05d5\u05dd",
        "null\0byte",
        "👩🏽\u200d⚕️ ñ 漢字",
        "x" * 4000,
        b"lone \\ud800 half".decode("unicode_escape"),
    ],
)
def test_every_text_survives_as_it_was_sent(visitor: Visitor, text: str) -> None:
    assert visitor.write(text).status_code == 201
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert visitor.page()["lines"][0]["text"] == expected


def test_too_long_and_empty_texts_are_refused_with_a_sentence(visitor: Visitor) -> None:
    for text, code in (("x" * 4001, "too_long"), ("  \n ", "nothing")):
        refused = visitor.write(text)
        assert refused.status_code == 400
        assert refused.json()["error"] == code
        assert len(refused.json()["message"]) > 10
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"intent": 5}', b'{"intent": "x", "text": "y"}', b"{" * 9000, b"\xff"],
)
def test_malformed_messages_leave_nothing(visitor: Visitor, body: bytes) -> None:
    refused = visitor.client.post(
        "/chat/messages", body, content_type="application/json", headers=visitor.headers
    )
    assert refused.status_code == 400
    assert not Entry.objects.exists()


def test_what_a_visitor_says_of_themself_is_kept_for_staff_and_identifies_nobody(
    site: ChatSite,
) -> None:
    visitor = Visitor().start(name="  Ana   Morales ", birth_date="1961-03-12")
    visitor.write("Hello")
    conversation = conversation_of(visitor)
    said = said_in(conversation)
    assert said is not None
    assert (said.name, str(said.birth_date)) == ("Ana Morales", "1961-03-12")
    assert conversation.patient is None
    assert conversation.identity == "unknown"


def test_name_and_birth_date_may_follow_later_and_bad_dates_are_none(visitor: Visitor) -> None:
    visitor.write("Hello")
    revision = conversation_of(visitor).revision
    assert visitor.post("/chat/said", {"name": "Ana"}).status_code == 204
    assert visitor.post("/chat/said", {"birth_date": "1961-02-31"}).status_code == 204
    said = said_in(conversation_of(visitor))
    assert said is not None
    assert (said.name, said.birth_date) == ("Ana", None)
    # The agents' page is told that there is something new to see.
    assert conversation_of(visitor).revision > revision


# --- Files ----------------------------------------------------------------------------------------


def test_a_picture_goes_in_and_comes_back_to_its_sender_alone(visitor: Visitor) -> None:
    upload = SimpleUploadedFile("../../<img src=x>.png", PNG, "text/html")
    assert visitor.upload("My rash", upload).status_code == 201
    [line] = [one for one in visitor.page()["lines"] if one["by"] == "me"]
    [file] = line["files"]
    assert file["type"] == "image/png"
    answer = visitor.get(f"/chat/files/{file['id']}")
    assert answer.content == PNG
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]
    other = Visitor().start()
    other.write("Me too")
    assert other.get(f"/chat/files/{file['id']}").status_code == 404
    assert Visitor().get(f"/chat/files/{file['id']}").status_code == 401


def test_a_file_of_another_leg_of_the_same_conversation_is_not_the_visitors(
    visitor: Visitor, lena: User
) -> None:
    visitor.write("Hello")
    staff_line = note(conversation_of(visitor), "With a scan", intent=uuid4(), by=lena)
    secret = Attachment.objects.create(
        entry=staff_line, state=Attachment.State.STORED, storage_name="0" * 32
    )
    assert visitor.get(f"/chat/files/{secret.uuid}").status_code == 404


def test_files_that_are_not_what_they_say_are_refused(visitor: Visitor, tmp_path: object) -> None:
    page = SimpleUploadedFile("scan.png", b"<html><script>alert(1)</script></html>", "image/png")
    refused = visitor.upload("Look", page)
    assert refused.status_code == 400
    assert refused.json()["error"] == "file"
    assert not Entry.objects.exists()


def test_a_refused_file_takes_the_accepted_ones_with_it(visitor: Visitor) -> None:
    from hub.encryption.files import storage

    before = set(storage.names())
    refused = visitor.upload(
        "Two",
        SimpleUploadedFile("a.png", PNG),
        SimpleUploadedFile("b.png", b"<svg onload=alert(1)>"),
    )
    assert refused.status_code == 400
    assert set(storage.names()) == before


def test_the_same_upload_twice_is_stored_once(visitor: Visitor) -> None:
    from hub.encryption.files import storage

    before = set(storage.names())
    intent = str(uuid4())
    for _ in range(2):
        answer = visitor.upload("Rash", SimpleUploadedFile("a.png", PNG), intent=intent)
        assert answer.status_code == 201
    assert len(set(storage.names()) - before) == 1
    assert Attachment.objects.count() == 1


def test_more_than_ten_files_are_refused(visitor: Visitor) -> None:
    files = [SimpleUploadedFile(f"{n}.png", PNG) for n in range(11)]
    assert visitor.upload("Many", *files).json()["error"] == "too_many_files"


# --- Cost -----------------------------------------------------------------------------------------


def test_a_message_and_a_page_cost_a_fixed_number_of_statements(
    visitor: Visitor, lena: User, django_assert_max_num_queries: object
) -> None:
    visitor.write("first")
    session = visitor.session
    with django_assert_max_num_queries(18):  # type: ignore[operator]
        sessions.write(session, "second", intent=uuid4())
    for n in range(20):
        visitor.write(f"m{n}")
    from channels_app.chat import timeline

    timeline.page(session, 0, "en")
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        assert len(timeline.page(session, 0, "en").lines) > 20


def test_each_site_has_its_own_department(department: Department, lena: User) -> None:
    from tests.factories import DepartmentFactory

    make_site(department, "riverside")
    make_site(DepartmentFactory(name="Dermatology", slug="dermatology"), "hillside")
    hillside = Visitor("hillside").start()
    hillside.write("A rash")
    assert conversation_of(hillside).department.name == "Dermatology"
