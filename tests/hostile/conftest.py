"""Attackers: apps with credentials of their own, staff who pry, and a partner that lies."""

import pytest
from pytest_django import Settings

from tests.onboarding.admin.conftest import ana, clara
from tests.onboarding.api.conftest import _storage, app, other_app
from tests.onboarding.domain.conftest import kira

__all__ = ["_storage", "ana", "app", "clara", "kira", "other_app"]


@pytest.fixture(autouse=True)
def _database(db: None, settings: Settings) -> None:
    """Every attack is on rows; what is turned away is counted in the test's own transaction, by no late thread."""
    settings.WEBHOOK_REJECTION_FLUSH_SECONDS = 0
