"""Every path of the product."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from config import health
from onboarding.api.urls import unknown_routes
from webhooks.metrics import metrics


def home(request: HttpRequest) -> HttpResponse:
    """People who arrive at the bare host want the back office."""
    return redirect("admin:index")


def not_found(request: HttpRequest, *args: object, **kwargs: object) -> JsonResponse:
    return JsonResponse({"code": "not_found", "message": "There is nothing at this address"}, status=404)


def failed(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"code": "internal_error", "message": "An unexpected error occurred"}, status=500)


def refused(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return JsonResponse({"code": "validation_error", "message": "The request cannot be read"}, status=400)


handler400 = refused
handler404 = not_found
handler500 = failed

urlpatterns = [
    path("", home, name="home"),
    path("admin", home),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", include("webhooks.urls")),
    path("", include("onboarding.api.urls")),
    *unknown_routes,
    re_path(r"", csrf_exempt(not_found)),
]
