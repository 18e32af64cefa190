"""People at the desk: clara may do everything, ana sees everything, and what a browser sends."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from tests.onboarding import factories


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A vault of its own for every test."""
    settings.DOCUMENTS_URL = f"file://{tmp_path}/vault"
    return tmp_path / "vault"


def staff(role: str) -> Client:
    """A browser in which somebody of this role is logged in."""
    email = f"{role}@example.com"
    call_command("create_analyst", email, role=role)
    browser = Client()
    browser.force_login(User.objects.get(username=email))
    return browser


@pytest.fixture
def clara(db: None) -> Client:
    return staff("admin")


@pytest.fixture
def ana(db: None) -> Client:
    return staff("auditor")


@pytest.fixture
def boris(db: None) -> Client:
    return staff("analyst")


@pytest.fixture
def held(db: None) -> Any:
    """A business whose owner is politically exposed: complete, and held by an onboarding case."""
    declaration = factories.business()
    declaration["associated_persons"][0]["pep_status"] = True
    return factories.register(declaration=declaration)
