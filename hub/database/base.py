"""PostgreSQL with a pool whose connections are looked at, not asked, before they are used.

A restart of the server leaves dead connections in the pool; whoever got one would answer 500.
Django's own check (CONN_HEALTH_CHECKS) asks each connection at each request: a way to the server
and back, which a patient's text paid twice before its frame was at a screen. But a server that ends
hangs up, and that is seen at the socket for nothing. Asked is only where the socket is not quiet
(a hang-up, or a word of the server's), and where the connection lay idle for so long that a
firewall may have forgotten it without a word.
"""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

IDLE_SECONDS = 30.0
"""A connection that was not used for longer is asked whether it is alive."""

# When each connection was given back to its pool.
_given_back: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection of one thread."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Return a connection that is alive: of the pool, where there is one."""
        while True:
            connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
            if not self.pool or _is_alive(connection):
                return connection
            # The pool replaces what comes back closed, and waits for the server if it must.
            connection.close()
            self.pool.putconn(connection)

    def _close(self) -> None:
        if self.connection is not None and self.pool:
            _given_back[self.connection] = time.monotonic()
        super()._close()  # type: ignore[misc]  # Django's stubs leave it out


def _is_alive(connection: psycopg.Connection[Any]) -> bool:
    used = _given_back.get(connection)
    if used is not None and time.monotonic() - used < IDLE_SECONDS and _is_quiet(connection):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


def _is_quiet(connection: psycopg.Connection[Any]) -> bool:
    """Whether nothing came from the server that nobody waits for; a hang-up is something, too."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
