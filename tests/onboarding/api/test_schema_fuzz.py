"""Whatever fits the description, or nearly fits it, gets an answer that is described, and never a fault of ours."""

import os
import uuid
from collections import Counter
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from onboarding.api import users, verifications
from tests.onboarding.api.conftest import business, individual

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
OURS = r"^/(auth|v1/(users|events)(/.*)?)$"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_nothing_the_description_allows_is_a_fault_of_ours(app, settings, mode, monkeypatch):
    for module in (users, verifications):
        monkeypatch.setattr(module, "LINK_SECONDS", 0.1)
    settings.KIRA_BASE_URL = "http://127.0.0.1:9"
    settings.THROTTLE_PER_APP = "100000/s"
    firm = app.create(business(associated_persons=[{"first_name": "Ana", "last_name": "Luz"}]))
    known = [app.create(individual())["id"], firm["id"]]
    answers: Counter[int] = Counter()
    turn = count()

    def send(case):
        """Every second call is about somebody who exists."""
        number = next(turn)
        if number % 2 and case.path_parameters:
            case.path_parameters["user_id"] = known[number // 2 % 2]
            if "person_id" in case.path_parameters:
                case.path_parameters["user_id"] = known[1]
                case.path_parameters["person_id"] = firm["associated_persons"][0]["id"]
        headers = dict(app.headers)
        if case.method == "POST" and number % 4:
            headers["idempotency-key"] = str(uuid.uuid4())
        answer = case.call_and_validate(checks=CHECKS, headers=headers)
        answers[answer.status_code] += 1

    for operation in description():
        fuzz(operation, mode, send)
    assert answers[200] + answers[201] > EXAMPLES
    assert sum(answers.values()) > EXAMPLES


def description() -> list[Any]:
    """Our operations, each with the whole application behind it."""
    found = schemathesis.openapi.from_wsgi("/schema", application).include(path_regex=OURS)
    results: list[Any] = list(found.get_all_operations())
    return [result.ok() for result in results]


def fuzz(operation, mode, send):
    bounded = bounds(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    bounded(given(case=operation.as_strategy(generation_mode=mode))(lambda case: send(case)))()
