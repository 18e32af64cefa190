"""`POST /auth`: client id and password, with an API key, for a bearer (contract section 1.2)."""

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import InvalidData
from onboarding.api import described
from onboarding.api.authentication import ApiKeyAuthentication, issue_token
from onboarding.api.errors import KeyRefused
from onboarding.api.parsing import read_json
from onboarding.api.serializers.fields import UUID_FORM
from onboarding.api.views import IntakeView
from onboarding.domain import api_clients

LONGEST_PASSWORD: Final = 1_000


class Unreadable(Exception):
    """The body of this one address is refused in a shape of its own (422)."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__("Invalid input data")
        self.details = details


@described.tokens
class TokenView(IntakeView):
    """Issue."""

    authentication_classes = (ApiKeyAuthentication,)

    def post(self, request: Request) -> Response:
        try:
            client_id, password = _credentials(request)
        except Unreadable as error:
            return Response({"message": "Invalid input data", "data": error.details}, status=422)
        client = api_clients.check_password(client_id, password)
        if client is None or client.pk != self.client.pk:
            raise KeyRefused
        data = {
            "access_token": issue_token(client),
            "expires_in": settings.TOKEN_SECONDS,
            "token_type": "Bearer",
        }
        return Response({"message": "Auth token", "data": data})


def _credentials(request: Request) -> tuple[UUID, str]:
    try:
        body = read_json(request)
    except InvalidData as error:
        message = error.problems[0].message
        raise Unreadable([{"type": "json_invalid", "loc": ["body"], "msg": message}]) from None
    if not isinstance(body, dict):
        raise Unreadable([_detail("dict_type", [], "Input should be a valid dictionary")])
    client_id, password = body.get("client_id"), body.get("password")
    details = [*_id_problems(client_id, "client_id" in body), *_text_problems(password, "password" in body)]
    if details:
        raise Unreadable(details)
    return UUID(str(client_id)), str(password)


def _id_problems(value: Any, is_there: bool) -> list[dict[str, Any]]:
    if not is_there:
        return [_detail("missing", ["client_id"], "Field required")]
    if not isinstance(value, str):
        return [_detail("uuid_type", ["client_id"], "UUID input should be a string")]
    if not UUID_FORM.fullmatch(value):
        return [_detail("uuid_parsing", ["client_id"], "Input should be a valid UUID")]
    return []


def _text_problems(value: Any, is_there: bool) -> list[dict[str, Any]]:
    if not is_there:
        return [_detail("missing", ["password"], "Field required")]
    if not isinstance(value, str):
        return [_detail("string_type", ["password"], "Input should be a valid string")]
    if len(value) > LONGEST_PASSWORD:
        return [_detail("string_too_long", ["password"], "Input is too long")]
    return []


def _detail(type_: str, path: list[str], message: str) -> dict[str, Any]:
    return {"type": type_, "loc": ["body", *path], "msg": message}
