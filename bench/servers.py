"""Real gunicorn processes on spare ports: ours, the floor, and the peers, all with the same settings of the server."""

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.machine import children_of, free_port
from config.env import CHECKOUT

WORKERS, THREADS = 2, 4
WEBHOOK_SECRET = "bench-webhook-secret"  # noqa: S105 - of a server that lives for minutes
SECONDS_TO_START = 60


@dataclass(frozen=True, slots=True)
class Project:
    """A Django project that can be served: where, with which interpreter, and in which environment."""

    name: str
    folder: Path
    database_url: str
    wsgi: str
    variables: Mapping[str, str]
    python: str = sys.executable

    def run(self, *command: str) -> str:
        """A Python command in the project's environment, to its end; returns what it printed."""
        done = subprocess.run(  # noqa: S603 - our own commands
            [self.python, *command], cwd=CHECKOUT, env=dict(self.variables),
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{self.name}: {command} failed\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout

    @contextmanager
    def served(self, *, workers: int = WORKERS) -> Iterator["Server"]:
        """The project behind gunicorn, until the end of the block."""
        server = Server(self, free_port(), workers)
        try:
            server.start()
            yield server
        finally:
            server.stop()


class Server:
    """One gunicorn with its workers."""

    def __init__(self, project: Project, port: int, workers: int) -> None:
        self.project, self.port, self._number = project, port, workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            self.project.python,
            "-m",
            "gunicorn",
            self.project.wsgi,
            "--bind",
            f"127.0.0.1:{self.port}",
        ]
        command += ["--workers", str(self._number), "--threads", str(THREADS)]
        command += ["--keep-alive", "5", "--timeout", "120", "--backlog", "2048", "--no-control-socket"]
        command += ["--chdir", str(CHECKOUT)]
        if self.project.name != "ours":
            # Ours brings its own: the worker that minds slow clients, logs, settings loaded at the start.
            command += ["--config", "/dev/null", "--worker-class", "gthread"]
        with (self.project.folder / f"{self.project.name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                command, cwd=CHECKOUT, env=dict(self.project.variables),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + SECONDS_TO_START
        while not (self._answers() and len(self.workers) == self._number):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"{self.project.name} did not start:\n{self.log()}")
            time.sleep(0.1)

    @property
    def workers(self) -> list[int]:
        assert self._process is not None
        return children_of(self._process.pid)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def log(self) -> str:
        return (self.project.folder / f"{self.project.name}.log").read_text(errors="replace")[-2000:]

    def post(self, path: str, body: Mapping[str, object], headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                "POST", path, json.dumps(body), {"Content-Type": "application/json", **headers}
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


# --- The projects ---------------------------------------------------------------------------------


def ours(folder: Path, database_url: str, broker_url: str) -> Project:
    """The product: DEBUG off, logs in JSON, a limit per app that is never reached, and nothing else changed."""
    variables = {
        **_basics(folder, database_url),
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DEBUG": "off",
        "VAR_DIR": str(folder / "var"),
        "CELERY_BROKER_URL": broker_url,
        "DOCUMENTS_URL": f"file://{folder}/documents",
        "KIRA_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "THROTTLE_PER_APP": "100000000/s",
        "LOG_FORMAT": "json",
    }
    project = Project("ours", folder, database_url, "config.wsgi", variables)
    project.run("manage.py", "migrate", "--verbosity", "0")
    return project


def peer(name: str, folder: Path, database_url: str) -> Project:
    """`floor` or `drf` of bench.peers."""
    (folder / name).mkdir()
    variables = {
        **_basics(folder, database_url),
        "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
        "BENCH_PEER": name,
        "BENCH_FOLDER": str(folder / name),
        "BENCH_FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "BENCH_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    project = Project(name, folder, database_url, "bench.peers.wsgi", variables)
    project.run("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
    return project


def stripe(folder: Path, database_url: str, python: str) -> tuple[Project, str]:
    """dj-stripe in its own environment, and the path of its webhook."""
    variables = {**_basics(folder, database_url), "DJANGO_SETTINGS_MODULE": "bench.stripe_peer.settings"}
    project = Project("stripe", folder, database_url, "bench.stripe_peer.wsgi", variables, python)
    return project, project.run("-m", "bench.stripe_peer.prepare", WEBHOOK_SECRET).strip()


def _basics(folder: Path, database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(CHECKOUT),
        "DATABASE_URL": database_url,
        "BENCH_SECRET_KEY": secrets.token_urlsafe(50),
    }


def sign_in(server: Server) -> dict[str, str]:
    """A new product app of ours; returns the headers of its calls."""
    printed = server.project.run("manage.py", "create_api_client", f"bench-{secrets.token_hex(4)}", "--json")
    told = json.loads(printed.strip().splitlines()[-1])
    login = {name: told[name] for name in ("client_id", "password")}
    status, body = server.post("/auth", login, {"x-api-key": told["api_key"]})
    if status != 200:
        raise RuntimeError(f"the product app cannot sign in: {status}")
    token = json.loads(body)["data"]["access_token"]
    return {"x-api-key": told["api_key"], "Authorization": f"Bearer {token}"}
