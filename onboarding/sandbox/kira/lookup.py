"""The first two steps of most calls: the body as an object, and the user that the path names."""

from onboarding.sandbox.kira.answers import Issue, coded, invalid
from onboarding.sandbox.kira.lifecycle import USERS, Lifecycle
from onboarding.sandbox.kira.schema import UUID, json_type
from onboarding.sandbox.state import JsonObject
from onboarding.sandbox.wire import MalformedBody, Request


def parsed(request: Request) -> JsonObject:
    """The body as an object; 400 E1 when it is none."""
    try:
        body = request.json()
    except MalformedBody:
        raise invalid([Issue("", "Malformed JSON in request body", "custom")]) from None
    if not isinstance(body, dict):
        raise invalid([Issue("", f"Expected object, received {json_type(body)}", "invalid_type")])
    return body


def own_user(lifecycle: Lifecycle, client_id: str, user_id: str) -> JsonObject:
    """A user of this client; 400 E1 for a malformed id, 404 for anybody else's."""
    if not UUID.fullmatch(user_id):
        raise invalid([Issue("userId", "Invalid uuid", "invalid_string")])
    user = lifecycle.store.get(USERS, user_id.lower())
    if user is None or user["client_id"] != client_id:
        raise coded(404, "not_found", f"User with ID {user_id} not found")
    return user
