"""Product apps look after their webhook endpoints."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import InvalidData, NotFound, Problem
from onboarding.api.parsing import read_json
from onboarding.api.views import IntakeView, path_uuid
from onboarding.domain.audit import Actor
from onboarding.enums import EventName
from webhooks import deliveries, endpoints
from webhooks.enums import DeliveryOutcome, DisabledReason
from webhooks.models import Delivery, WebhookEndpoint
from webhooks.serializers import (
    DeliveryBody,
    DeliveryPage,
    EndpointBody,
    EndpointChange,
    EndpointDeclaration,
    EndpointPage,
    EndpointWithSecret,
    Registration,
    RegistrationDone,
    SecretDeclaration,
    TestResult,
)

PAGING = [
    OpenApiParameter("limit", int, description="1 to 100, default 10"),
    OpenApiParameter("offset", int, description="default 0"),
]
LARGEST_OFFSET = 10**9


class EndpointView(IntakeView):
    """Base of the addresses below one endpoint."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    @property
    def actor(self) -> Actor:
        return Actor.app(self.client)

    def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """The app's endpoint of this id. Raises `InvalidData` for a malformed id, `NotFound` for any other."""
        return endpoints.endpoint_of(self.client, path_uuid(endpoint_id, path="endpointId"))


class Endpoints(EndpointView):
    @extend_schema(
        operation_id="listWebhookEndpoints",
        tags=["Webhook endpoints"],
        parameters=PAGING,
        responses=EndpointPage,
    )
    def get(self, request: Request) -> Response:
        """The app's endpoints, newest first."""
        return _page(request, endpoints.endpoints_of(self.client), EndpointBody)

    @extend_schema(
        operation_id="createWebhookEndpoint",
        tags=["Webhook endpoints"],
        request=EndpointDeclaration,
        responses={201: EndpointWithSecret},
    )
    def post(self, request: Request) -> Response:
        """Make an endpoint. Its secret is shown in this answer and never again."""
        body = EndpointDeclaration().run_validation(read_json(request))
        registered = endpoints.register(
            client=self.client,
            url=body["url"],
            secret=body.get("secret"),
            events=body.get("events") or [],
            actor=self.actor,
            at=timezone.now(),
        )
        return _with_secret(registered)


class OneEndpoint(EndpointView):
    @extend_schema(operation_id="getWebhookEndpoint", tags=["Webhook endpoints"], responses=EndpointBody)
    def get(self, request: Request, endpoint_id: str) -> Response:
        """One endpoint."""
        return Response(EndpointBody(self.endpoint(endpoint_id)).data)

    @extend_schema(
        operation_id="updateWebhookEndpoint",
        tags=["Webhook endpoints"],
        request=EndpointChange,
        responses=EndpointBody,
    )
    def patch(self, request: Request, endpoint_id: str) -> Response:
        """Change the address or the wanted events; what is not sent stays."""
        endpoint = self.endpoint(endpoint_id)
        body = EndpointChange().run_validation(read_json(request))
        events = (body["events"] or []) if "events" in body else None
        endpoints.change(
            endpoint=endpoint, url=body.get("url"), events=events, actor=self.actor, at=timezone.now()
        )
        return Response(EndpointBody(endpoint).data)

    @extend_schema(operation_id="deleteWebhookEndpoint", tags=["Webhook endpoints"], responses={204: None})
    def delete(self, request: Request, endpoint_id: str) -> Response:
        """Take the endpoint away. What was still to be sent is not sent."""
        endpoints.remove(endpoint=self.endpoint(endpoint_id), actor=self.actor, at=timezone.now())
        return Response(status=204)


class Secrets(EndpointView):
    @extend_schema(
        operation_id="rotateWebhookSecret",
        tags=["Webhook endpoints"],
        request=SecretDeclaration,
        responses={201: EndpointWithSecret},
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Give the endpoint a new secret. The old ones go on signing beside it for a while."""
        endpoint = self.endpoint(endpoint_id)
        sent = read_json(request) if _has_body(request) else {}
        body = SecretDeclaration().run_validation(sent)
        registered = endpoints.rotate_secret(
            endpoint=endpoint, secret=body.get("secret"), actor=self.actor, at=timezone.now()
        )
        return _with_secret(registered)


class Enable(EndpointView):
    @extend_schema(
        operation_id="enableWebhookEndpoint", tags=["Webhook endpoints"], request=None, responses=EndpointBody
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send to a disabled endpoint again, beginning with what had to wait."""
        endpoint = self.endpoint(endpoint_id)
        endpoints.enable(endpoint=endpoint, actor=self.actor, at=timezone.now())
        return Response(EndpointBody(endpoint).data)


class Disable(EndpointView):
    @extend_schema(
        operation_id="disableWebhookEndpoint",
        tags=["Webhook endpoints"],
        request=None,
        responses=EndpointBody,
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Stop sending to the endpoint until it is enabled."""
        endpoint = self.endpoint(endpoint_id)
        endpoints.disable(
            endpoint=endpoint, reason=DisabledReason.REQUESTED, actor=self.actor, at=timezone.now()
        )
        return Response(EndpointBody(endpoint).data)


class Test(EndpointView):
    @extend_schema(
        operation_id="testWebhookEndpoint", tags=["Webhook endpoints"], request=None, responses=TestResult
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send a test event to this endpoint now, once, and answer with what came of it."""
        delivery = deliveries.send_test(endpoint=self.endpoint(endpoint_id), at=timezone.now())
        result = {
            "delivered": delivery.outcome == DeliveryOutcome.DELIVERED,
            "event_id": delivery.event_id,
            "attempt": delivery.tries.first(),
        }
        return Response(TestResult(result).data)


class Deliveries(EndpointView):
    @extend_schema(
        operation_id="listWebhookDeliveries",
        tags=["Webhook endpoints"],
        parameters=[
            *PAGING,
            OpenApiParameter("outcome", str, enum=DeliveryOutcome.values),
            OpenApiParameter("event", str, enum=EventName.values),
            OpenApiParameter("event_id", UUID),
        ],
        responses=DeliveryPage,
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """What was sent, or is to be sent, to this endpoint, newest first."""
        log = Delivery.objects.filter(endpoint=self.endpoint(endpoint_id))
        log = log.select_related("event").prefetch_related("tries")
        outcome = _choice(request, "outcome", DeliveryOutcome.values)
        event = _choice(request, "event", EventName.values)
        event_id = request.query_params.get("event_id")
        if outcome:
            log = log.filter(outcome=outcome)
        if event:
            log = log.filter(event__name=event)
        if event_id:
            log = log.filter(event=path_uuid(event_id, path="event_id"))
        return _page(request, log, DeliveryBody)


class Resend(EndpointView):
    @extend_schema(
        operation_id="resendWebhookDelivery",
        tags=["Webhook endpoints"],
        request=None,
        responses={202: DeliveryBody},
    )
    def post(self, request: Request, endpoint_id: str, delivery_id: str) -> Response:
        """Send an event to this endpoint again, under its old id, with a fresh schedule of retries."""
        endpoint = self.endpoint(endpoint_id)
        pk = path_uuid(delivery_id, path="deliveryId")
        delivery = (
            Delivery.objects.select_related("event", "endpoint").filter(endpoint=endpoint, pk=pk).first()
        )
        if delivery is None:
            raise NotFound(f"Delivery with ID {pk} not found")
        deliveries.resend(delivery=delivery, at=timezone.now())
        return Response(DeliveryBody(delivery).data, status=202)


# --- The contract's own registration ----------------------------------------------------------------


class Register(EndpointView):
    """`POST /webhooks/register`, with the error shape of that route (partner contract Kira, 1.7 E5 and 7.1)."""

    @extend_schema(
        operation_id="registerWebhook",
        tags=["Webhook endpoints"],
        request=Registration,
        responses=RegistrationDone,
    )
    def post(self, request: Request) -> Response:
        """Make the app's one registered endpoint, or replace its address and secret."""
        try:
            url, secret = self._read(read_json(request))
            endpoints.register_by_contract(
                client=self.client, url=url, secret=secret, actor=self.actor, at=timezone.now()
            )
        except InvalidData as error:
            return Response(_python_style(error.problems), status=400)
        return Response({"message": "Webhook registered successfully"})

    def _read(self, body: Any) -> tuple[str, str]:
        if not isinstance(body, dict):
            raise InvalidData([Problem("body", "Input should be a valid dictionary", "dict_type")])
        problems = []
        for name in ("webhook_url", "secret", "client_uuid"):
            if name not in body:
                problems.append(Problem(name, "Field required", "missing"))
            elif not isinstance(body[name], str):
                problems.append(Problem(name, "Input should be a valid string", "string_type"))
        told = {problem.path for problem in problems}
        if "secret" not in told and len(body["secret"]) < endpoints.SHORTEST_SECRET:
            message = f"String should have at least {endpoints.SHORTEST_SECRET} characters"
            problems.append(Problem("secret", message, "string_too_short"))
        if "client_uuid" not in told and body["client_uuid"].lower() != str(self.client.pk):
            problems.append(
                Problem("client_uuid", "Value should be the client_id of the caller", "value_error")
            )
        if problems:
            raise InvalidData(problems)
        return body["webhook_url"], body["secret"]


def _python_style(problems: "list[Problem]") -> dict[str, Any]:
    kinds = {"custom": "value_error", "too_big": "string_too_long", "too_small": "string_too_short"}
    return {
        "message": "ERROR-V001: Validation Error",
        "data": [
            {"loc": problem.path, "msg": problem.message, "type": kinds.get(problem.code, problem.code)}
            for problem in problems
        ],
    }


# --- Small change ---------------------------------------------------------------------------------


def _with_secret(registered: endpoints.Registered) -> Response:
    body = {**EndpointBody(registered.endpoint).data, "secret": registered.secret}
    return Response(body, status=201)


def _has_body(request: Request) -> bool:
    return (request.META.get("CONTENT_LENGTH") or "0") != "0" or "HTTP_TRANSFER_ENCODING" in request.META


def _page(request: Request, rows: "QuerySet[Any]", body: Any) -> Response:
    limit = _number(request, "limit", default=10, smallest=1, largest=100)
    offset = _number(request, "offset", default=0, smallest=0, largest=LARGEST_OFFSET)
    total = rows.count()
    data = body(rows[offset : offset + limit], many=True).data
    pagination = {"total": total, "limit": limit, "offset": offset, "has_more": offset + len(data) < total}
    return Response({"data": data, "pagination": pagination})


def _number(request: Request, name: str, *, default: int, smallest: int, largest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise InvalidData([Problem(name, "Expected number, received string", "invalid_type")])
    number = int(text)
    if number < smallest:
        raise InvalidData([Problem(name, f"Number must be greater than or equal to {smallest}", "too_small")])
    if number > largest:
        raise InvalidData([Problem(name, f"Number must be less than or equal to {largest}", "too_big")])
    return number


def _choice(request: Request, name: str, allowed: "list[str]") -> str | None:
    word = request.query_params.get(name)
    if word is not None and word not in allowed:
        listed = " | ".join(f"'{each}'" for each in allowed)
        raise InvalidData([Problem(name, f"Invalid enum value. Expected {listed}", "invalid_enum_value")])
    return word
