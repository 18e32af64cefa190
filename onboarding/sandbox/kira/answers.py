"""The error envelopes of Kira, contract section 1.7."""

from typing import NamedTuple

from onboarding.sandbox.state import JsonObject
from onboarding.sandbox.wire import Response, json_response


class Issue(NamedTuple):
    """One finding of the schema validator, in the words of Zod."""

    path: str
    message: str
    code: str


class Refusal(Exception):
    """An answer that ends the handling of a call; nothing has been stored."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def invalid(issues: list[Issue]) -> Refusal:
    """E1: the schema refused, always 400."""
    details = [issue._asdict() for issue in issues]
    return Refusal(json_response(400, {"error": "Invalid request data", "details": details}))


def coded(status: int, code: str, message: str) -> Refusal:
    """E2: decided after the schema."""
    return Refusal(json_response(status, {"code": code, "message": message}))


def gateway(status: int, message: str) -> Refusal:
    """E3: decided before the application is reached."""
    kinds = {401: "UnauthorizedException", 403: "ForbiddenException", 413: "RequestTooLargeException"}
    return Refusal(json_response(status, {"message": message}, {"x-amzn-errortype": kinds[status]}))


def crashed() -> Refusal:
    """E4: what an over-large page size does."""
    return Refusal(json_response(500, {"status": "error", "message": "Internal server error"}))


def python_style(status: int, message: str, data: list[JsonObject]) -> Refusal:
    """E5: the two routes outside ``/v1``."""
    return Refusal(json_response(status, {"message": message, "data": data}))
