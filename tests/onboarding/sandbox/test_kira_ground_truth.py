"""What the sandbox remembers and tells: the journal, the control API, restarts, and plain endurance."""

import http.client
import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from onboarding.sandbox.kira.options import KiraOptions
from onboarding.sandbox.server import Sandbox
from tests.onboarding.sandbox.conftest import Caller, Ear, individual, wait_for


def test_every_call_and_commit_is_a_line(options: KiraOptions, tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    key = str(uuid.uuid4())
    with Sandbox(kira=options, log_path=log) as sandbox:
        caller = Caller(sandbox.base_url).log_in()
        user_id = caller.create(individual(), key).json()["id"]
        wait_for(lambda: caller.status(user_id) == "VERIFIED")
        wait_for(lambda: len(caller.control("GET", "log?type=webhook")) == 2)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    call = next(line for line in lines if line["type"] == "call" and line["path"] == "/kira/v1/users")
    assert (call["method"], call["idempotency_key"], len(call["body_sha256"])) == ("POST", key, 64)
    commit = next(line for line in lines if line["type"] == "commit")
    assert (commit["act"], commit["call"], commit["user_id"]) == ("user.created", call["call"], user_id)
    answer = next(line for line in lines if line["type"] == "answer" and line["call"] == call["call"])
    assert (answer["status"], answer["fault"]) == (201, None)
    assert [line["status"] for line in lines if line.get("act") == "user.moved"] == ["VERIFYING", "VERIFIED"]


def test_the_journal_holds_nothing_personal(options: KiraOptions, tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    with Sandbox(kira=options, log_path=log) as sandbox:
        caller = Caller(sandbox.base_url).log_in()
        caller.create(individual())
        caller.call("GET", "/v1/users", params={"email": "priya.nakamura@example.com", "limit": "5"})
    text = log.read_text()
    for secret in ("Nakamura", "priya", "000-12-3456", "X10002000", "sandbox-password", "Bearer"):
        assert secret not in text
    assert '"limit":"5"' in text


def test_reset_begins_again(caller: Caller) -> None:
    caller.create(individual())
    caller.toggle(business_only=True)
    caller.control("POST", "faults", {"kind": "hang"})
    caller.control("POST", "reset")
    assert caller.control("GET", "users") == []
    assert caller.control("GET", "faults") == []
    assert caller.control("GET", "deliveries") == []
    assert caller.control("GET", "toggles")["kira"]["business_only"] is False
    lines = caller.control("GET", "log")
    assert lines[0]["type"] == "reset"
    assert {line["type"] for line in lines[1:]} <= {"webhook"}  # one that was already on its way
    assert caller.log_in().create(individual()).status_code == 201


@pytest.mark.parametrize(
    "toggles",
    [{"kira": {"gate": "open"}}, {"kira": {"colour": 1}}, {"p900": {}}, {"kira": {"rate_limit": 1}}, [], "x"],
)
def test_toggles_are_checked(caller: Caller, toggles: object) -> None:
    before = caller.control("GET", "toggles")
    answer = requests.post(f"{caller.root}/_control/toggles", json=toggles, timeout=5)
    assert answer.status_code == 400
    assert caller.control("GET", "toggles") == before


@pytest.mark.parametrize("path", ["nothing", "users/nobody", "log?after=x", "users/a/b/c"])
def test_the_control_api_never_crashes(caller: Caller, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        answer = requests.request(method, f"{caller.root}/_control/{path}", data=b"\xff", timeout=5)
        assert answer.status_code in (400, 404) or path.startswith("users/a")
        assert answer.status_code < 500


def test_everything_survives_a_restart(options: KiraOptions, ear: Ear, tmp_path: Path) -> None:
    state, key = tmp_path / "sandbox.sqlite3", str(uuid.uuid4())
    with Sandbox(kira=options, state_path=state) as sandbox:
        port = int(urlsplit(sandbox.base_url).port or 0)
        caller = Caller(sandbox.base_url).log_in()
        caller.toggle(verifying_delay_seconds=0.5, outcome_delay_seconds=0.6)
        user_id = caller.create(individual(), key).json()["id"]
        session = caller.create({"type": "embedded-link"}, path=f"/v1/users/{user_id}/verifications").json()
    with Sandbox("127.0.0.1", port, kira=options, state_path=state):
        assert caller.create(individual(), key).status_code == 200
        assert requests.get(session["provider_link"], timeout=5).status_code == 200
        assert caller.control("GET", "toggles")["kira"]["verifying_delay_seconds"] == 0.5
        wait_for(lambda: caller.status(user_id) == "VERIFIED")
        ear.wait("user.verification.accepted")


def test_a_webhook_that_waits_survives_a_restart(options: KiraOptions, ear: Ear, tmp_path: Path) -> None:
    state = tmp_path / "sandbox.sqlite3"
    with Sandbox(kira=options, state_path=state) as sandbox:
        caller = Caller(sandbox.base_url).log_in()
        caller.control("POST", "webhook-faults", {"kind": "late", "seconds": 1})
        caller.create(individual(source_of_funds=None))
    assert ear.heard == []
    with Sandbox(kira=options, state_path=state):
        ear.wait("user.created")


def test_one_connection_serves_many_calls(caller: Caller) -> None:
    parts = urlsplit(caller.root)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    sockets = set()
    for path in ("/kira/v1/users", "/kira/nothing", "/_control/health", "/", "/kira/v1/users"):
        connection.request("GET", path, headers=dict(caller.session.headers))
        connection.getresponse().read()
        sockets.add(connection.sock.getsockname() if connection.sock else None)
    assert len(sockets) == 1
    connection.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET //[x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /kira/auth HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /kira/auth HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /kira/auth HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_broken_request_gets_an_answer(sandbox: Sandbox, raw: bytes) -> None:
    parts = urlsplit(sandbox.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=3) as connection:
        connection.sendall(raw)
        answer = connection.recv(4096)
    assert b" 400 " in answer or b" 404 " in answer


def test_a_chunked_body_is_read(caller: Caller) -> None:
    raw = json.dumps(individual()).encode()
    pieces = (raw[start : start + 100] for start in range(0, len(raw), 100))
    headers = {"idempotency-key": str(uuid.uuid4()), "Content-Type": "application/json"}
    assert caller.call("POST", "/v1/users", data=pieces, headers=headers).status_code == 201


def test_fifty_creations_a_second_are_easy(still: Caller) -> None:
    def send(number: int) -> int:
        return still_caller.create(individual(email=f"person{number}@example.com")).status_code

    still_caller = Caller(still.root).log_in()
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(100))) == {201}
    assert time.monotonic() - started < 5
