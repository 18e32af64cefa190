"""`check.py static test`: run what `make check` promises, and say what is skipped.

`static` is format, lint, types, import contracts and migrations. `test` runs the tests on SQLite, then the journeys of
real processes, then the tests on PostgreSQL: at TEST_DATABASE_URL when given, else at this machine's own server when
one answers. With `--summary-last` nothing is printed behind pytest's summary.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/vouch_test"
STATIC = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "import contracts": ["lint-imports", "--no-logo"],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
    "settings": ["python", "manage.py", "check"],
}
PYTEST = ["python", "-m", "pytest", "-q", "-n", "2"]
TESTS = [*PYTEST, "--dist", "loadfile", "-m", "not journey"]
JOURNEYS = [*PYTEST, "--dist", "worksteal", "-m", "journey"]


def main(arguments: list[str]) -> int:
    """0 when everything asked for holds. Every static check runs, so that one run names all that is wrong."""
    quiet = "--summary-last" in arguments
    parts = [argument for argument in arguments if argument != "--summary-last"]
    if not parts or set(parts) - {"static", "test"}:
        sys.exit("usage: scripts/check.py [--summary-last] [static] [test]")
    failed = []
    if "static" in parts:
        failed = [name for name, command in STATIC.items() if _run(name, command)]
    code = _test(quiet) if "test" in parts else 0
    if failed:
        print(f"\nNot right: {', '.join(failed)}", flush=True)
    return code or (1 if failed else 0)


def _test(quiet: bool) -> int:
    given = os.environ.get("TEST_DATABASE_URL", "")
    url = given or LOCAL_POSTGRES
    is_there = _answers(url)
    if not is_there:
        where = f"at {given}" if given else f"at {LOCAL_POSTGRES} (set TEST_DATABASE_URL for another)"
        print(f"\nSKIPPED: the tests on PostgreSQL, because none answers {where}.", flush=True)
        print("Races and row locks are tested there only.", flush=True)
    runs: dict[str, tuple[list[str], dict[str, str]]] = {
        "tests on SQLite": (TESTS, {"DATABASE_URL": "sqlite:///var/test.sqlite3"}),
        "journeys of real processes": (JOURNEYS, {"TEST_DATABASE_URL": url}),
    }
    if is_there:
        runs["tests on PostgreSQL"] = (TESTS, {"DATABASE_URL": url})
    failed: list[str] = []
    for name, (command, variables) in runs.items():
        if failed:  # said here, so that the last lines stay pytest's
            print(f"\nFAILED so far: {', '.join(failed)}", flush=True)
        if _run(name, command, quiet=quiet, **variables):
            failed.append(name)
    if failed and not quiet:
        print(f"\nFAILED: {', '.join(failed)}", flush=True)
    return 1 if failed or (given and not is_there) else 0


def _answers(url: str) -> bool:
    """Whether a server is there. Its database need not be: tests make their own beside it."""
    try:
        psycopg.connect(url, connect_timeout=2, dbname="postgres").close()
    except psycopg.Error:
        return False
    return True


def _run(name: str, command: list[str], *, quiet: bool = False, **variables: str) -> int:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", **variables}
    tool = [BIN / command[0], *command[1:]]
    code = subprocess.run(tool, cwd=CHECKOUT, env=environment, check=False).returncode
    if not quiet:
        result = "ok" if code == 0 else f"FAILED ({code})"
        print(f"== {name}: {result} in {time.monotonic() - started:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
