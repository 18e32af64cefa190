"""Slow clients against a real server: two workers of four threads, as gunicorn.conf.py has them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from config.env import CHECKOUT
from tests.journeys.stack import free_port, wait_for

HEAD_SECONDS = BODY_SECONDS = 2.0
CLIENTS = 40
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALF_A_BODY = b"POST /hooks/kira/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{"
WHOLE = HALF_A_HEAD + b"\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("gunicorn")
    number = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "WEB_HEAD_SECONDS": str(HEAD_SECONDS),
        "WEB_BODY_SECONDS": str(BODY_SECONDS),
        "WEBHOOK_MAX_BODY_BYTES": "20000000",
        "DEBUG": "off",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{number}"],
            cwd=CHECKOUT,
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(lambda: _answers(number), seconds=60, why="the web server answers")
            yield number
            assert "Traceback" not in (folder / "log").read_text()
            process.terminate()
            assert process.wait(15) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).ok
    except requests.RequestException:
        return False


def connect(port: int, *, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=15)
    client.sendall(sent)
    return client


def told(client: socket.socket) -> bytes:
    """Everything the server says until it closes."""
    answer = b""
    while piece := client.recv(65536):
        answer += piece
    return answer


def seconds_of_a_request(port: int) -> float:
    started = time.monotonic()
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30).json() == {"status": "ok"}
    return time.monotonic() - started


@pytest.mark.parametrize(
    "sent",
    [b"", HALF_A_HEAD, WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")],
    ids=["silent", "half a head", "answered but not closing"],
)
def test_forty_clients_without_a_whole_head_hold_nobody_up(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(closing(connect(port, sent=sent)))
        time.sleep(0.3)
        assert seconds_of_a_request(port) < 1


def test_forty_slow_bodies_end_together_at_the_deadline(port: int) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connect(port, sent=HALF_A_BODY))) for _ in range(CLIENTS)]
        time.sleep(0.3)
        assert seconds_of_a_request(port) < BODY_SECONDS + 2
        assert {told(client).split(b"\r\n")[0] for client in clients} == {b"HTTP/1.1 408 Request Timeout"}


def test_a_dripping_head_ends_at_the_deadline(port: int) -> None:
    with closing(connect(port, sent=HALF_A_HEAD)) as client:
        started = time.monotonic()
        for number in range(100):
            try:
                client.sendall(b"X-%d: 1\r\n" % number)
            except OSError:
                break
            time.sleep(0.1)
        assert HEAD_SECONDS - 0.2 < time.monotonic() - started < HEAD_SECONDS + 2


def test_a_dripping_body_ends_at_the_deadline(port: int) -> None:
    with closing(connect(port, sent=HALF_A_BODY)) as client:
        started = time.monotonic()
        for _ in range(100):
            try:
                client.sendall(b" ")
            except OSError:
                break
            time.sleep(0.1)
        assert BODY_SECONDS - 0.2 < time.monotonic() - started < BODY_SECONDS + 2


def test_who_sends_half_a_head_is_told_that_time_is_up(port: int) -> None:
    with closing(connect(port, sent=HALF_A_HEAD)) as client:
        assert told(client).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_an_end_is_refused(port: int) -> None:
    with closing(connect(port)) as client:
        client.sendall(HALF_A_HEAD + b"X-Long: " + b"a" * 100_000)
        assert told(client).startswith(b"HTTP/1.1 431 ")


def test_a_head_in_pieces_is_served(port: int) -> None:
    with closing(connect(port)) as client:
        for piece in (WHOLE[:5], WHOLE[5:30], WHOLE[30:-2], WHOLE[-2:]):
            client.sendall(piece)
            time.sleep(0.1)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def one_answer(client: socket.socket) -> bytes:
    """Exactly one answer of the probe: its head and its body may come in pieces."""
    answer = b""
    while not answer.endswith(b'{"status": "ok"}'):
        piece = client.recv(65536)
        assert piece, "the connection ended in the middle of an answer"
        answer += piece
    return answer


def test_a_connection_serves_many_requests_and_two_sent_at_once(port: int) -> None:
    with closing(connect(port)) as client:
        for _ in range(3):
            client.sendall(WHOLE)
            assert one_answer(client).startswith(b"HTTP/1.1 200 ")
        client.sendall(WHOLE + WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert told(client).count(b"HTTP/1.1 200 ") == 2


def test_a_body_in_ten_megabytes_takes_no_longer_than_it_needs(port: int) -> None:
    body = b"x" * 10 * 1024 * 1024
    answer = requests.post(f"http://127.0.0.1:{port}/hooks/kira/", body, timeout=30)
    assert answer.status_code not in (408, 413, 500)


def test_a_body_that_is_slow_but_steady_outlives_the_first_deadline(port: int) -> None:
    size = 40 * 10_000
    head = b"POST /hooks/kira/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    with closing(connect(port, sent=head % size)) as client:
        for _ in range(40):
            client.sendall(b"x" * 10_000)
            time.sleep(0.08)
        answer = told(client)
    assert answer.startswith(b"HTTP/1.1 4")
    assert not answer.startswith(b"HTTP/1.1 408 ")


def test_a_refused_upload_still_hears_the_answer(port: int) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/v1/users", b"x" * 70 * 1024 * 1024, timeout=30)
    assert answer.status_code == 413
