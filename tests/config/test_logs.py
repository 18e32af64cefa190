import json
import logging

import pytest
from django.db import IntegrityError, OperationalError

from config.errors import DomainError
from config.logs import JsonFormatter, ReadableFormatter, Redaction, describe, redact, request_id


def line(
    message: object, *args: object, error: BaseException | None = None, **extra: object
) -> dict[str, object]:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("vouch", logging.WARNING, __file__, 1, message, args, exc_info)
    vars(record).update(extra)
    Redaction().filter(record)
    found: dict[str, object] = json.loads(JsonFormatter().format(record))
    return found


@pytest.mark.parametrize(
    "personal",
    [
        "priya.nakamura@example.com",
        "+12025550142",
        "+1 202 555 0142",
        "000-12-3456",
        "1987-11-03",
        "Bearer eyJhbGciOi.J9-abc",
        "whsec_c2VjcmV0",
        "4111111111111111",
        "A" * 200,
    ],
)
def test_what_looks_personal_or_secret_is_redacted(personal: str) -> None:
    assert redact(f"seen {personal} here") == "seen [redacted] here"


@pytest.mark.parametrize(
    "kept",
    [
        "submission 5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11 is UNKNOWN",
        "12345678-1234-1234-1234-123456789012",
        "succeeded in 0.0001232639999670937s",
        "GET /v1/users 200",
        "attempt 12 of 12",
    ],
)
def test_ids_and_figures_stay(kept: str) -> None:
    assert redact(kept) == kept


def test_query_strings_are_redacted_wherever_they_come_from() -> None:
    assert redact('"GET /v1/users?email=a%40b.c HTTP/1.1" 200') == '"GET /v1/users[redacted] HTTP/1.1" 200'


def test_the_message_and_its_extras_are_redacted() -> None:
    found = line("no user %s", "priya@example.com", phone="+12025550142", attempts=3)

    assert found["message"] == "no user [redacted]"
    assert (found["phone"], found["attempts"]) == ("[redacted]", 3)


def test_objects_given_as_extras_are_not_logged() -> None:
    assert "data" not in line("x", data={"kwargs": "{'name': 'Priya'}"})


def test_an_exception_that_may_quote_a_row_says_its_type_and_frames_only() -> None:
    try:
        raise IntegrityError("Key (email)=(priya@example.com) exists; row contains (Priya, Nakamura)")
    except IntegrityError as error:
        found = line("failed: %s", error, error=error)

    assert found["message"] == "failed: IntegrityError"
    assert "IntegrityError" in str(found["exception"])
    assert "test_logs.py" in str(found["exception"])
    assert "Priya" not in json.dumps(found)


@pytest.mark.parametrize("error", [OperationalError("connection refused"), DomainError("connection refused")])
def test_an_exception_about_machines_or_rules_may_speak(error: Exception) -> None:
    assert "connection refused" in describe((type(error), error, None))


def test_celery_cannot_quote_the_exception_of_a_task() -> None:
    error = ValueError("Priya Nakamura")
    context = {"name": "t", "exc": repr(error), "traceback": "Priya"}

    found = line("Task %(name)s raised: %(exc)s %(traceback)s", context, error=error)

    assert found["message"] == "Task t raised: ValueError "
    assert "Priya" not in json.dumps(found)


def test_a_line_carries_the_request_it_belongs_to() -> None:
    token = request_id.set("order-2026-000417")
    try:
        assert line("x")["request_id"] == "order-2026-000417"
    finally:
        request_id.reset(token)


def test_a_line_for_people_is_one_line() -> None:
    record = logging.LogRecord("vouch", logging.INFO, __file__, 1, "hello %s", ("there",), None)
    Redaction().filter(record)

    assert ReadableFormatter().format(record).endswith("info    vouch: hello there")


def test_a_message_that_does_not_fit_its_arguments_is_still_logged() -> None:
    assert line("100 % of %d", "x")["message"] == "100 % of %d"
