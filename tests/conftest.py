"""What every test keeps to: loopback only, and PostgreSQL where a test says it needs it."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, by name, what SQLite cannot show: it has one writer and no row locks."""
    if connection.vendor == "postgresql":
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL=postgres://…")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)


@pytest.fixture(autouse=True, scope="session")
def _flush_past_the_guards() -> Iterator[None]:
    """Let tests empty the append-only tables between each other; the guards stand again before the next test."""
    flush = connection.ops.execute_sql_flush

    def flush_unguarded(statements: Iterable[str]) -> None:
        if connection.vendor == "postgresql":
            flush(
                [
                    "SET session_replication_role = replica",
                    *statements,
                    "SET session_replication_role = DEFAULT",
                ]
            )
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            guards: list[tuple[Any, ...]] = cursor.fetchall()
            for name, _ in guards:
                cursor.execute(f'DROP TRIGGER "{name}"')
            flush(statements)
            for _, sql in guards:
                cursor.execute(sql)

    connection.ops.execute_sql_flush = flush_unguarded  # type: ignore[method-assign, assignment]
    yield
    connection.ops.execute_sql_flush = flush  # type: ignore[method-assign]
