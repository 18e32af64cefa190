"""`manage.py up`: the whole product on this machine, in one terminal."""

import contextlib
import ctypes
import fcntl
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from config.env import CHECKOUT, process_variables, write_private
from onboarding.models.api_client import ApiClient

DEMO_EMAIL = "demo@vouch.example"
HOST = "127.0.0.1"
SECONDS_TO_STOP = 15
LONGEST_PAUSE = 30
SIGNAL_ON_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)
COLOURS = (36, 35, 33, 32, 34)


@dataclass
class Child:
    """One process of ours, in a session of its own, that dies when we do."""

    name: str
    command: list[str]
    variables: dict[str, str]
    keep: bool = True
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: float = 0
    start_again_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, write_line: Any) -> None:
        """Must be called from the main thread: the kernel ties the child to the thread that forks it."""
        self.started_at, self.start_again_at = time.monotonic(), None
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            cwd=CHECKOUT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )
        threading.Thread(target=self._pump, args=(self.process, write_line), daemon=True).start()

    def plan_restart(self) -> int:
        """Seconds until the next start: 1, 2, 4 up to 30; a child that ran for a minute begins anew."""
        if time.monotonic() - self.started_at > 60:
            self.restarts = 0
        pause = min(2**self.restarts, LONGEST_PAUSE)
        self.restarts += 1
        self.start_again_at = time.monotonic() + pause
        return pause

    def stop(self, seconds: float) -> None:
        """Ask the main process only, since Celery's and gunicorn's children finish their work; then kill the group."""
        if self.process is None:
            return
        if self.is_running:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _pump(self, process: subprocess.Popen[bytes], write_line: Any) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            write_line(self.name, line.decode(errors="replace").rstrip())


@dataclass
class Family:
    """The children, in starting order; they stop in the reverse order of need."""

    children: list[Child]
    write_line: Any
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        for child in self.children:
            child.start(self.write_line)

    def look_after(self) -> None:
        """Restart whoever died, with back-off."""
        for child in self.children:
            if child.is_running or child.process is None:
                continue
            if not child.keep:
                child.process = None
            elif child.start_again_at is None:
                pause = child.plan_restart()
                self.write_line("up", f"{child.name} ended ({child.process.returncode}); again in {pause} s")
            elif time.monotonic() >= child.start_again_at:
                child.start(self.write_line)

    def stop(self) -> None:
        """Nobody new is let in first; whoever serves the others goes last."""
        deadline = time.monotonic() + SECONDS_TO_STOP
        for child in reversed(self.children):
            if child.is_running:
                self.write_line("up", f"stopping {child.name}")
            child.stop(max(1.0, deadline - time.monotonic()))


class Command(BaseCommand):
    help = (
        "Start everything on this machine: web, worker, schedule and partner sandbox, with demo credentials."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="of the web server; 8000 or the next free one")
        parser.add_argument(
            "--sandbox-port", type=int, help="of the partner sandbox; 8500 or the next free one"
        )
        parser.add_argument("--no-demo", action="store_true", help="do not send a demo end user on its way")
        parser.add_argument("--no-sandbox", action="store_true", help="do not start the partner sandbox")
        parser.add_argument("--even-without-debug", action="store_true", help="run although DEBUG is off")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["even_without_debug"]:
            raise CommandError(
                "DEBUG is off: on a server, start gunicorn, celery worker and celery beat as services. "
                "Use --even-without-debug if you mean it."
            )
        with _only_one(settings.VAR_DIR / "up.lock"):
            self._run(options)

    def _run(self, options: dict[str, Any]) -> None:
        port = self._port("web server", "--port", options["port"], 8000)
        sandbox_port = self._port("partner sandbox", "--sandbox-port", options["sandbox_port"], 8500)
        self.stdout.write("Preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
        login, client = _demo_login(), _demo_client()
        address = f"http://{HOST}:{port}"
        family = Family(_children(address, port, sandbox_port, options), self._write_line)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: family.stopping.set())
        try:
            family.start()
            if self._wait_until_ready(family, address):
                self._welcome(address, login, client)
                if client and not options["no_demo"] and "seed_demo" in get_commands():
                    demo = _child(
                        "demo", ["manage.py", "seed_demo"], family.children[0].variables, keep=False
                    )
                    family.children.append(demo)
                    demo.start(self._write_line)
            while not family.stopping.wait(0.2):
                family.look_after()
        finally:
            family.stop()

    def _port(self, what: str, option: str, wanted: int | None, usual: int) -> int:
        if wanted and not _is_free(wanted):
            raise CommandError(f"Port {wanted} for the {what} is taken; choose another with {option}.")
        free = wanted or next((port for port in range(usual, usual + 100) if _is_free(port)), None)
        if free is None:
            raise CommandError(f"No free port for the {what} from {usual} on; choose one with {option}.")
        if free != (wanted or usual):
            self.stdout.write(f"Port {usual} is taken: the {what} uses {free}")
        return free

    def _wait_until_ready(self, family: Family, address: str) -> bool:
        for _ in range(300):
            if family.stopping.wait(0.2):
                return False
            family.look_after()
            with (
                contextlib.suppress(URLError, OSError),
                urllib.request.urlopen(f"{address}/readyz", timeout=2),  # noqa: S310 - our own server
            ):
                return True
        self.stderr.write("The web server is not ready after a minute; see its lines above")
        return False

    def _welcome(self, address: str, login: dict[str, str], client: dict[str, str]) -> None:
        lines = ["", f"Vouch is running at {address}/admin/"]
        lines += [
            f"  sign in as {login['email']} with {login['password']}",
            f"  API documentation: {address}/docs",
        ]
        if client:
            body = json.dumps({"client_id": client["client_id"], "password": client["password"]})
            lines += [
                "  call it as a product app does:",
                "",
                f"TOKEN=$(curl -s {address}/auth -H 'x-api-key: {client['api_key']}' "
                f"-H 'content-type: application/json' -d '{body}' | "
                'python3 -c \'import json, sys; print(json.load(sys.stdin)["data"]["access_token"])\')',
                f"curl -s {address}/v1/users -H 'x-api-key: {client['api_key']}' -H \"authorization: Bearer $TOKEN\"",
            ]
        self.stdout.write("\n".join([*lines, "", "Ctrl-C stops everything.", ""]))

    def _write_line(self, name: str, text: str) -> None:
        prefix = f"{name:>8} | "
        if self.stdout.isatty():
            prefix = f"\x1b[{COLOURS[sum(name.encode()) % len(COLOURS)]}m{prefix}\x1b[0m"
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.stdout.write(prefix + text)
            self.stdout.flush()


def _children(address: str, port: int, sandbox_port: int, options: dict[str, Any]) -> list[Child]:
    """In starting order: what the others talk to comes first."""
    changes = {"PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE}
    given = process_variables()
    changes |= {} if "PUBLIC_BASE_URL" in given else {"PUBLIC_BASE_URL": address}
    changes |= {} if "KIRA_BASE_URL" in given else {"KIRA_BASE_URL": f"http://{HOST}:{sandbox_port}/kira"}
    variables = process_variables(**changes)
    celery = ["-W", "ignore:You're running the worker with superuser", "-m", "celery", "-q", "-A", "config"]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    commands = {
        "worker": [*celery, "worker", *alone],
        "beat": [*celery, "beat", "--pidfile", ""],
        "web": ["-m", "gunicorn", "--bind", f"{HOST}:{port}"],
    }
    if not options["no_sandbox"]:
        sandbox = ["manage.py", "partner_sandbox", "--host", HOST, "--port", str(sandbox_port)]
        commands = {"sandbox": [*sandbox, "--webhook-url", f"{address}/hooks/kira/"], **commands}
    return [_child(name, command, variables) for name, command in commands.items()]


def _child(name: str, command: list[str], variables: dict[str, str], *, keep: bool = True) -> Child:
    return Child(name=name, command=[sys.executable, *command], variables=variables, keep=keep)


def _die_with_parent(parent: int) -> Any:
    """For `preexec_fn`: SIGTERM when our thread ends, however it ends (Linux)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def prepare() -> None:
        if prctl is not None:
            prctl(SIGNAL_ON_PARENT_DEATH, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                "Vouch already runs from this checkout; stop it first (Ctrl-C there)."
            ) from None
        yield


def _demo_login() -> dict[str, str]:
    """The demo person, an administrator, whose password is kept in var/ for its owner's eyes only."""
    kept = settings.VAR_DIR / "demo_login.json"
    users = get_user_model()._default_manager
    user = users.filter(username=DEMO_EMAIL).first()
    if user is not None and kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    login = {"email": DEMO_EMAIL, "password": secrets.token_urlsafe(12)}
    if user is None:
        users.create_superuser(DEMO_EMAIL, DEMO_EMAIL, login["password"])
    else:
        user.set_password(login["password"])
        user.save(update_fields=["password"])
    kept.unlink(missing_ok=True)
    write_private(kept, json.dumps(login))
    return login


def _demo_client() -> dict[str, str]:
    """Credentials of the demo product app; a client is made once per database, and again when they were lost."""
    kept = settings.VAR_DIR / "demo_client.json"
    if kept.exists():
        client: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        if ApiClient.objects.filter(pk=client["client_id"]).exists():
            return client
    if "create_api_client" not in get_commands():
        return {}
    name = "Demo" if not ApiClient.objects.filter(name="Demo").exists() else f"Demo {secrets.token_hex(3)}"
    answer = io.StringIO()
    call_command(
        "create_api_client",
        name,
        "--partners",
        "kira",
        "--review-policy",
        "automatic",
        "--json",
        stdout=answer,
    )
    kept.unlink(missing_ok=True)
    write_private(kept, answer.getvalue())
    return dict(json.loads(answer.getvalue()))
