"""paho's socket on the asyncio loop: read and written when it is ready.

aiomqtt watches sockets by a number that may be closed, or reused, by the time it does. Here,
sockets are watched at once if this is the loop's thread, what TLS has decrypted is read to its end,
and an error in a callback ends the connection, so that every waiter gets it.

Out of scope: what is read and written (`connection`).
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import Any

import aiomqtt
import paho.mqtt.client as paho

from embodied_agent.interfaces.mqtt.faults import Faults


class SocketWatcher(aiomqtt.Client):
    """A part of `Connection`, which sets ``_faults`` and ``_loop_thread``, its loop's thread."""

    _faults: Faults
    _loop_thread: int

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def read() -> None:
            self._guarded(client.loop_read)
            # Bytes that TLS has already decrypted cause no new event.
            while (
                not self._disconnected.done() and isinstance(sock, ssl.SSLSocket) and sock.pending()
            ):
                self._guarded(client.loop_read)

        def watch() -> None:
            if sock.fileno() > -1:
                self._loop.add_reader(sock.fileno(), read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._soon(watch)

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def watch() -> None:
            if sock.fileno() > -1:
                self._loop.add_writer(sock.fileno(), lambda: self._guarded(client.loop_write))

        self._soon(watch)

    def _on_socket_unregister_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def unwatch() -> None:
            if sock.fileno() > -1:
                self._loop.remove_writer(sock.fileno())

        self._soon(unwatch)

    def _soon(self, call: Callable[[], None]) -> None:
        """Call a function at once if this is the loop's thread, else schedule it there."""
        if threading.get_ident() == self._loop_thread:
            call()
        else:
            self._loop.call_soon_threadsafe(call)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            # The outermost level of a callback: the connection is lost, and every waiter gets the
            # error.
            self._faults.last = str(error)
            if not self._disconnected.done():
                self._disconnected.set_exception(aiomqtt.MqttError(str(error)))
