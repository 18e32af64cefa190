"""`check.py static test`: run what `make check` promises, stop at the first thing that is not right.

Tests run on SQLite, then on PostgreSQL: at DATABASE_URL or TEST_DATABASE_URL when given, else at this machine's own
server when one answers. What is skipped is said.
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
TESTS = ["python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]


def main(parts: list[str]) -> int:
    """0 when everything asked for holds, else the exit code of the first that does not."""
    if not parts or set(parts) - {"static", "test"}:
        sys.exit("usage: scripts/check.py [static] [test]")
    if "static" in parts:
        for name, command in STATIC.items():
            code = _run(name, command)
            if code:
                return code
    return _test() if "test" in parts else 0


def _test() -> int:
    given = os.environ.get("TEST_DATABASE_URL", "")
    url = given or LOCAL_POSTGRES
    answers = _answers(url)
    sqlite = _run("tests on SQLite", TESTS, DATABASE_URL="sqlite:///var/test.sqlite3")
    if not answers:
        where = (
            "at TEST_DATABASE_URL" if given else f"at {LOCAL_POSTGRES} (set TEST_DATABASE_URL for another)"
        )
        print(f"\nSKIPPED: the tests on PostgreSQL, because none answers {where}.", flush=True)
        print("Races and row locks are tested there only.", flush=True)
        return sqlite or (1 if given else 0)
    return _run("tests on PostgreSQL", TESTS, DATABASE_URL=url) or sqlite


def _answers(url: str) -> bool:
    """Whether a server is there. Its database need not be: tests make their own beside it."""
    try:
        psycopg.connect(url, connect_timeout=2, dbname="postgres").close()
    except psycopg.Error:
        return False
    return True


def _run(name: str, command: list[str], **variables: str) -> int:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", **variables}
    code = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=CHECKOUT, env=environment, check=False
    ).returncode
    result = "ok" if code == 0 else f"FAILED ({code})"
    print(f"== {name}: {result} in {time.monotonic() - started:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
