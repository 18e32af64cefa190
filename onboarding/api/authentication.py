"""Who is calling: the API key, then the bearer (contract sections 1.2, 1.3 and 2.14, steps 1 and 2).

The bearer is signed, carries its app and its expiry, and is stored nowhere. It is good only together with a live API
key of the same app, so revoking the keys or switching the app off ends every bearer at once.
"""

import time
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from onboarding.api.errors import KeyRefused, TokenRefused
from onboarding.domain import api_clients
from onboarding.models import ApiClient

SALT: Final = "vouch.bearer"
ABSENT: Final = "No authorization token provided"
EXPIRED: Final = "Token expired"
NO_CLIENT: Final = "No client ID found in claims"
LONGEST_CREDENTIAL: Final = 1_000


class ApiKeyAuthentication(BaseAuthentication):
    """The API key alone, for the token endpoint. `request.user` is the `ApiClient`."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        api_key = request.headers.get("x-api-key", "")
        client = api_clients.authenticate_key(api_key) if 0 < len(api_key) <= LONGEST_CREDENTIAL else None
        if client is None:
            raise KeyRefused
        return client, None


class ApiClientAuthentication(ApiKeyAuthentication):
    """API key and bearer together, both of one app."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        client, _ = super().authenticate(request)
        if read_token(_bearer(request)) != client.pk:
            raise TokenRefused(NO_CLIENT)
        return client, None


def issue_token(client: ApiClient) -> str:
    """A bearer of this app, good for `settings.TOKEN_SECONDS`."""
    claims = {"client_id": str(client.pk), "expires_at": int(time.time()) + settings.TOKEN_SECONDS}
    return signing.dumps(claims, salt=SALT)


def read_token(token: str) -> UUID:
    """The app a bearer was issued to. Raises `TokenRefused` with the contract's text."""
    try:
        claims = signing.loads(token, salt=SALT)
        client_id, expires_at = UUID(claims["client_id"]), int(claims["expires_at"])
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        raise TokenRefused(NO_CLIENT) from None
    if expires_at <= time.time():
        raise TokenRefused(EXPIRED)
    return client_id


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused(ABSENT)
    if len(token) > LONGEST_CREDENTIAL:
        raise TokenRefused(NO_CLIENT)
    return token.strip()


class _ApiClientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiClientAuthentication
    name = ["apiKey", "bearer"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        key = {"type": "apiKey", "in": "header", "name": "x-api-key"}
        return [key, {"type": "http", "scheme": "bearer", "bearerFormat": "signed"}]
