"""Connections to the fleet's database, and its outages as one kind of error.

The server starts and keeps running without its database: requests are refused until it is there,
and robots send again. The schema is migrated at the first connection.

Out of scope: what is read and written (`intake`, `answering`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from embodied_agent.errors import DatabaseError, QuestionError, SettingsError
from embodied_agent.fleet.serving import schema
from embodied_agent.settings import FleetServerSettings
from embodied_agent.support.breaker import Breaker
from embodied_agent.support.redaction import without_credentials

_log = logging.getLogger(__name__)

#: How long the pool tries to connect before it waits for the next request, in seconds. Its delays
#: double until then, so a longer one would outlast the outage.
_RECONNECT_S = 4.0

#: During an outage: the first and the longest delay before trying to connect again, in seconds.
_PROBE_S, _PROBE_MAX_S = 0.1, 1.0

Db = Connection[TupleRow]


class Database:
    """A pool of connections. Every method may be called from any thread.

    Args:
        settings: of the fleet server.

    Raises:
        SettingsError: no database is named, or its address can't be read.
    """

    def __init__(self, settings: FleetServerSettings) -> None:
        if settings.database is None or not settings.database.get_secret_value():
            raise SettingsError(
                "the fleet needs a database: --database postgresql://USER@HOST/NAME, or set "
                "fleet_server.database"
            )
        address = settings.database.get_secret_value()
        try:
            psycopg.conninfo.conninfo_to_dict(address)
        except psycopg.Error as error:
            raise SettingsError(
                f"can't read fleet_server.database: {without_credentials(str(error)).strip()}"
            ) from error
        self._wait_s = settings.database_wait_s
        timeout_ms = round(settings.statement_timeout_s * 1000)
        self._pool = ConnectionPool(
            address,
            connection_class=Connection[TupleRow],
            kwargs={
                "autocommit": True,
                "connect_timeout": max(2, round(settings.database_wait_s)),
                "options": f"-c statement_timeout={timeout_ms} -c timezone=UTC",
                # A connection that was lost without notice is detected within this time.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
            min_size=1,
            max_size=settings.connections,
            timeout=settings.database_wait_s,
            reconnect_timeout=_RECONNECT_S,
            check=ConnectionPool.check_connection,
            open=False,
        )
        self._lock = threading.Lock()
        self._breaker = Breaker(_PROBE_S, _PROBE_MAX_S)
        self._migrating = threading.Lock()
        self._migrated = False

    def open(self) -> None:
        """Connect, now or as soon as the database is there."""
        self._pool.open(wait=False)

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        """A connection within a transaction, which is committed when the block ends.

        Raises:
            DatabaseError: the database can't be reached or used, or went away meanwhile; nothing is
                lost where the caller tries again.
            QuestionError: a value can't be stored; trying again does not help.
            SettingsError: its schema is newer than this program.
        """
        try:
            with self._connection() as connection, connection.transaction():
                yield connection
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            # Not an outage: the same rows would fail again.
            raise QuestionError(f"the database can't hold a value: {error}") from error
        except psycopg.Error as error:
            text = without_credentials(str(error)).strip()
            raise DatabaseError(
                f"the fleet's database can't be used: {text or type(error).__name__}; "
                "try again later"
            ) from error

    @contextmanager
    def _connection(self) -> Iterator[Db]:
        """A working connection. During an outage one caller at a time tries to connect, and the
        others are refused at once, so that they don't pile up."""
        with self._lock:
            if not self._breaker.begin():
                raise DatabaseError("the fleet's database can't be reached; try again later")
        try:
            connection = self._pool.getconn(self._wait_s)
        except BaseException:
            with self._lock:
                self._breaker.failure()
            raise
        with self._lock:
            self._breaker.success()
        try:
            self._migrate(connection)
            yield connection
        finally:
            self._pool.putconn(connection)

    def close(self) -> None:
        """Close all connections. Safe to call twice."""
        self._pool.close()

    def _migrate(self, connection: Db) -> None:
        with self._migrating:
            if self._migrated:
                return
            applied = schema.migrate(connection)
            if applied:
                _log.info("%d migrations were applied to the fleet's database", applied)
            self._migrated = True
