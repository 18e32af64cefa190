"""Every refusal as one of the contract's two envelopes (contract section 1.7).

E1 lists what is wrong with a request, E2 says what was decided about a well-formed one; the gateway's bare message
(E3) is what a wrong API key gets. No answer holds a traceback, and none repeats more of a request than the contract's
own messages do.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.response import Response

from config.errors import DomainError, InvalidData, Problem
from onboarding.partners.base import NotSupportedByPartner, PartnerError

logger = logging.getLogger(__name__)

MAX_DETAILS = 100
RETRY_AFTER_FAULT = {"Retry-After": "1"}


class KeyRefused(DomainError):
    """The API key is absent, unknown or revoked; which of them is not told (E3)."""

    code = "forbidden"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("Forbidden")


class TokenRefused(DomainError):
    """The bearer is absent, bad or expired."""

    code = "unauthorized"
    http_status = 401


class RateExceeded(DomainError):
    """The app calls faster than it may. `wait` is in whole seconds."""

    code = "rate_limit_exceeded"
    http_status = 429

    def __init__(self, *, wait: int) -> None:
        super().__init__("Too many requests, slow down")
        self.wait = wait


class PayloadTooLarge(DomainError):
    """The body is larger than this installation reads."""

    code = "payload_too_large"
    http_status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body may have at most {limit} bytes")


class UnsupportedBody(DomainError):
    """The body is not of a type that this address reads."""

    code = "unsupported_media_type"
    http_status = 415


class KeyReused(DomainError):
    """An idempotency key came back with other data."""

    code = "idempotency_key_reused"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("Idempotency key has already been used with different request data")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's handler: an answer for everything, so that nothing reaches Django's own error pages."""
    match error:
        case InvalidData():
            return Response(validation_envelope(error.problems), status=400)
        case KeyRefused():
            return Response({"message": error.message}, status=403)
        case TokenRefused():
            return answer(error.code, error.message, 401, {"WWW-Authenticate": "Bearer"})
        case RateExceeded():
            return answer(error.code, error.message, 429, {"Retry-After": str(error.wait)})
        case DomainError():
            later = RETRY_AFTER_FAULT if error.http_status == 503 else None
            return answer(error.code, error.message, error.http_status, later)
        case exceptions.APIException() | Http404() | PermissionDenied() | SuspiciousOperation():
            return _framework_refusal(error)
        case NotSupportedByPartner():
            return answer("not_supported_by_partner", error.reason, 409)
        case PartnerError():
            return answer("partner_unavailable", "The partner cannot be reached now", 503, RETRY_AFTER_FAULT)
        case OperationalError() | InterfaceError():
            logger.error("The database did not answer: %s", type(error).__name__)
            return answer("service_unavailable", "The service cannot answer now", 503, RETRY_AFTER_FAULT)
        case UnreadablePostError():
            return answer("validation_error", "The request ended before its body did", 400)
    logger.error("A request failed", exc_info=error)
    return answer("internal_error", "An unexpected error occurred", 500)


def answer(code: str, message: str, http_status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An E2 envelope."""
    return Response({"code": code, "message": message}, status=http_status, headers=dict(headers or {}))


def validation_envelope(problems: Sequence[Problem]) -> dict[str, Any]:
    """An E1 envelope; beyond the first hundred problems nobody reads on."""
    return {
        "error": "Invalid request data",
        "details": [
            {"path": problem.path, "message": problem.message, "code": problem.code}
            for problem in problems[:MAX_DETAILS]
        ],
    }


def _framework_refusal(error: Exception) -> Response:
    match error:
        case exceptions.MethodNotAllowed():
            return answer("method_not_allowed", "This address does not know this method", 405)
        case exceptions.NotFound() | Http404():
            return answer("not_found", "There is nothing at this address", 404)
        case exceptions.UnsupportedMediaType():
            return answer(UnsupportedBody.code, "This address does not read this type of body", 415)
        case RequestDataTooBig() | TooManyFilesSent():
            return answer(PayloadTooLarge.code, "The request body is too large", 413)
        case exceptions.APIException():
            return answer(_code_of(error.status_code), "The request was refused", error.status_code)
        case PermissionDenied():
            return answer("forbidden", "This is not allowed", 403)
    return answer("validation_error", "The request cannot be read", 400)


def _code_of(http_status: int) -> str:
    codes = {
        status.HTTP_401_UNAUTHORIZED: "unauthorized",
        status.HTTP_403_FORBIDDEN: "forbidden",
        status.HTTP_429_TOO_MANY_REQUESTS: "rate_limit_exceeded",
    }
    return codes.get(http_status, "validation_error" if http_status < 500 else "internal_error")
