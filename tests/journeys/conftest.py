"""Whole stacks of processes, and bodies as a product app sends them."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.journeys.stack import Stack, postgresql_database

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
AMQP_URL = os.environ.get("TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
FAST_SANDBOX = (
    "--kira-toggle", "verifying_delay_seconds=0.2",
    "--kira-toggle", "outcome_delay_seconds=0.6",
)  # fmt: skip


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Stack]:
    """SQLite and the broker that needs no server."""
    stack = Stack(tmp_path, f"sqlite:///{tmp_path}/vouch.sqlite3", "spool://")
    yield from _running(stack)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Stack]:
    """PostgreSQL and RabbitMQ."""
    _need_postgresql()
    with postgresql_database(SERVER_URL) as url:
        yield from _running(Stack(tmp_path, url, AMQP_URL))


@pytest.fixture
def on_redis(tmp_path: Path) -> Iterator[Stack]:
    """PostgreSQL and Redis."""
    _need_postgresql()
    with postgresql_database(SERVER_URL) as url:
        yield from _running(Stack(tmp_path, url, REDIS_URL))


def _running(stack: Stack) -> Iterator[Stack]:
    """Database, web and sandbox are up; workers are the test's own business."""
    stack.run("migrate", "--verbosity", "0")
    try:
        stack.start_sandbox(*FAST_SANDBOX)
        stack.start_web()
        yield stack
    except (AssertionError, requests.RequestException):
        print(stack.logs())
        raise
    finally:
        stack.stop()


def _need_postgresql() -> None:
    try:
        psycopg.connect(SERVER_URL, dbname="postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        pytest.skip("needs PostgreSQL: set TEST_DATABASE_URL=postgres://…")
