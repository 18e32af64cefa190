"""A server on loopback that answers with exactly the bytes, and at exactly the pace, that a test wants."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Act = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Stage:
    """Plays one act per connection, in order; the last one again and again."""

    def __init__(
        self, *acts: Act, tls: ssl.SSLContext | None = None, reads: bool = True, reads_body: bool = True
    ) -> None:
        self.acts = list(acts)
        self.seen: list[Seen] = []
        self._tls = tls
        self._reads = reads
        self._reads_body = reads_body
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._stopping.set()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
            threading.Thread(target=self._play, args=(connection, act), daemon=True).start()

    def _play(self, connection: socket.socket, act: Act) -> None:
        with suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            if self._reads:
                self._read(connection)
            act(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _read(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        method, target, _ = stream.readline().decode().split(" ")
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if self._reads_body else 0
        self.seen.append(Seen(method, target, headers, stream.read(length)))


def says(
    status: int,
    value: Any = None,
    *,
    body: bytes | None = None,
    kind: str = "application/json",
    **headers: str,
) -> Act:
    """A whole answer; `headers` by name with underscores."""
    content = json.dumps(value).encode() if body is None else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return sends("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def sends(content: bytes) -> Act:
    return lambda connection: connection.sendall(content)


def drips(content: bytes, *, pause: float = 0.05) -> Act:
    def act(connection: socket.socket) -> None:
        waiting = threading.Event()
        for position in range(len(content)):
            connection.sendall(content[position : position + 1])
            waiting.wait(pause)

    return act


def endless(head: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x" * 65536)

    return act


def silent(seconds: float) -> Act:
    def act(connection: socket.socket) -> None:
        threading.Event().wait(seconds)

    return act


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


def hangs_up(connection: socket.socket) -> None:
    connection.close()
