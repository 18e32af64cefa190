from webhooks.models.inbound import WebhookEvent, WebhookRejection
from webhooks.models.outbound import Delivery, DeliveryAttempt, EndpointSecret, WebhookEndpoint

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "EndpointSecret",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookRejection",
]
