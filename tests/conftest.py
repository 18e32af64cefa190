"""What every test keeps to: loopback only, and PostgreSQL where a test says it needs it."""

import pytest
from django.db import connection


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, by name, what SQLite cannot show: it has one writer and no row locks."""
    if connection.vendor == "postgresql":
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL=postgres://…")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)
