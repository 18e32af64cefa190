"""What the benchmarks send, and how they read what came back."""

import hashlib
import hmac
import io
import json
from itertools import islice

import pytest
from PIL import Image

from bench import bodies, wrk
from bench.peers.databases import database
from bench.sender import LargeBody
from bench.wrk import Burst, MeasurementFailed
from config.env import Environment
from documents import files

RESULT = (
    'RESULT {"sent": 12, "answered": 11, "seconds": 2.0, "p50": 1.5, "p99": 9.0, '
    '"statuses": {"201": 10, "500": 1}}'
)


def test_the_ingest_body_has_its_size_and_two_places_that_differ() -> None:
    text = bodies.ingest_body()
    assert len(text) == bodies.INGEST_BYTES
    assert json.loads(text)["external_id"].endswith(bodies.SLOT)
    assert text.count(bodies.SLOT) == 3


@pytest.mark.parametrize("size", [16 * 1024, 314_572])
def test_a_picture_has_exactly_its_size_and_passes_the_checks_of_the_vault(size: int) -> None:
    png = bodies.picture(size)
    assert len(png) == size
    assert files.inspect(png, declared="image/png").size == size
    Image.open(io.BytesIO(png)).verify()


def test_a_large_body_is_json_whatever_its_number() -> None:
    body = bodies.with_document(16 * 1024)
    texts = [b"".join(body.pieces(number)) for number in (1, 2)]
    assert [len(text) for text in texts] == [body.size, body.size]
    numbers = [json.loads(text)["identifying_information"][0]["number"] for text in texts]
    assert numbers == ["0000000001", "0000000002"]


def test_a_large_body_counts_its_pieces() -> None:
    assert LargeBody(b"ab", b"c").size == 13


def test_kira_events_are_signed_unique_and_of_one_size() -> None:
    events = list(islice(bodies.kira_events("secret"), 3))
    assert {len(body) for body, _ in events} == {bodies.EVENT_BYTES}
    assert len({json.loads(body)["data"]["event_id"] for body, _ in events}) == 3
    for body, headers in events:
        assert headers["x-signature-sha256"] == hmac.new(b"secret", body, hashlib.sha256).hexdigest()


def test_stripe_events_are_unique_and_of_the_same_size() -> None:
    events = list(islice(bodies.stripe_events("secret"), 3))
    assert {len(body) for body, _ in events} == {bodies.EVENT_BYTES}
    assert len({json.loads(body)["id"] for body, _ in events}) == 3


def test_a_request_goes_over_the_wire_as_http() -> None:
    raw = wrk.raw_post("/v1/users", b"{}", {"x-api-key": "k"})
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /v1/users HTTP/1.1"
    assert b"Content-Length: 2" in head.splitlines()
    assert b"x-api-key: k" in head.splitlines()
    assert body == b"{}"


def test_a_burst_counts_by_status_and_knows_what_was_lost() -> None:
    burst = wrk.read(f"wrk says more\n{RESULT}\n")
    assert burst == Burst(rate=5.5, p50=1.5, p99=9.0, sent=12, statuses={201: 10, 500: 1})
    assert (burst.count(201), burst.count(404), burst.lost) == (10, 0, 1)


def test_another_status_than_expected_is_no_measurement() -> None:
    with pytest.raises(MeasurementFailed, match="expected only 201"):
        wrk.read(RESULT).expect_only(201)


@pytest.mark.parametrize("output", ["", "RESULT {}", RESULT.replace('"answered": 11', '"answered": 0')])
def test_no_answer_is_no_measurement(output: str) -> None:
    with pytest.raises(MeasurementFailed, match="measured nothing"):
        wrk.read(output)


def test_the_peers_use_the_database_as_the_product_does() -> None:
    url = "postgres://somebody:secret@127.0.0.1:5432/name"
    ours = Environment({"DATABASE_URL": url}).database("DATABASE_URL", pool_size=10, timeout=30)
    assert database(url) == {name: ours[name] for name in database(url)}
