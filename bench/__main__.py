"""`python -m bench`: measure the paths that users feel. See docs/performance.md."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis

from bench import documents, hooks, ingest, report, servers, wrk
from bench.figures import Figure, is_noisy
from bench.machine import calibrate_commit, calibrate_processor, database
from bench.report import Section
from bench.run import Run
from bench.wrk import MeasurementFailed
from config.env import CHECKOUT, current

LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
VAR = CHECKOUT / "var" / "bench"
PEER_REQUIREMENTS = CHECKOUT / "requirements-bench.txt"
BENCHMARKS = ("P1", "P2", "P6")


def main(arguments: Sequence[str]) -> int:
    """0 when everything was measured, 2 when it could not be; with --strict, 1 when a goal was missed."""
    options = _options(arguments)
    server_url = current().text("TEST_DATABASE_URL", LOCAL_POSTGRES)
    if not _is_ready(server_url):
        return 2
    started = time.monotonic()
    VAR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR, prefix="run-") as folder:
        run = Run(Path(folder), is_quick=options.quick)
        try:
            sections = [_calibrate(run, server_url), *_measure(run, server_url, options.only)]
        except MeasurementFailed as error:
            print(f"Nothing can be said: {error}\n{_ends_of_logs(run)}", file=sys.stderr)
            return 2
    minutes = (time.monotonic() - started) / 60
    text = report.render(sections)
    kind = ", --quick: three short rounds, which only indicate" if run.is_quick else ""
    told = f"{_where()}; {minutes:.1f} minutes{kind}."
    (VAR / "report.md").write_text(f"{told}\n\n{text}", encoding="utf-8")
    if options.update:
        page = options.update.read_text(encoding="utf-8")
        options.update.write_text(report.put_between_marks(page, f"{told}\n\n{text}"), encoding="utf-8")
    missed = report.missed(sections)
    print(f"\n{told} {len(missed)} goals missed{': ' + ', '.join(f.name for f in missed) if missed else ''}.")
    return 1 if missed and options.strict else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short rounds, about two minutes")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument(
        "--update", type=Path, metavar="PAGE", help="put the report between the marks of a page"
    )
    return parser.parse_args(arguments)


def _is_ready(server_url: str) -> bool:
    try:
        psycopg.connect(server_url, connect_timeout=3).close()
    except psycopg.Error:
        print("The benchmarks need PostgreSQL: set TEST_DATABASE_URL=postgres://…", file=sys.stderr)
        return False
    if not wrk.is_installed():
        print(f"The benchmarks send their load with wrk. Type:  {wrk.INSTALL}", file=sys.stderr)
        return False
    return True


def _calibrate(run: Run, server_url: str) -> Section:
    processor, commit = calibrate_processor(), calibrate_commit(server_url)
    run.is_noisy = is_noisy(processor) or is_noisy(commit)
    section = Section(
        "Calibration",
        figures=[
            Figure("a loop of Python and SHA-256", tuple(processor), "ms"),
            Figure("twenty commits", tuple(commit), "ms"),
        ],
    )
    if run.is_noisy:
        section.notes.append(
            "**Noisy**: the same work varied by more than 2×, so there are more rounds, and only ratios count"
        )
    print(report.render([section]), flush=True)
    return section


def _measure(run: Run, server_url: str, wanted: Sequence[str]) -> list[Section]:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(database(server_url, name)) for name in ("ours", "floor", "drf")}
        broker_url = stack.enter_context(_Broker(run)).url
        ours = servers.ours(run.folder, urls["ours"], broker_url)
        floor, drf = (servers.peer(name, run.folder, urls[name]) for name in ("floor", "drf"))
        found: list[Section] = []

        def keep(sections: list[Section]) -> None:
            print(report.render(sections), flush=True)
            found.extend(sections)

        with ours.served() as our, floor.served() as bare:
            with drf.served() as rest:
                if "P1" in wanted:
                    keep([ingest.measure(run, ours=our, floor=bare, drf=rest)])
                if "P2" in wanted:
                    keep(documents.measure(run, ours=our, floor=bare, drf=rest))
            if "P6" in wanted:
                with ExitStack() as peers:
                    python = _peer_environment()
                    stripe = None
                    if python:
                        url = stack.enter_context(database(server_url, "stripe"))
                        project, path = servers.stripe(run.folder, url, python)
                        stripe = (peers.enter_context(project.served()), path)
                    keep([hooks.measure(run, ours=our, floor=bare, stripe=stripe)])
        if "P2" in wanted:
            projects = [("read + SHA-256", floor, "/document"), ("Vouch", ours, "/v1/users")]
            keep([documents.measure_memory(run, [*projects, ("DRF + Fernet", drf, "/document")])])
        return found


class _Broker:
    """An empty database of this machine's Redis when it has one, else the broker that needs no server."""

    def __init__(self, run: Run) -> None:
        self._redis: redis.Redis | None = None
        self.url = "spool://"
        self._run = run

    def __enter__(self) -> "_Broker":
        for number in range(15, 0, -1):
            client = redis.Redis(db=number, socket_connect_timeout=1)
            try:
                if client.dbsize() == 0:
                    self._redis, self.url = client, f"redis://127.0.0.1:6379/{number}"
                    break
            except redis.RedisError:
                break
        return self

    def __exit__(self, *error: object) -> None:
        if self._redis is not None:
            self._redis.flushdb()


def _peer_environment() -> str | None:
    """The interpreter that has dj-stripe, installed once; None, and why, when that does not work."""
    python = VAR / "venv" / "bin" / "python"
    stamp = VAR / "venv" / "requirements.txt"
    wanted = PEER_REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return str(python)
    print("Installing what requirements-bench.txt names (once)", flush=True)
    if shutil.which("uv"):
        make = ["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(VAR / "venv")]
        install = ["uv", "pip", "install", "--quiet", "--python", str(python), "-r", str(PEER_REQUIREMENTS)]
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(VAR / "venv")]
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
        install.append(str(PEER_REQUIREMENTS))
    for command in (make, install):
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own commands
            print(f"This did not work:  {' '.join(command)}", file=sys.stderr)
            return None
    stamp.write_text(wanted, encoding="utf-8")
    return str(python)


def _ends_of_logs(run: Run) -> str:
    """The last errors of every server."""
    return "\n".join(
        f"--- {path.name}\n" + "\n".join([line for line in _lines(path) if "INFO" not in line.upper()][-8:])
        for path in sorted(run.folder.glob("*.log"))
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _where() -> str:
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
