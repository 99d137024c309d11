"""The test database itself: what tests write must not reach other tests."""

import os

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.database import Flusher


@pytest.mark.django_db
def test_the_clone_has_every_migration() -> None:
    call_command("migrate", check_unapplied=True, verbosity=0)


@pytest.mark.django_db
def test_the_models_need_no_other_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_transactional_test_commits_is_gone_in_the_next(turn: int) -> None:
    assert not Session.objects.exists()
    Session.objects.create(session_key="left-behind", expire_date=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_flush_empties_tables_whose_triggers_forbid_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forbidding (id int)")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'append only'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE DELETE ON forbidding "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        try:
            cursor.execute("INSERT INTO forbidding VALUES (1)")
            Flusher().flush(cursor)
            cursor.execute("SELECT count(*) FROM forbidding")
            assert cursor.fetchone() == (0,)
        finally:
            cursor.execute("DROP TABLE forbidding")
            cursor.execute("DROP FUNCTION refuse")


@pytest.mark.django_db(transaction=True)
def test_flush_keeps_permissions_and_restores_what_migrations_wrote() -> None:
    before = (ContentType.objects.count(), Permission.objects.count())
    assert all(before)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE given (id int, double int GENERATED ALWAYS AS (id * 2) STORED)"
        )
        cursor.execute("CREATE TABLE pristine.given AS SELECT 7 AS id, 14 AS double")
        try:
            cursor.execute("INSERT INTO given VALUES (8)")
            Flusher().flush(cursor)
            cursor.execute("SELECT id, double FROM given")
            assert cursor.fetchall() == [(7, 14)]
        finally:
            cursor.execute("DROP TABLE given, pristine.given")
    assert (ContentType.objects.count(), Permission.objects.count()) == before


def test_each_process_has_its_own_database_and_prefix() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    assert os.environ["DATABASE_URL"].endswith(f"_{worker}")
    assert os.environ["HUB_CHANNEL_PREFIX"].endswith(f"_{worker}")
