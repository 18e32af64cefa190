"""The real thing on spare ports: web, workers and partner sandbox as processes, over a database of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import requests

from config.env import CHECKOUT

WEBHOOK_SECRET = "journey-webhook-secret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], *, seconds: float, why: str) -> Any:
    """What `what` returns as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {why}")


@dataclass
class Stack:
    """Processes with one environment. `folder` holds their logs, the database file and the vault."""

    folder: Path
    database_url: str
    broker_url: str
    changes: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web_port, self.sandbox_port = free_port(), free_port()
        self.web_url = f"http://127.0.0.1:{self.web_port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "DEBUG": "on",
            "VAR_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker_url,
            "DOCUMENTS_URL": f"file://{self.folder}/documents",
            "PUBLIC_BASE_URL": self.web_url,
            "KIRA_BASE_URL": f"{self.sandbox_url}/kira",
            "KIRA_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "KIRA_RATE_PER_SECOND": "200",
            "KIRA_MAX_IN_FLIGHT": "4",
            "KIRA_QUARANTINE_SECONDS": "1",
            "KIRA_LATE_COMMIT_SECONDS": "0",
            "KIRA_CONNECT_TIMEOUT": "2",
            "KIRA_READ_TIMEOUT": "3",
            "KIRA_TOTAL_DEADLINE": "4",
            "KIRA_RETRY_CAP_SECONDS": "1",
            "KIRA_BREAKER_FAILURES": "1000",
            "KIRA_RECONCILE_FIRST_SECONDS": "3600",
            "KIRA_RECONCILE_CAP_SECONDS": "3600",
            "SWEEP_SECONDS": "0.5",
            "LOG_FORMAT": "json",
            **self.changes,
        }

    def run(self, *command: str) -> str:
        """A management command, to its end; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=CHECKOUT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, name: str, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=CHECKOUT,
                env=self.variables | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_web(self) -> None:
        self.start(
            "web", "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.web_port}",
            "--workers", "2", "--threads", "12", "--log-level", "warning",
        )  # fmt: skip
        wait_for(lambda: _answers(f"{self.web_url}/healthz"), seconds=30, why="the web server answers")

    def start_sandbox(self, *arguments: str) -> None:
        self.start(
            "sandbox", "manage.py", "partner_sandbox", "--port", str(self.sandbox_port),
            "--state", str(self.folder / "sandbox.sqlite3"), "--log", str(self.folder / "sandbox.jsonl"),
            "--kira-webhook-url", f"{self.web_url}/hooks/kira/", "--kira-webhook-secret", WEBHOOK_SECRET,
            *arguments,
        )  # fmt: skip
        wait_for(lambda: _answers(f"{self.sandbox_url}/"), seconds=30, why="the sandbox answers")

    def start_worker(self, name: str = "worker", **variables: str) -> subprocess.Popen[bytes]:
        return self.start(
            name, "-m", "celery", "-A", "config", "worker", "--loglevel", "warning",
            "--without-gossip", "--without-mingle", "-n", f"{name}-{uuid4().hex[:6]}@%h", **variables,
        )  # fmt: skip

    def start_beat(self) -> None:
        self.start("beat", "-m", "celery", "-A", "config", "beat", "--loglevel", "warning", "--pidfile", "")

    def kill(self, name: str) -> None:
        """SIGKILL to the whole process group."""
        process = self.processes.pop(name)
        _kill_group(process)

    def stop(self) -> None:
        for process in self.processes.values():
            _kill_group(process)
        self.processes.clear()

    def app(self, *, review_policy: str = "automatic") -> "App":
        name = f"app-{uuid4().hex[:8]}"
        printed = self.run(
            "create_api_client", name, "--partners", "kira", "--review-policy", review_policy, "--json"
        )
        return App(self.web_url, json.loads(printed.strip().splitlines()[-1]))

    def control(self, method: str, path: str, **parts: Any) -> Any:
        """The sandbox's own control interface."""
        answer = requests.request(method, f"{self.sandbox_url}{path}", timeout=10, **parts)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}"
            for path in self.folder.glob("*.log")
        )


class App:
    """A product app over HTTP."""

    def __init__(self, base_url: str, credentials: dict[str, str]) -> None:
        self.base_url = base_url
        self.credentials = credentials
        self.session = requests.Session()
        self.session.headers["x-api-key"] = credentials["api_key"]
        login = {name: credentials[name] for name in ("client_id", "password")}
        answer = self.request("POST", "/auth", json=login)
        assert answer.status_code == 200, answer.text
        token = answer.json()["data"]["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, **parts: Any) -> requests.Response:
        return self.session.request(method, self.base_url + path, timeout=60, **parts)

    def create(self, body: dict[str, Any], *, key: str | None = None) -> requests.Response:
        return self.request("POST", "/v1/users", json=body, headers={"idempotency-key": key or str(uuid4())})

    def user(self, pk: str) -> dict[str, Any]:
        answer = self.request("GET", f"/v1/users/{pk}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def status(self, pk: str) -> str:
        return str(self.user(pk)["status"])

    def events(self, pk: str) -> list[dict[str, Any]]:
        answer = self.request("GET", f"/v1/users/{pk}/events", params={"limit": 100})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found


@contextmanager
def postgresql_database(server_url: str) -> Iterator[str]:
    """An empty database on a server, dropped afterwards."""
    name = f"vouch_journey_{uuid4().hex[:10]}"
    with psycopg.connect(server_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, _ = server_url.rpartition("/")
    try:
        yield f"{base}/{name}"
    finally:
        with psycopg.connect(server_url, dbname="postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).status_code < 500
    except requests.RequestException:
        return False


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
