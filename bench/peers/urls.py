from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.peers import drf, floors


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok")


floor_paths = [
    path("ingest", floors.ingest),
    path("document", floors.digest),
    path("hook", floors.hook),
]
drf_paths = [
    path("ingest", drf.Users.as_view()),
    path("document", drf.UsersWithDocuments.as_view()),
]
urlpatterns = [path("healthz", healthz), *(floor_paths if settings.IS_FLOOR else drf_paths)]
