"""What a benchmark needs of the machine: a calibration, a database of its own, free ports, the memory of a process."""

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

CALIBRATIONS = 10


def calibrate_processor() -> list[float]:
    """Milliseconds for the same piece of Python and hashing, several times."""
    taken: list[float] = []
    block = bytes(1_000_000)
    for _ in range(CALIBRATIONS):
        started = time.perf_counter()
        sum(number * number for number in range(300_000))
        for _ in range(10):
            hashlib.sha256(block).digest()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def calibrate_commit(server_url: str) -> list[float]:
    """Milliseconds for twenty durable commits of one row, several times."""
    taken = []
    with database(server_url, "calibration") as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        for _ in range(CALIBRATIONS + 1):
            started = time.perf_counter()
            for _ in range(20):
                connection.execute("INSERT INTO kept VALUES ('x')")
            taken.append((time.perf_counter() - started) * 1000)
    return taken[1:]  # the first one also opens the table


@contextmanager
def database(server_url: str, purpose: str) -> Iterator[str]:
    """An empty database on the server, dropped afterwards."""
    name = f"vouch_bench_{purpose}_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def count_rows(database_url: str, table: str) -> int:
    """Rows of a table of ours."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 - our own names
    assert row is not None
    return int(row[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    """The processes that a process started (Linux)."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def memory_mebibytes(pid: int, name: str) -> float:
    """`VmRSS` or `VmHWM` of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} tells no {name}")


def forget_peak(pid: int) -> None:
    """Let `VmHWM` begin anew from what the process holds now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
