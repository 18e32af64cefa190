import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.env import CHECKOUT

COMPLETE = {
    "SECRET_KEY": "Zs8h2k1Vw9q0PpLm4nB7vC6xT3rE5yU8iO2aS1dF4gH7jK9lQ0",
    "ALLOWED_HOSTS": "vouch.example.com",
    "PUBLIC_BASE_URL": "https://vouch.example.com",
    "DATABASE_URL": "postgres://vouch:pw@db.example.com/vouch",
    "CELERY_BROKER_URL": "amqps://vouch:pw@broker.example.com//",
    "DOCUMENTS_URL": "s3://vouch-documents/production",
    "ENCRYPTION_KEYS": "Qm9vayBvZiBrZXlzIG51bWJlciBvbmUgaXMgaGVyZSE",
    "BLIND_INDEX_KEY": "QW5vdGhlciBrZXkgZm9yIHRoZSBibGluZCBpbmRleCE",
    "KIRA_BASE_URL": "https://kira.example.com",
    "KIRA_API_KEY": "an-api-key",
    "KIRA_CLIENT_ID": "0c0a2b54-5f3e-4b4b-8b6e-2f6f8f1f0c11",
    "KIRA_PASSWORD": "a-password",
    "KIRA_WEBHOOK_SECRETS": "a-webhook-secret",
}
SHOW = """
import json, config, django
django.setup()
from django.conf import settings as s
print(json.dumps({n: getattr(s, n) for n in NAMES}, default=str))
"""


def start(program: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *program],
        cwd=CHECKOUT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def values(module: str, variables: dict[str, str], *names: str) -> dict[str, Any]:
    program = SHOW.replace("NAMES", repr(names))
    done = start(["-c", program], {"DJANGO_SETTINGS_MODULE": f"config.settings.{module}", **variables})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def refusal(variables: dict[str, str]) -> str:
    program = ["-c", SHOW.replace("NAMES", "[]")]
    done = start(program, {"DJANGO_SETTINGS_MODULE": "config.settings.production", **variables})
    assert done.returncode != 0
    return done.stderr


def test_production_refuses_to_start_and_names_everything_that_is_missing() -> None:
    message = refusal({})

    assert [name for name in COMPLETE if f"  {name} is missing" not in message] == []


def test_production_names_everything_that_is_unfit_and_quotes_no_value() -> None:
    changes = {
        "SECRET_KEY": "tooshort",
        "ALLOWED_HOSTS": "*",
        "PUBLIC_BASE_URL": "http://vouch.example.com",
        "CELERY_BROKER_URL": "memory://",
        "ENCRYPTION_KEYS": "shortkey",
        "KIRA_API_KEY": "<from Kira>",
        "FAULT_POINTS": "after_send",
    }

    message = refusal({**COMPLETE, **changes})

    assert [name for name in changes if f"  {name} " not in message] == []
    assert "tooshort" not in message
    assert "shortkey" not in message


def test_debug_is_off_in_production_whatever_the_environment_says() -> None:
    assert values("production", {**COMPLETE, "DEBUG": "on"}, "DEBUG") == {"DEBUG": False}


def test_gunicorn_stops_at_once_when_the_environment_is_incomplete() -> None:
    done = start(
        ["-m", "gunicorn", "--bind", "127.0.0.1:0"], {"DJANGO_SETTINGS_MODULE": "config.settings.production"}
    )

    assert done.returncode != 0
    assert "KIRA_WEBHOOK_SECRETS is missing" in done.stderr


@pytest.mark.filterwarnings("ignore")
def test_the_deployment_check_is_clean_in_production() -> None:
    variables = {**COMPLETE, "DJANGO_SETTINGS_MODULE": "config.settings.production"}

    done = start(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], variables)

    assert done.stdout.strip() == "System check identified no issues (0 silenced)."
    assert done.returncode == 0


def test_the_embedded_run_defaults_everything_and_makes_its_keys(tmp_path: Path) -> None:
    names = ("DEBUG", "KIRA_BASE_URL", "CELERY_BROKER_URL", "DOCUMENTS_URL", "WEBHOOKS_ALLOW_PRIVATE_TARGETS")

    found = values("local", {"VAR_DIR": str(tmp_path)}, *names, "SECRET_KEY")

    assert found.pop("SECRET_KEY") in (tmp_path / "keys.env").read_text()
    assert found == {
        "DEBUG": True,
        "KIRA_BASE_URL": "http://127.0.0.1:8500/kira",
        "CELERY_BROKER_URL": "spool://localhost//",
        "DOCUMENTS_URL": f"file://{tmp_path}/documents",
        "WEBHOOKS_ALLOW_PRIVATE_TARGETS": True,
    }


@pytest.mark.parametrize("module", ["local", "test"])
def test_every_variable_of_an_installation_wins_over_the_defaults(module: str, tmp_path: Path) -> None:
    given = {name: value for name, value in COMPLETE.items() if name not in {"DATABASE_URL", "ALLOWED_HOSTS"}}

    found = values(
        module, {**COMPLETE, "VAR_DIR": str(tmp_path), "DEBUG": "off"}, *given, "DATABASES", "DEBUG"
    )

    assert found["DATABASES"]["default"]["HOST"] == "db.example.com"
    assert found["DEBUG"] is False
    assert {name: ",".join(v) if isinstance(v := found[name], list) else v for name in given} == given


@pytest.mark.parametrize("page", ["docs/settings.md", ".env.example"])
def test_the_settings_page_names_every_variable(page: str) -> None:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    files = (CHECKOUT / "config" / "settings").glob("*.py")
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z0-9_]+)\"", code))
    wanted = read if page.endswith(".md") else set(COMPLETE)

    assert [name for name in sorted(wanted) if not re.search(rf"\b{name}\b", text)] == []


def test_an_answer_echoes_a_sane_request_id_and_replaces_a_strange_one(client: Client) -> None:
    sane = client.get("/healthz", headers={"X-Request-Id": "order-2026-000417"})
    strange = client.get("/healthz", headers={"X-Request-Id": "a b\x07"})

    assert sane.headers["X-Request-Id"] == "order-2026-000417"
    assert re.fullmatch(r"[0-9a-f]{32}", strange.headers["X-Request-Id"])


def test_policies_are_as_strict_as_each_part_allows(client: Client) -> None:
    policy = "Content-Security-Policy"

    assert client.get("/healthz").headers[policy].startswith("default-src 'none'")
    assert "script-src 'self';" in client.get("/docs").headers[policy]
    assert "'unsafe-eval'" not in client.get("/docs").headers[policy]


@pytest.mark.django_db
def test_the_admin_may_evaluate_but_not_run_inline_scripts(client: Client) -> None:
    policy = client.get("/admin/login/").headers["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval';" in policy


@pytest.mark.parametrize("length", ["999999999999", "-1", "many"])
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(client: Client, length: str) -> None:
    answer = client.post(
        "/v1/users", b"{}", content_type="application/json", headers={"Content-Length": length}
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "payload_too_large"


def test_an_unknown_address_is_answered_in_json(client: Client) -> None:
    answer = client.get("/nothing/here/")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.django_db
def test_readiness_tells_database_migrations_and_broker(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}
