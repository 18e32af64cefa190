"""The web server's worker: gunicorn's threads, none of which waits for a client that does not finish its request.

gunicorn gives a thread to every connection and lets it read for as long as the client likes. Here the loop collects
heads (request line and headers, RFC 9112 section 2) and lingers on closed connections without a thread; only the
reading of a body and the writing of an answer hold one, each until a deadline. Written against gunicorn 27.0.1.
"""

import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn import util
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

HEAD_BYTES = BYTES_PER_SECOND = 64 * 1024
FIRST_LOOK_SECONDS = 0.002  # most clients send at once; a turn through the loop would cost more
LAST_LOOK_SECONDS = (
    0.1  # for what is left to read of a request whose time ran out while it waited for a thread
)
LINGER_SECONDS = 2.0  # the client may still be sending while it is told no; RFC 9112 section 9.6


class Reader(SocketUnreader):
    """Gives a body WEB_BODY_SECONDS from its request's arrival and a second for every 64 KiB; then `TimeoutError`."""

    until, is_answered = 0.0, False

    def chunk(self, size_hint: int | None = None) -> bytes:
        usual, left = self.sock.gettimeout(), self.until - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(min(usual, left))
            data: bytes = super().chunk(size_hint)
        except TimeoutError:
            if not self.is_answered:
                _refuse(self.sock, 408, "Request Timeout")
                self.sock.shutdown(socket.SHUT_RDWR)
            raise
        finally:
            self.sock.settimeout(usual)
        self.until += len(data) / BYTES_PER_SECOND
        return data


class Connection(TConn):
    """A client's connection: what came of the next request's head, since when, and until when it may stay."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.early, self.is_new, self.arrived, self.until = bytearray(), True, 0.0, 0.0

    def init(self) -> None:
        super().init()
        self.sock.settimeout(settings.WEB_BODY_SECONDS)  # for answers, too: whoever does not read is left
        if not isinstance(self.parser.unreader, Reader):
            self.parser.unreader = Reader(self.sock)
        reader = self.parser.unreader
        reader.until = max(self.arrived + settings.WEB_BODY_SECONDS, time.monotonic() + LAST_LOOK_SECONDS)
        reader.is_answered = False
        reader.unread(bytes(self.early))
        self.early.clear()

    def has_head(self) -> bool:
        """Take what has come; True when gunicorn can parse it, or when nothing more will come."""
        if self.parser:
            self.early[:0] = self.parser.unreader.take_buffered()
        if b"\r\n\r\n" in self.early.lstrip(b"\r\n"):
            return True
        self.sock.settimeout(0 if self.early else FIRST_LOOK_SECONDS)
        with suppress(BlockingIOError, TimeoutError):
            data = self.sock.recv(HEAD_BYTES)
            self.early += data
            return not data or b"\r\n\r\n" in self.early.lstrip(b"\r\n")
        return False


class Worker(ThreadWorker):
    """`worker_class` of gunicorn.conf.py. TLS belongs to the proxy in front."""

    def enqueue_req(self, conn: Any) -> None:
        if not isinstance(conn, Connection):
            conn = Connection(conn.cfg, conn.sock, conn.client, conn.server)
        if conn.is_new:
            conn.is_new, conn.arrived = False, time.monotonic()
            conn.until = conn.arrived + settings.WEB_HEAD_SECONDS
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        if not conn.has_head():
            return _DEFER if len(conn.early) <= HEAD_BYTES else _refuse(conn.sock, 431, "Headers Too Large")
        conn.is_new = conn.data_ready = True
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            return False
        finally:
            conn.parser.unreader.is_answered = True

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Where gunicorn's loop would wait two seconds for a client to close its end, ours serves the others."""
        try:
            is_over = not fs.cancelled() and not fs.exception() and not fs.result()
            if is_over:
                conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            is_over = False
        if not is_over:
            super().finish_request(conn, fs)
            return
        conn.sock.setblocking(False)
        conn.early.clear()
        conn.until = time.monotonic() + LINGER_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))

    def murder_pending(self) -> None:
        now = time.monotonic()
        for conn in [conn for conn in self.pending_conns if conn.until < now]:
            if conn.early:
                _refuse(conn.sock, 408, "Request Timeout")
            self._drop(conn)

    def _drain(self, conn: Connection, _: object) -> None:
        with suppress(OSError):
            if conn.sock.recv(HEAD_BYTES):
                return
        self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _refuse(sock: socket.socket, status: int, reason: str) -> bool:
    with suppress(OSError):
        util.write_error(sock, status, reason, "")
    return False
