from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok")


urlpatterns = [path("healthz", healthz), path("stripe/", include("djstripe.urls", namespace="djstripe"))]
