"""What product apps send and see about their webhook endpoints."""

from typing import Any

from rest_framework import serializers

from onboarding.api.serializers.answers import Pagination
from onboarding.api.serializers.base import Group
from onboarding.api.serializers.fields import Choice, RequiredText, Text, Words
from onboarding.enums import EventName
from webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint

LONGEST_URL = 2000


def _wanted_events() -> Words:
    return Words(
        child=Choice(EventName.values, required=True),
        limit=len(EventName.values),
        help_text="The events to be told; an empty list, or none, means all of them.",
    )


def _given_secret() -> Text:
    help_text = (
        "5 to 200 characters, used as their bytes, or `whsec_` and base64. Without it one is generated."
    )
    return Text(limit=200, allow_blank=False, help_text=help_text)


class EndpointDeclaration(Group):
    """Body of POST /v1/webhook-endpoints."""

    strict = True
    url = RequiredText(limit=LONGEST_URL)
    secret = _given_secret()
    events = _wanted_events()


class EndpointChange(Group):
    """Body of PATCH /v1/webhook-endpoints/{id}."""

    strict = True
    url = Text(limit=LONGEST_URL, allow_blank=False, allow_null=False)
    events = _wanted_events()


class SecretDeclaration(Group):
    """Body of POST /v1/webhook-endpoints/{id}/secrets."""

    strict = True
    secret = _given_secret()


class Registration(serializers.Serializer[Any]):
    """Body of POST /webhooks/register, for the description only; the view reads it in the contract's own words."""

    webhook_url = serializers.URLField(max_length=LONGEST_URL)
    secret = serializers.CharField(min_length=5, max_length=200)
    client_uuid = serializers.UUIDField(help_text="The same value as `client_id`.")


class RegistrationDone(serializers.Serializer[Any]):
    message = serializers.CharField()


class EndpointBody(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint, without its secrets."""

    events = serializers.ListField(child=serializers.ChoiceField(choices=EventName.choices))
    disabled_reason = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = (
            "id",
            "url",
            "events",
            "status",
            "disabled_reason",
            "disabled_at",
            "consecutive_failures",
            "failing_since",
            "last_success_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_disabled_reason(self, endpoint: WebhookEndpoint) -> str | None:
        return endpoint.disabled_reason or None


class EndpointWithSecret(EndpointBody):
    """An endpoint with the secret just given to it."""

    secret = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta:
        model = WebhookEndpoint
        fields = (*EndpointBody.Meta.fields, "secret")
        read_only_fields = fields


class AttemptBody(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ("number", "started_at", "finished_at", "result", "http_status", "milliseconds")
        read_only_fields = fields


class DeliveryBody(serializers.ModelSerializer[Delivery]):
    """An event on its way to an endpoint, with every attempt."""

    event = serializers.CharField(source="event.name")
    event_id = serializers.UUIDField(source="event.pk")
    next_attempt_at = serializers.SerializerMethodField()
    attempts = AttemptBody(source="tries", many=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "event",
            "event_id",
            "outcome",
            "created_at",
            "finished_at",
            "next_attempt_at",
            "last_error",
            "attempts",
        )
        read_only_fields = fields

    def get_next_attempt_at(self, delivery: Delivery) -> Any:
        due = delivery.due_at if delivery.finished_at is None else None
        return serializers.DateTimeField().to_representation(due) if due else None


class TestResult(serializers.Serializer[Any]):
    """What came of a test call."""

    delivered = serializers.BooleanField()
    event_id = serializers.UUIDField()
    attempt = AttemptBody(allow_null=True)


class EndpointPage(serializers.Serializer[Any]):
    data = EndpointBody(many=True)  # type: ignore[assignment]
    pagination = Pagination()


class DeliveryPage(serializers.Serializer[Any]):
    data = DeliveryBody(many=True)  # type: ignore[assignment]
    pagination = Pagination()
