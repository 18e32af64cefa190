"""Every address of the URL map: foreign ids look unknown, and no method brings it down."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.onboarding.api.conftest import App, business

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
VOLATILE = {"X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset", "Content-Length"}
PERSON = {"first_name": "Tomas", "last_name": "Aguirre", "email": "tomas@example.com"}
BODY = {
    "type": "embedded-link",
    "url": "https://app.example.com/",
    "first_name": "Eve",
    "last_name": "Mallory",
}


def patterns(found: Any, before: str = "") -> Iterator[str]:
    """Paths of the product, without the admin's."""
    for entry in found:
        path = before + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            if not path.startswith("admin"):
                yield from patterns(entry.url_patterns, path)
        else:
            yield path


PATHS = [path for path in patterns(get_resolver().url_patterns) if not path.startswith("^") and path != ""]
NESTED = [path for path in PATHS if "<str:" in path and path.startswith(("v1", "webhooks"))]


def filled(path: str, ids: dict[str, str]) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: ids.get(match[1], "kira"), path)


def holdings(app: App) -> dict[str, str]:
    """One of each thing that has an id of its own."""
    user = app.create(business(associated_persons=[PERSON]))["id"]
    person = app.get(f"/v1/users/{user}/associated-persons").json()["data"][0]["id"]
    endpoint = app.call("POST", "/v1/webhook-endpoints", {"url": "http://127.0.0.1:18080/"}).json()["id"]
    return {"user_id": user, "person_id": person, "endpoint_id": endpoint, "delivery_id": str(uuid4())}


def seen(app: App, method: str, path: str, ids: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    body = BODY if method in ("POST", "PUT", "PATCH") else None
    answer = app.call(method, filled(path, ids), body, idempotency_key=str(uuid4()))
    text = answer.content.decode()
    for name, value in ids.items():
        text = text.replace(value, name)
    return answer.status_code, text, {k: v for k, v in answer.headers.items() if k not in VOLATILE}


@pytest.mark.parametrize("path", NESTED)
def test_what_belongs_to_another_app_looks_unknown(app: App, other_app: App, path: str) -> None:
    theirs, mine = holdings(other_app), holdings(app)
    unknown = {name: str(uuid4()) for name in theirs}
    outer, *inner = re.findall(r"<\w+:(\w+)>", path)
    for method in METHODS:
        foreign = seen(app, method, path, theirs)
        assert foreign == seen(app, method, path, unknown)
        assert foreign[0] in (404, 405)
        if inner:
            half = {**unknown, outer: mine[outer]}
            assert seen(app, method, path, {**theirs, outer: mine[outer]}) == seen(app, method, path, half)


@pytest.mark.parametrize("method", [*METHODS, "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [path for path in PATHS if path != "docs"])
def test_no_method_on_any_path_brings_it_down(app: App, path: str, method: str) -> None:
    answer = app.call(method, filled(path, {}), b"{")
    assert answer.status_code < 500
    assert b"Traceback" not in answer.content


def test_asking_the_documentation_for_its_options_does_not_bring_it_down() -> None:
    assert Client(raise_request_exception=False).options("/docs").status_code < 500


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_answers_a_post_in_json(path: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(path)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/json")


@pytest.mark.parametrize(
    "query", ["offset=%00", "email=%00", "limit=１", "limit=-1", "offset=9999999999999999999", "status=x"]
)
def test_a_list_refuses_what_is_no_filter(app: App, query: str) -> None:
    assert app.get(f"/v1/users?{query}").status_code == 400


@pytest.mark.parametrize(
    "query", ["email=%25", "email=_", "client=x", "ordering=client__password_digest", "search=a"]
)
def test_no_query_reaches_into_another_app(app: App, other_app: App, query: str) -> None:
    other_app.create(business())
    assert app.get(f"/v1/users?{query}").json()["data"] == []
