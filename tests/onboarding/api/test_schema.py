"""The description of the API is valid, whole and true."""

import uuid
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.core.management import call_command
from django.urls import URLPattern, get_resolver
from openapi_spec_validator import OpenAPIV31SpecValidator

from onboarding.api import representation
from onboarding.api.serializers import answers
from onboarding.intake_values import BUSINESS_INDUSTRIES
from tests.onboarding.api.conftest import business, complete_individual, data_uri, individual

PERSON = {"first_name": "Ana", "last_name": "Luz", "birth_date": "1982-09-25", "ownership_percentage": 33.3}


@pytest.fixture(scope="module")
def schema():
    from django.test import Client

    answer = Client().get("/schema")
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json()


def test_the_generator_finds_nothing_to_complain_about(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_the_description_is_openapi_3_1(schema):
    assert schema["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(schema).validate()


def test_every_address_is_described(schema):
    from onboarding.api.urls import urlpatterns

    patterns = [str(entry.pattern) for entry in urlpatterns if isinstance(entry, URLPattern)]
    described = {path.lstrip("/") for path in schema["paths"]}
    undescribed = {
        pattern.replace("<str:", "{").replace(">", "}")
        for pattern in patterns
        if pattern not in ("schema", "docs")
    }
    assert undescribed <= described
    assert get_resolver().reverse_dict


def test_every_operation_is_named_and_tells_its_refusals(schema):
    names = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["tags"], (path, method)
            if path.startswith(("/v1/users", "/v1/events")):
                assert {"401", "403", "429", "500"} <= set(operation["responses"]), (path, method)
                assert operation["security"] == [{"apiKey": [], "bearer": []}]
    assert len(names) == len(set(names))
    assert {"createUser", "listUsers", "getUser", "updateUser", "createVerification", "createToken"} <= set(
        names
    )


def test_keys_are_required_where_the_contract_requires_them(schema):
    def key(path):
        parameters = schema["paths"][path]["post"]["parameters"]
        return next(p for p in parameters if p["name"] == "idempotency-key")["required"]

    assert key("/v1/users") is True
    assert key("/v1/users/{user_id}/verifications") is True
    assert "required" not in next(
        p
        for p in schema["paths"]["/v1/users/{user_id}/documents"]["post"]["parameters"]
        if p["name"] == "idempotency-key"
    )


def test_closed_lists_are_in_the_description(schema):
    members = schema["components"]["schemas"]["CreateBusinessRequest"]["properties"]
    assert set(members["business_industry"]["items"]["enum"]) == set(BUSINESS_INDUSTRIES)
    assert schema["components"]["schemas"]["CreateIndividualRequest"]["required"] == [
        "email",
        "first_name",
        "last_name",
        "type",
    ]


def test_our_webhooks_are_described(schema):
    assert {"user.created", "user.verification.accepted", "user.verification.failed"} <= set(
        schema["webhooks"]
    )


@pytest.mark.parametrize("make", [individual, complete_individual, business])
def test_answers_are_what_is_described(app, schema, make):
    created = app.create(make())
    user_id = created["id"]
    judge(schema, "/v1/users", "post", "201", created)
    judge(schema, "/v1/users/{user_id}", "get", "200", app.get(f"/v1/users/{user_id}").json())
    judge(schema, "/v1/users", "get", "200", app.get("/v1/users").json())
    amended = app.put(f"/v1/users/{user_id}", {"phone": "+12025550199", "tags": ["a"]})
    judge(schema, "/v1/users/{user_id}", "put", "200", amended.json())
    for name in ("requirements", "events", "verifications", "documents", "associated-persons"):
        found = app.get(f"/v1/users/{user_id}/{name}")
        judge(schema, f"/v1/users/{{user_id}}/{name}", "get", "200", found.json())


def test_answers_about_parts_are_what_is_described(app, schema):
    user_id = app.create(business(associated_persons=[PERSON], partners=["kira"]))["id"]
    base, path = f"/v1/users/{user_id}", "/v1/users/{user_id}"
    person = app.call("POST", f"{base}/associated-persons", {**PERSON, "address_country": "US"}).json()
    judge(schema, f"{path}/associated-persons", "post", "201", person)
    paper = {"type": "file_bylaws", "file": data_uri(), "issuing_country": "USA"}
    document = app.call("POST", f"{base}/documents", paper).json()
    judge(schema, f"{path}/documents", "post", "201", document)
    judge(schema, path, "get", "200", app.get(base).json())


def test_refusals_are_what_is_described(app, schema):
    judge(schema, "/v1/users", "post", "400", app.post("/v1/users", {}).json())
    judge(schema, "/v1/users/{user_id}", "get", "404", app.get(f"/v1/users/{uuid.uuid4()}").json())
    judge(schema, "/v1/users", "get", "403", app.http.get("/v1/users").json())


def test_the_described_members_are_the_answered_ones(app):
    answered = app.create(complete_individual())
    described = set(answers.IndividualAnswer().fields)
    assert set(answered) <= described
    assert described - set(answered) == {
        "trading_address",
        "verification_link",
        "verification_link_error",
        "provider_link",
    }
    assert set(representation.LEGACY_STATUS.values()) <= set(described_words("verification_status"))


def test_swagger_ui_needs_nobody_else(db, client):
    page = client.get("/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text
    assert "<script>" not in text
    script = client.get("/docs?script=")
    assert script.status_code == 200
    assert "SwaggerUIBundle" in script.content.decode()


def described_words(name):
    member: Any = answers.ListedUser().fields[name]
    return member.choices


def judge(schema, path, method, status, body):
    """Hold an answer against the description, formats included."""
    answer = schema["paths"][path][method]["responses"][status]
    wanted = answer["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(
        {**wanted, "components": schema["components"]}, format_checker=jsonschema.FormatChecker()
    ).validate(body)
