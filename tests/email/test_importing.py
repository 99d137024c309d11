"""Old mail is taken along: from files, folders, mbox and Maildir, and a second time not again."""

import json
import mailbox as standard
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from channels_app.email import importing
from channels_app.email.models import MailMessage
from hub.conversations.models import Conversation
from hub.routing.models import QueueEntry
from tests.email.conftest import Post, a_mail
from tests.email.test_sending import bounce_of

pytestmark = pytest.mark.django_db


def run(*paths: Path, **options: object) -> list[dict[str, object]]:
    out = StringIO()
    call_command("import_mail", *map(str, paths), stdout=out, **options)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_file_a_folder_an_mbox_and_a_maildir(post: Post, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(a_mail("One").as_bytes())
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    (folder / "two.eml").write_bytes(a_mail("Two").as_bytes())
    (folder / ".hidden").write_bytes(b"no mail")
    mbox = standard.mbox(tmp_path / "old.mbox")
    mbox.add(a_mail("Three\n\nFrom here on it hurt in 2019").as_bytes())
    mbox.add(a_mail("Four").as_bytes())
    mbox.close()
    maildir = standard.Maildir(tmp_path / "Maildir")
    maildir.add(a_mail("Five").as_bytes())
    maildir.close()
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(b"From: half")
    lines = run(
        *(tmp_path / name for name in ("one.eml", "folder", "old.mbox", "Maildir")), explain=True
    )
    assert [line["outcome"] for line in lines] == ["stored"] * 5
    assert [str(line["text"]).split()[0] for line in lines] == "One Two Three Four Five".split()
    assert "From here on it hurt in 2019" in str(lines[2]["text"])
    assert str(lines[3]["file"]).endswith("old.mbox#2")
    assert {line["kind"] for line in lines} == {"message"}
    assert not QueueEntry.objects.exists()
    assert all(one.status == "resolved" for one in Conversation.objects.all())


def test_it_can_be_stopped_and_started_again(post: Post, tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"{n}.eml").write_bytes(a_mail(f"Mail {n}").as_bytes())
    first = run(tmp_path / "0.eml")
    again = run(tmp_path)
    assert [line["outcome"] for line in again] == ["duplicate", "stored", "stored"]
    assert again[0]["conversation"] == first[0]["conversation"]
    assert "text" not in again[0], "only with --explain"


def test_what_cannot_be_read_is_refused_with_a_reason_and_is_no_failure(
    post: Post, tmp_path: Path
) -> None:
    (tmp_path / "empty.eml").write_bytes(b"")
    [line] = run(tmp_path)
    assert line["outcome"] == "refused"
    assert line["reason"]


def test_a_bounce_says_whose_and_how(post: Post, tmp_path: Path) -> None:
    (tmp_path / "bounce.eml").write_bytes(bounce_of("<x@clinic.example>", "5.1.1"))
    [line] = run(tmp_path)
    assert line["kind"] == "bounce"
    assert (line["recipient"], line["status"], line["permanent"]) == (
        "rosa.diaz@example.org",
        "5.1.1",
        True,
    )


def test_one_that_breaks_something_is_said_and_the_others_are_taken(
    post: Post, tmp_path: Path, settings
) -> None:
    for n in range(2):
        (tmp_path / f"{n}.eml").write_bytes(a_mail(f"Mail {n}").as_bytes())
    blocked = tmp_path / "media"
    blocked.write_text("a file where a folder must be")
    settings.MEDIA_ROOT = str(blocked)
    out = StringIO()
    with pytest.raises(CommandError) as stopped:
        call_command("import_mail", str(tmp_path / "0.eml"), stdout=out)
    assert stopped.value.returncode == 1
    assert json.loads(out.getvalue())["outcome"] == "failed"
    assert not MailMessage.objects.exists()


def test_a_mail_goes_to_the_mailbox_it_was_sent_to(post: Post, tmp_path: Path) -> None:
    (tmp_path / "x.eml").write_bytes(a_mail(To="somebody@elsewhere.example").as_bytes())
    run(tmp_path)
    assert MailMessage.objects.get().hub_address == post.address
    with pytest.raises(CommandError):
        run(tmp_path, mailbox="nobody@clinic.example")


def test_a_path_that_is_not_there_and_no_mailbox_are_said(db, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no mailbox"):
        run(tmp_path)


def test_an_mbox_may_quote_its_from_lines(tmp_path: Path) -> None:
    file = tmp_path / "box"
    file.write_bytes(
        b"From a@example.org Mon Jan  1 00:00:00 2024\nSubject: x\n\n>From you\n>>From me\n"
        b"\nFrom b@example.org Tue Jan  2 00:00:00 2024\r\nSubject: y\r\n\r\nz\r\n"
    )
    found = list(importing.messages([file]))
    assert [one.raw for one in found] == [
        b"Subject: x\n\nFrom you\n>From me\n\n",
        b"Subject: y\r\n\r\nz\r\n",
    ]
