"""The OpenAPI 3.1 description at /schema, and Swagger UI on it at /docs, both served from our own host."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

PROBLEMS: Final = "ValidationProblems"
REFUSAL: Final = "Refusal"
GATEWAY: Final = "GatewayRefusal"

_UUID: Final = {"type": "string", "format": "uuid"}
COMPONENTS: Final[dict[str, Any]] = {
    PROBLEMS: {
        "type": "object",
        "description": "E1: the request does not fit; `details` names everything that is wrong at once.",
        "required": ["error", "details"],
        "properties": {
            "error": {"const": "Invalid request data"},
            "details": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["path", "message", "code"],
                    "properties": {
                        "path": {"type": "string", "examples": ["identifying_information.0.issuing_country"]},
                        "message": {"type": "string", "examples": ["Required"]},
                        "code": {"type": "string", "examples": ["invalid_type"]},
                    },
                },
            },
        },
    },
    REFUSAL: {
        "type": "object",
        "description": "E2: the request was understood and refused.",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "examples": ["not_found"]},
            "message": {"type": "string"},
        },
    },
    GATEWAY: {
        "type": "object",
        "description": "E3: the API key is absent, unknown or revoked.",
        "required": ["message"],
        "properties": {"message": {"const": "Forbidden"}},
    },
}
TOKEN_REFUSAL: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["message", "data"],
    "properties": {
        "message": {"const": "Invalid input data"},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "loc", "msg"],
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"type": "string"}},
                    "msg": {"type": "string"},
                },
            },
        },
    },
}

_EITHER: Final = (PROBLEMS, REFUSAL)
ALWAYS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "403": ("The API key, or the act, is refused", (GATEWAY, REFUSAL)),
    "429": ("Too many requests; see `Retry-After`", (REFUSAL,)),
    "500": ("A fault of ours", (REFUSAL,)),
    "503": ("Try again shortly", (REFUSAL,)),
}
WITH_BODY: Final = {
    "400": ("The request does not fit", _EITHER),
    "409": ("It collides with what is there", (REFUSAL,)),
    "413": ("The body is too large", (REFUSAL,)),
    "415": ("The body is of another type", (REFUSAL,)),
}
RATE_HEADERS: Final = {
    name: {"schema": {"type": "integer"}, "description": meaning}
    for name, meaning in {
        "RateLimit-Limit": "Requests per period.",
        "RateLimit-Remaining": "Requests left at once.",
        "RateLimit-Reset": "Seconds until all of them are there again.",
    }.items()
}

EVENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "user.created": (
        "An end user was taken in",
        {
            "user_id": _UUID,
            "type": {"enum": ["individual", "business"]},
            "email": {"type": "string"},
            "phone": {"type": "string"},
            "status": {"const": "CREATED"},
            "created_at": {"type": "string"},
            "verification_triggered": {"type": "boolean"},
        },
    ),
    "user.status_changed": (
        "The status moved",
        {"user_id": _UUID, "previous_status": {"type": "string"}, "new_status": {"type": "string"}},
    ),
    "user.verification.accepted": (
        "Verified",
        {
            "user_id": _UUID,
            "status": {"const": "VERIFIED"},
            "verified_fields": {"type": "array", "items": {"type": "string"}},
        },
    ),
    "user.rejection_reasons_added": (
        "Reasons of a rejection that came after the verdict",
        {
            "user_id": _UUID,
            "status": {"const": "REJECTED"},
            "reasons": {"type": "array", "items": {"type": "object"}},
        },
    ),
    "user.verification.failed": (
        "Rejected",
        {
            "user_id": _UUID,
            "status": {"const": "REJECTED"},
            "reasons": {"type": "array", "items": {"type": "object"}},
        },
    ),
}


SUMMARIES: Final = {
    "createToken": "Get a bearer token",
    "createUser": "Take in an end user",
    "listUsers": "List end users",
    "getUser": "Read an end user",
    "updateUser": "Change what was declared",
    "deleteUser": "Close for good, where the partner can",
    "suspendUser": "Stop serving, where the partner can",
    "unsuspendUser": "Serve again, where the partner can",
    "listVerifications": "List verification sessions",
    "createVerification": "Open a verification session",
    "getRequirements": "What is missing, by partner and product",
    "listDocuments": "List documents",
    "createDocument": "Add a document",
    "listAssociatedPersons": "List the people behind a business",
    "createAssociatedPerson": "Add a person",
    "getAssociatedPerson": "Read a person",
    "updateAssociatedPerson": "Change a person",
    "deleteAssociatedPerson": "Take a person out",
    "listEvents": "Read the feed from a cursor",
    "listUserEvents": "Read the feed of one end user",
    "listWebhookEndpoints": "List endpoints",
    "createWebhookEndpoint": "Add an endpoint",
    "getWebhookEndpoint": "Read an endpoint",
    "updateWebhookEndpoint": "Change an endpoint",
    "deleteWebhookEndpoint": "Remove an endpoint",
    "rotateWebhookSecret": "Make a new secret; the old one lives on for a while",
    "enableWebhookEndpoint": "Deliver again",
    "disableWebhookEndpoint": "Deliver no more",
    "testWebhookEndpoint": "Send a test call now",
    "listWebhookDeliveries": "The log of deliveries",
    "resendWebhookDelivery": "Send once more",
    "registerWebhook": "Register the one endpoint of the older contract",
}


class IntakeSchema(AutoSchema):
    """Adds to every operation a line about it, and the refusals it may answer with."""

    def get_summary(self) -> str | None:
        summary: str | None = super().get_summary()
        return summary or SUMMARIES.get(self.get_operation_id())

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            _add_refusals(operation, self.path)
        return operation


class SchemaView(SpectacularAPIView):
    """JSON unless YAML is asked for."""

    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI; its script is a request of its own, so no inline script is needed."""

    url_name = "schema"
    http_method_names = ["get", "head"]

    def handle_exception(self, exc: Exception) -> Response:
        """A refusal is JSON like any other; there is no page to show it on."""
        response: Response = super().handle_exception(exc)
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return response


def finish(result: Any, generator: Any, request: Any, public: bool) -> Any:
    """Post-processing hook: the envelopes, our webhooks, and unions that may overlap."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(COMPONENTS)
    for name, schema in schemas.items():
        if name.startswith(("AmendUser", "CreateVerification")) and "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
    result["webhooks"] = {name: {"post": _webhook(name)} for name in EVENTS}
    return result


def _add_refusals(operation: dict[str, Any], path: str) -> None:
    responses = operation["responses"]
    for answer in responses.values():
        answer.setdefault("headers", {}).update(RATE_HEADERS)
    refusals: dict[str, tuple[str, tuple[str, ...]]] = dict(ALWAYS)
    if path != "/auth":
        refusals["401"] = ("The bearer is absent, bad or expired", (REFUSAL,))
    if "requestBody" in operation or "{" in path or operation.get("parameters"):
        refusals |= WITH_BODY if "requestBody" in operation else {"400": WITH_BODY["400"]}
    if path == "/auth":
        del refusals["400"], refusals["409"]
    if "{" in path:
        refusals["404"] = ("Unknown, or of another app", (REFUSAL,))
        refusals["409"] = WITH_BODY["409"]
    for status, (description, names) in sorted(refusals.items()):
        responses.setdefault(status, _refusal(description, names))


def _refusal(description: str, names: tuple[str, ...]) -> dict[str, Any]:
    references = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _webhook(name: str) -> Mapping[str, Any]:
    summary, members = EVENTS[name]
    data = {"event_id": _UUID, **members}
    return {
        "operationId": f"on.{name}",
        "summary": summary,
        "description": "Signed by the Standard Webhooks scheme; `data.event_id` never repeats.",
        "parameters": [
            {"name": header, "in": "header", "required": True, "schema": {"type": "string"}}
            for header in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["event", "data"],
                        "properties": {
                            "event": {"const": name},
                            "data": {"type": "object", "required": list(data), "properties": data},
                        },
                    }
                }
            },
        },
        "responses": {"200": {"description": "Any 2xx ends the delivery; anything else is tried again."}},
    }
