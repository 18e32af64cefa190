"""A deadline over a whole HTTP exchange made with requests.

Time-outs of sockets start anew with every byte, and a sender can drip headers as well as a body. Closing the connection
from outside ends the wait in every phase, the TLS handshake included.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager


class Watch:
    """Ends an exchange when its time is over.

    `is_established` tells whether a connection came about, and so whether bytes may have left.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_established = False
        self.has_expired = False
        self._lock = threading.Lock()
        self._copies: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def opened(self, connection: socket.socket) -> None:
        """A copy is kept, since TLS takes the connection's own handle away."""
        copy = connection.dup()
        with self._lock:
            self._copies.append(copy)
            if self.has_expired:
                _shut(copy)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            for copy in self._copies:
                copy.close()
            self._copies.clear()

    def _expire(self) -> None:
        with self._lock:
            self.has_expired = True
            for copy in self._copies:
                _shut(copy)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker


_current: ContextVar[Watch] = ContextVar("current")


@contextmanager
def deadline(seconds: float) -> Iterator[Watch]:
    """Bound everything that `watched_adapter` does in this thread until the block ends."""
    watch = Watch(seconds)
    token = _current.set(watch)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
        _current.reset(token)


class _Watched:
    """Mixed into urllib3's connections: hands the socket to the watch, and says when bytes may leave."""

    sock: socket.socket

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        _current.get().opened(connection)
        return connection

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        watch = _current.get()
        # Until here the time-out was that of connecting; a large body may take longer to leave.
        # It lies behind the watch, so that of the two the watch ends the exchange.
        self.sock.settimeout(watch.seconds + 1)
        watch.is_established = True


class _WatchedHttp(_Watched, HTTPConnection):
    pass


class _WatchedHttps(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


@contextmanager
def watched_adapter() -> Iterator[HTTPAdapter]:
    """An adapter of requests whose connections obey the deadline around it; it retries nothing."""
    adapter = _WatchedAdapter(max_retries=0)
    try:
        yield adapter
    finally:
        adapter.close()
