"""One product app, one end user, and a vault of its own for every test."""

from pathlib import Path

import pytest

from onboarding.models import ApiClient, EndUser


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    """The folder that the vault writes to."""
    settings.DOCUMENTS_URL = f"file://{tmp_path}/vault"
    return tmp_path / "vault"


@pytest.fixture
def end_user(db: None) -> EndUser:
    client = ApiClient.objects.create(name="Shop")
    return EndUser.objects.create(
        client=client, type="INDIVIDUAL", email="ana@example.com", display_name="Ana Diaz"
    )
