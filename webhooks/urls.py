"""Partners' doors, and the addresses for product apps."""

from django.urls import path

from webhooks import api, views

ENDPOINT = "v1/webhook-endpoints/<str:endpoint_id>"

urlpatterns = [
    path("hooks/<slug:slug>", views.receive),
    path("hooks/<slug:slug>/", views.receive, name="partner-hook"),
    path("webhooks/register", api.Register.as_view(), name="webhook-register"),
    path("v1/webhook-endpoints", api.Endpoints.as_view(), name="webhook-endpoints"),
    path(ENDPOINT, api.OneEndpoint.as_view(), name="webhook-endpoint"),
    path(f"{ENDPOINT}/secrets", api.Secrets.as_view(), name="webhook-endpoint-secrets"),
    path(f"{ENDPOINT}/enable", api.Enable.as_view(), name="webhook-endpoint-enable"),
    path(f"{ENDPOINT}/disable", api.Disable.as_view(), name="webhook-endpoint-disable"),
    path(f"{ENDPOINT}/test", api.Test.as_view(), name="webhook-endpoint-test"),
    path(f"{ENDPOINT}/deliveries", api.Deliveries.as_view(), name="webhook-deliveries"),
    path(
        f"{ENDPOINT}/deliveries/<str:delivery_id>/resend",
        api.Resend.as_view(),
        name="webhook-delivery-resend",
    ),
]
