"""The test database: a migrated template, cloned for each run, and a flush that takes milliseconds.

Migrating takes seconds and a clone a fifth of one, so the template is kept, named after a hash of
what makes the schema. What migrations put into tables is remembered beside it (schema `pristine`)
and put back by each flush, so that a test finds what a new installation has.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hub.launcher.schema_state import fingerprint
from tests.servers import PROJECT, with_database

TEMPLATE_PREFIX = "hub_template_"
BUILD_LOCK = 0x48554254
"""Number of the advisory lock that one builder of the template holds."""
# Never emptied: migrations' own record, and rows that Django caches by id in each process.
LASTING = {"django_migrations", "django_content_type", "auth_permission"}


@contextmanager
def _server() -> Iterator[psycopg.Connection[Any]]:
    """Connect to the server, outside of any database of ours."""
    address = with_database(os.environ["HUB_TEST_POSTGRES"], "postgres")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def create(*, rebuild: bool = False) -> None:
    """Make this process's database (the one in DATABASE_URL) from the template.

    `rebuild` makes the template anew, too (pytest's --create-db).
    """
    template = TEMPLATE_PREFIX + fingerprint(PROJECT)
    with _server() as server:
        server.execute("SELECT pg_advisory_lock(%s)", [BUILD_LOCK])
        found = {name for (name,) in server.execute("SELECT datname FROM pg_database").fetchall()}
        if rebuild and template in found:
            _drop(server, template)
            found.remove(template)
        if template not in found:
            _build(server, template)
            # Templates of other states of the migrations, and what killed runs left behind. A
            # server that was named to us may serve other runs: there, nothing else is touched.
            if os.environ["HUB_TEST_FOLDER"] in _data_folder(server):
                for name in found:
                    if name.startswith((TEMPLATE_PREFIX, "hub_test_")):
                        _drop(server, name)
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(
                sql.Identifier(database_name()),
                sql.Identifier(template),
                # The quick way, and the only one before PostgreSQL 15.
                sql.SQL("STRATEGY file_copy" if server.info.server_version >= 150_000 else ""),
            )
        )
        server.execute("SELECT pg_advisory_unlock(%s)", [BUILD_LOCK])


def database_name() -> str:
    """Return the name of this process's database."""
    return os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[2]


def destroy() -> None:
    """Drop this process's database, whoever is still connected to it."""
    with _server() as server:
        _drop(server, database_name())


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _data_folder(server: psycopg.Connection[Any]) -> str:
    row = server.execute("SELECT current_setting('data_directory')").fetchone()
    return str(row[0]) if row else ""


def _build(server: psycopg.Connection[Any], template: str) -> None:
    """Migrate a new database, note its rows, and only then give it the template's name."""
    building = f"hub_building_{os.getpid()}"
    _drop(server, building)
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
    address = with_database(os.environ["HUB_TEST_POSTGRES"], building)
    migrated = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0", "--skip-checks"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": address},
        capture_output=True,
        text=True,
    )
    if migrated.returncode:
        _drop(server, building)
        pytest.exit(f"The migrations failed:\n{migrated.stderr[-4000:]}", returncode=3)
    with psycopg.connect(address, autocommit=True) as database:
        _keep_pristine(database)
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
            sql.Identifier(building), sql.Identifier(template)
        )
    )


def _tables(database: Any) -> list[str]:
    database.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    return [name for (name,) in database.fetchall()]


def _filled(database: Any, tables: list[str]) -> list[str]:
    """Return those of `tables` that hold a row, by one query."""
    if not tables:
        return []
    database.execute(
        sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM public.{})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in tables
        )
    )
    return [name for (name,) in database.fetchall()]


def _keep_pristine(database: psycopg.Connection[Any]) -> None:
    """Copy the rows that the migrations made into the schema `pristine`."""
    cursor = database.cursor()
    cursor.execute("CREATE SCHEMA pristine")
    for table in _filled(cursor, [t for t in _tables(cursor) if t not in LASTING]):
        name = sql.Identifier(table)
        cursor.execute(sql.SQL("CREATE TABLE pristine.{} AS TABLE public.{}").format(name, name))


class Flusher:
    """Puts the database back into the state after the migrations, for transaction=True tests.

    DELETE under the replica role skips triggers and foreign keys; TRUNCATE would take a lock and
    a new file per table, which is what makes Django's flush take half a second.
    """

    def __init__(self) -> None:
        self._tables: list[str] = []
        self._pristine: dict[str, list[str]] = {}

    def flush(self, cursor: Any) -> None:
        """Delete what tests wrote and put back what they may have changed."""
        if not self._tables:
            self._read_schema(cursor)
        filled = _filled(cursor, self._tables)
        touched = [*filled, *(table for table in self._pristine if table not in filled)]
        if not touched:
            return
        cursor.execute("SET session_replication_role = replica")
        try:
            for table in touched:
                cursor.execute(sql.SQL("DELETE FROM public.{}").format(sql.Identifier(table)))
                if table in self._pristine:
                    columns = sql.SQL(", ").join(map(sql.Identifier, self._pristine[table]))
                    cursor.execute(
                        sql.SQL("INSERT INTO public.{} ({}) SELECT {} FROM pristine.{}").format(
                            sql.Identifier(table), columns, columns, sql.Identifier(table)
                        )
                    )
        finally:
            cursor.execute("RESET session_replication_role")

    def _read_schema(self, cursor: Any) -> None:
        self._tables = [table for table in _tables(cursor) if table not in LASTING]
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c "
            "JOIN pg_tables p ON p.schemaname = 'pristine' AND p.tablename = c.table_name "
            "WHERE c.table_schema = 'public' AND c.is_generated = 'NEVER' "
            "ORDER BY c.table_name, c.ordinal_position"
        )
        for table, column in cursor.fetchall():
            self._pristine.setdefault(table, []).append(column)


def use_fast_flush() -> None:
    """Let Django's TransactionTestCase, and so pytest-django, clean up by a Flusher."""
    from django.db import connections
    from django.test import TransactionTestCase

    flusher = Flusher()

    def fixture_teardown(self: TransactionTestCase) -> None:
        connection = connections["default"]
        # A test may leave its connection broken on purpose, or inside a failed transaction.
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
            flusher.flush(cursor)
            cursor.execute("RESET lock_timeout")

    TransactionTestCase._fixture_teardown = fixture_teardown
