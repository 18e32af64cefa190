"""The door for partners' webhooks: no session, no token, one statement, and no word about what is behind it."""

import logging
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse, RawPostDataException
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from onboarding.api.parsing import ServerStream
from onboarding.enums import Partner
from onboarding.partners.base import EventUnreadable, SignatureRefused
from webhooks import inbox, rejections
from webhooks.enums import RejectionReason
from webhooks.inbox import Arrival

logger = logging.getLogger(__name__)

PARTNERS = {partner.slug: partner for partner in Partner}


@csrf_exempt
def receive(request: HttpRequest, slug: str) -> JsonResponse:
    """POST /hooks/<partner>/: 200 once the message is kept, duplicates included; 5xx asks the partner to repeat it."""
    partner = PARTNERS.get(slug)
    if partner is None:
        return _refusal(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address")
    if request.method != "POST":
        response = _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Only POST is answered here")
        response.headers["Allow"] = "POST"
        return response
    if _announced_size(request) > settings.WEBHOOK_MAX_BODY_BYTES:
        rejections.count(partner=partner, reason=RejectionReason.TOO_LARGE, at=timezone.now())
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", "The message is too large")
    try:
        body = _body_of(request)
    except (OSError, RawPostDataException):
        return _refusal(HTTPStatus.BAD_REQUEST, "validation_error", "The message was cut off")
    if len(body) > settings.WEBHOOK_MAX_BODY_BYTES:
        rejections.count(partner=partner, reason=RejectionReason.TOO_LARGE, at=timezone.now())
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", "The message is too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return _answer(partner, headers, body)


def _answer(partner: Partner, headers: dict[str, str], body: bytes) -> JsonResponse:
    try:
        arrival = inbox.receive(partner=partner, headers=headers, body=body, at=timezone.now())
    except SignatureRefused:
        return _refusal(HTTPStatus.UNAUTHORIZED, "unauthorized", "The signature is missing or wrong")
    except EventUnreadable:
        return _refusal(HTTPStatus.BAD_REQUEST, "validation_error", "The message cannot be read")
    except DatabaseError as error:
        logger.error("a webhook could not be kept", extra={"error": type(error).__name__})
        return _refusal(
            HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The message could not be kept: send it again"
        )
    if arrival is Arrival.ALTERED:
        return _refusal(HTTPStatus.CONFLICT, "resource_conflict", "This id was received with another body")
    return JsonResponse({"received": True})


def _body_of(request: HttpRequest) -> bytes:
    """The bytes as they came. Django itself reads only bodies that announce their length; servers end chunked ones."""
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if is_chunked and request.META.get("wsgi.input_terminated"):
        left, pieces = settings.WEBHOOK_MAX_BODY_BYTES + 1, []
        stream = ServerStream(request.META["wsgi.input"])
        while left > 0 and (piece := stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    return request.body


def _announced_size(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _refusal(status: HTTPStatus, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)
