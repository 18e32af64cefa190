"""What every answer carries: a request id, a content security policy, and one line in the log."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

from config.logs import request_id, shown_path

access_log = logging.getLogger("vouch.access")

SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
COMMON = "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
POLICIES = (
    # Alpine, which the admin's look needs, evaluates expressions; see docs/settings.md.
    (
        "/admin",
        "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; font-src 'self' data:; {COMMON}",
    ),
    (
        "/docs",
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self' data:; {COMMON}",
    ),
)
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
SORRY = "Something went wrong. The log has the details under this answer's X-Request-Id."

Handler = Callable[[HttpRequest], HttpResponseBase]


class RequestMiddleware:
    """Outermost of ours: accepts or makes the X-Request-Id, caps the body, adds headers, writes the access line.

    The access line holds the path without its query string and without words of the caller's choice. A view may set
    its own Content-Security-Policy or Cache-Control; everything else is not to be cached and may load nothing.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        identity = given if SANE_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(identity)
        started = time.perf_counter()
        try:
            response = _too_large(request) or self.get_response(request)
            _add_headers(request, response, identity)
            access_log.log(
                logging.DEBUG if request.path in PROBES else logging.INFO,
                "%s %s %s",
                request.method,
                shown_path(request, status=response.status_code),
                response.status_code,
                extra={"milliseconds": round((time.perf_counter() - started) * 1000, 1)},
            )
            return response
        finally:
            request_id.reset(token)


class QuietReporter(ExceptionReporter):
    """Keeps Django's debug page, with its values of local variables, from whoever caused the error."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(f"<!doctype html><title>Error</title><p>{SORRY}</p>")  # noqa: S308 - a constant

    def get_traceback_text(self) -> SafeString:
        return mark_safe(SORRY)  # noqa: S308 - a constant


def _add_headers(request: HttpRequest, response: HttpResponseBase, identity: str) -> None:
    policy = next((policy for prefix, policy in POLICIES if request.path.startswith(prefix)), NOTHING)
    response.headers["X-Request-Id"] = identity
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")


def _too_large(request: HttpRequest) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and len(length) < 20 and int(length) <= settings.MAX_REQUEST_BYTES:
        return None
    message = f"The request body may have at most {settings.MAX_REQUEST_BYTES} bytes"
    return JsonResponse({"code": "payload_too_large", "message": message}, status=413)
