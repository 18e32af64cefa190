"""The least that can be done in a Django view: one statement, no validation, no duties. Nobody should beat these."""

import hashlib
import hmac
import json
import uuid

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

TOLD = (
    "type", "external_id", "first_name", "middle_name", "last_name", "email", "phone", "birth_date", "nationality",
    "gender", "address_street", "address_city", "address_state", "address_zip_code", "address_country",
    "document_type", "document_number", "document_country", "pep_status", "source_of_funds", "account_purpose",
    "employment_status", "current_employer", "occupation",
)  # fmt: skip

# Four tables, one statement, one commit. Names are ours, values travel as parameters.
INGEST = f"""
WITH kept AS (
    INSERT INTO peers_key (value, body_sha256, target_id, created_at)
    VALUES (%(key)s, %(sha256)s, %(id)s, %(at)s) ON CONFLICT (value) DO NOTHING RETURNING target_id
), person AS (
    INSERT INTO peers_user (id, metadata, created_at, {", ".join(TOLD)})
    SELECT target_id, %(metadata)s::jsonb, %(at)s, {", ".join(f"%({name})s" for name in TOLD)} FROM kept RETURNING id
), told AS (
    INSERT INTO peers_outbox (user_id, name, data, created_at)
    SELECT id, 'user.created', %(event)s::jsonb, %(at)s FROM person
), noted AS (
    INSERT INTO peers_audit (user_id, action, data, at)
    SELECT id, 'user.created', '{{}}'::jsonb, %(at)s FROM person
)
SELECT id FROM person
"""  # noqa: S608

HOOK = """
INSERT INTO peers_hook (event_id, body, received_at) VALUES (%s, %s, %s) ON CONFLICT (event_id) DO NOTHING
"""


def ingest(request: HttpRequest) -> HttpResponse:
    body = request.body
    told = json.loads(body)
    identity = uuid.uuid4()
    values = {
        **{name: told[name] for name in TOLD},
        "id": identity,
        "key": request.headers["idempotency-key"],
        "sha256": hashlib.sha256(body).hexdigest(),
        "metadata": json.dumps(told["metadata"]),
        "event": json.dumps({"user_id": str(identity), "email": told["email"], "status": "CREATED"}),
        "at": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(INGEST, values)
        is_new = cursor.fetchone() is not None
    return JsonResponse({"id": str(identity)}, status=201 if is_new else 200)


def digest(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"sha256": hashlib.sha256(request.body).hexdigest()}, status=201)


def hook(request: HttpRequest) -> HttpResponse:
    body = request.body
    expected = hmac.new(settings.WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-signature-sha256", "")):
        return HttpResponse(status=401)
    event_id = json.loads(body)["data"]["event_id"]
    with connection.cursor() as cursor:
        cursor.execute(HOOK, [event_id, body.decode(), timezone.now()])
    return HttpResponse(b"{}", content_type="application/json")
