"""The sandbox: one HTTP server that stands in for every partner, each below its own prefix.

`Sandbox` runs in threads of the process that starts it; tests take a free port with ``port=0``.
"""

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from onboarding.sandbox.backstage import Backstage
from onboarding.sandbox.console import Console
from onboarding.sandbox.control import Control
from onboarding.sandbox.faults import Manner, Reply, Scene, play
from onboarding.sandbox.kira.options import KiraOptions
from onboarding.sandbox.kira.service import Kira
from onboarding.sandbox.rendering import STYLE_PATH, page_not_found, stylesheet
from onboarding.sandbox.scenarios import Trouble
from onboarding.sandbox.state import Clock, Journal, Store
from onboarding.sandbox.wire import Partner, Request, Response, json_response

HARD_BODY_LIMIT = 64 * 1024 * 1024
_PUBLIC_QUERY = frozenset({"limit", "offset", "status", "type", "verification_status"})


class Sandbox:
    """Start it, point clients at `base_url` + ``/kira``, stop it. Restartable from the same `state_path`."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        kira: KiraOptions | None = None,
        state_path: Path | None = None,
        log_path: Path | None = None,
        public_base_url: str | None = None,
        seed: int = 0,
    ) -> None:
        self._server = _Server((host, port), self)
        self.base_url = public_base_url or f"http://{host}:{self._server.server_address[1]}"
        clock = Clock()
        self.backstage = Backstage(clock, Store(state_path), Journal(clock, log_path), seed)
        self.backstage.mount(lambda shared: Kira(kira or KiraOptions(), f"{self.base_url}/kira", shared))
        self._control = Control(self.backstage)
        self._console = Console(self.backstage.partners)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Sandbox":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve in the background and take up what was waiting when the state was last written."""
        self.backstage.start()
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="sandbox-http",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, end every connection, release the files. Calls that hang are let go, uncommitted."""
        self._stopping.set()
        if self._thread:
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.end_connections()
        self._server.server_close()
        self.backstage.stop()

    def partner_at(self, path: str) -> Partner | None:
        return self.backstage.partners.get(path.split("/", 2)[1] if path.startswith("/") else "")

    def body_limit(self, path: str) -> int:
        partner = self.partner_at(path)
        return min(partner.body_limit() or HARD_BODY_LIMIT, HARD_BODY_LIMIT) if partner else HARD_BODY_LIMIT

    def too_large(self, path: str) -> Response:
        partner = self.partner_at(path)
        return partner.failure("too_large", {}) if partner else Response(413)

    def exchange(self, request: Request) -> Reply:
        """Serve one call, with whatever fault is due. Never raises."""
        try:
            partner = self.partner_at(request.path)
            if partner is not None:
                return self._ask(partner, request)
            return Reply(self._own_page(request))
        except Exception as error:
            self.backstage.journal.write("error", where="server", call=request.id, error=type(error).__name__)
            return Reply(json_response(500, {"message": "Internal server error"}))

    def _own_page(self, request: Request) -> Response:
        if request.path.startswith("/_control"):
            return self._control.handle(request)
        if request.path == STYLE_PATH:
            return stylesheet()
        if request.path == "/favicon.ico":
            return Response(204)
        if request.path == "/" or request.path.startswith("/_operator"):
            return self._console.handle(request)
        return page_not_found()

    def _ask(self, partner: Partner, request: Request) -> Reply:
        inner = _below_prefix(partner, request)
        if inner.path.startswith("/hosted/"):
            return Reply(partner.handle(inner))
        trouble = self.backstage.faults.draw(request.method, request.path)
        self.backstage.journal.write("call", partner=partner.name, **_facts(request))
        with partner.admitted(inner) as refusal:
            if refusal is not None:
                reply = Reply(refusal)
            elif trouble is None:
                reply = Reply(partner.handle(inner))
            else:
                reply = play(self._scene(partner, inner, trouble))
        self.backstage.journal.write(
            "answer",
            partner=partner.name,
            call=request.id,
            status=reply.response.status if reply.response else None,
            manner=reply.manner.value,
            fault=trouble.kind if trouble else None,
        )
        return reply

    def _scene(self, partner: Partner, request: Request, trouble: Trouble) -> Scene:
        return Scene(
            trouble=trouble,
            partner=partner,
            call=lambda: partner.handle(request),
            wait=self._stopping.wait,
            other_id=lambda: next((user["id"] for user in partner.users()), None),
        )

    def wait(self, seconds: float) -> bool:
        """Sleep; True when the sandbox is stopping meanwhile."""
        return self._stopping.wait(seconds)


def _below_prefix(partner: Partner, request: Request) -> Request:
    path = request.path.removeprefix(f"/{partner.name}") or "/"
    return Request(request.method, path, request.query, request.headers, request.body, request.id)


def _facts(request: Request) -> dict[str, Any]:
    return {
        "call": request.id,
        "method": request.method,
        "path": request.path,
        "query": {key: value if key in _PUBLIC_QUERY else "?" for key, value in request.query.items()},
        "idempotency_key": request.headers.get("idempotency-key"),
        "body_bytes": len(request.body),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is not worth a traceback on the console."""


class _TooLarge(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 120

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the journal is the log."""

    def _serve(self) -> None:
        sandbox = self.server.sandbox
        target, _, query = self.path.partition("?")
        path = re.sub("/{2,}", "/", target)
        try:
            body = self._read_body(sandbox.body_limit(path))
        except _TooLarge:
            self._send(sandbox.too_large(path))
            return
        except ValueError:
            self.close_connection = True
            self._send(Response(400))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = dict(parse_qsl(query, keep_blank_values=True))
        self._perform(sandbox.exchange(Request(self.command, path, asked, headers, body)))

    def _read_body(self, limit: int) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks(limit)
        length = int(self.headers.get("Content-Length") or 0)
        if length < 0:
            raise ValueError
        if length > HARD_BODY_LIMIT:
            self.close_connection = True
            raise _TooLarge
        body = self.rfile.read(length)
        if length > limit:
            raise _TooLarge
        return body

    def _read_chunks(self, limit: int) -> bytes:
        pieces, total = [], 0
        while size := int(self.rfile.readline(1024).split(b";")[0], 16):
            total += size
            if size < 0:
                raise ValueError
            if total > limit:
                self.close_connection = True
                raise _TooLarge
            pieces.append(self.rfile.read(size))
            self.rfile.readline(1024)
        while self.rfile.readline(1024).strip():
            pass
        return b"".join(pieces)

    def _perform(self, reply: Reply) -> None:
        try:
            if reply.response is None:
                self._end(reset=reply.manner is Manner.RESET)
            elif reply.manner is Manner.SEND:
                self._send(reply.response)
            else:
                self._trickle(reply.response, reply)
        except OSError:
            self.close_connection = True

    def _send(self, response: Response) -> None:
        head = self._head(response, str(len(response.body)))
        self.wfile.write(head if self.command == "HEAD" else head + response.body)

    def _head(self, response: Response, length: str | None) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
        lines += [f"{name}: {_one_line(value)}" for name, value in response.headers.items()]
        lines += [f"Date: {self.date_time_string()}"]
        lines += [f"Content-Length: {length}"] if length is not None else []
        lines += ["Connection: close"] if self.close_connection else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _trickle(self, response: Response, reply: Reply) -> None:
        endless = reply.manner is Manner.ENDLESS
        self.close_connection = True
        self.wfile.write(self._head(response, None if endless else str(len(response.body))))
        if endless:
            while not self.server.sandbox.wait(0):
                self.wfile.write(b" " * 65536)
        for byte in response.body:
            self.wfile.write(bytes([byte]))
            if self.server.sandbox.wait(reply.pace_seconds):
                return

    def _end(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            bare = socket.socket(fileno=self.connection.detach())
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            bare.close()


def _one_line(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
