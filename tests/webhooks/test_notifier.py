"""Fanning out and the lanes: every event once to every listener, and nobody waits for a dead endpoint."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import connections, transaction
from django.utils import timezone
from pytest_django import Settings

from onboarding.domain import api_clients, events
from onboarding.domain.audit import SYSTEM
from onboarding.enums import EventName, Partner
from onboarding.models import ApiClient, Event
from tests.webhooks.receivers import Receiver, Silent
from webhooks import endpoints, notifier
from webhooks.enums import DisabledReason
from webhooks.models import Delivery, WebhookEndpoint

Start = Callable[..., Receiver]
EndpointAt = Callable[..., WebhookEndpoint]

pytestmark = pytest.mark.django_db


def tell(client: ApiClient, name: EventName = EventName.USER_CREATED, number: int = 0) -> Event:
    return events.put(client=client, end_user=None, name=name, data={"number": number}, at=timezone.now())


def in_threads(count: int, work: Callable[[], object]) -> None:
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_every_event_reaches_the_listeners_of_its_app_that_want_it(
    client_app: ApiClient, endpoint_at: EndpointAt
) -> None:
    stranger = api_clients.create(
        name="Other", partners=[Partner.KIRA], actor=SYSTEM, at=timezone.now()
    ).client
    everything = endpoint_at("http://127.0.0.1:8001/")
    created = endpoint_at("http://127.0.0.1:8002/", events=("user.created",))
    disabled = endpoint_at("http://127.0.0.1:8003/")
    removed = endpoint_at("http://127.0.0.1:8004/")
    endpoint_at("http://127.0.0.1:8005/", client=stranger)
    endpoints.disable(endpoint=disabled, reason=DisabledReason.REQUESTED, actor=SYSTEM, at=timezone.now())
    endpoints.remove(endpoint=removed, actor=SYSTEM, at=timezone.now())
    first = tell(client_app)
    second = tell(client_app, EventName.VERIFICATION_ACCEPTED)

    assert notifier.fan_out() == 2
    assert notifier.fan_out() == 0

    pairs = set(Delivery.objects.values_list("event", "endpoint"))
    assert pairs == {(first.pk, everything.pk), (first.pk, created.pk), (second.pk, everything.pk)}
    assert set(Event.objects.values_list("position", flat=True)) == {1, 2}


def test_more_events_than_a_batch_are_all_fanned_out_in_one_go(
    client_app: ApiClient, endpoint_at: EndpointAt
) -> None:
    endpoint_at("http://127.0.0.1:8001/")
    count = notifier.BATCH * 2 + 3
    Event.objects.bulk_create(
        Event(client=client_app, name=EventName.USER_CREATED, data={"number": n}) for n in range(count)
    )

    assert notifier.fan_out() == count
    assert Delivery.objects.count() == count


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_who_fan_out_at_once_make_each_delivery_once(
    client_app: ApiClient, endpoint_at: EndpointAt
) -> None:
    for port in (8001, 8002):
        endpoint_at(f"http://127.0.0.1:{port}/")
    for number in range(300):
        tell(client_app, number=number)

    in_threads(6, notifier.fan_out)
    notifier.fan_out()

    assert Delivery.objects.count() == 600
    assert set(Event.objects.values_list("position", flat=True)) == set(range(1, 301))
    assert not Event.objects.filter(is_fanned_out=False).exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_not_missed(client_app: ApiClient, endpoint_at: EndpointAt) -> None:
    endpoint_at("http://127.0.0.1:8001/")
    written, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                tell(client_app, number=1)
                written.set()
                may_commit.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    written.wait(10)
    tell(client_app, number=2)
    assert notifier.fan_out() == 1
    may_commit.set()
    thread.join()

    assert notifier.fan_out() == 1
    assert Delivery.objects.count() == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_crews_in_parallel_send_each_delivery_once_and_one_endpoint_one_at_a_time(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    now_in, most, lock = Counter[str](), Counter[str](), threading.Lock()

    def counting(handler: BaseHTTPRequestHandler) -> None:
        key = str(handler.server.server_address)
        with lock:
            now_in[key] += 1
            most[key] = max(most[key], now_in[key])
        time.sleep(0.01)
        with lock:
            now_in[key] -= 1
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    servers = [receiver(counting) for _ in range(4)]
    for server in servers:
        endpoint_at(server.url)
    for number in range(25):
        tell(client_app, number=number)

    in_threads(2, lambda: notifier.deliver_due(seconds=30, threads=4))

    for server in servers:
        numbers = [json.loads(each.body)["data"]["number"] for each in server.received]
        assert numbers == list(range(25))
    assert set(most.values()) == {1}
    assert set(Delivery.objects.values_list("outcome", flat=True)) == {"DELIVERED"}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_dead_endpoint_with_a_backlog_does_not_delay_the_others(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt, settings: Settings
) -> None:
    settings.WEBHOOK_TOTAL_SECONDS = 4
    dead = Silent()
    endpoint_at(dead.url)
    servers = [receiver() for _ in range(20)]
    for server in servers:
        endpoint_at(server.url)
    for number in range(10):
        tell(client_app, number=number)
    started = time.monotonic()

    notifier.deliver_due(seconds=30, threads=4)

    latest = max(server.received[-1].at for server in servers)
    dead.close()
    assert {len(server.received) for server in servers} == {10}
    assert latest - started < 4
    assert Delivery.objects.filter(outcome="DELIVERED").count() == 200
    assert Delivery.objects.exclude(outcome="DELIVERED").filter(attempts__gt=0).count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_events_that_arrive_while_another_endpoint_hangs_are_sent_meanwhile(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt, settings: Settings
) -> None:
    settings.WEBHOOK_TOTAL_SECONDS = 3
    dead, server = Silent(), receiver()
    endpoint_at(dead.url, events=("user.created",))
    endpoint_at(server.url, events=("user.status_changed",))
    tell(client_app)
    crew = threading.Thread(target=in_threads, args=(1, lambda: notifier.deliver_due(seconds=30, threads=4)))
    started = time.monotonic()
    crew.start()
    time.sleep(0.5)
    tell(client_app, EventName.USER_STATUS_CHANGED)
    crew.join()

    dead.close()
    assert server.received[0].at - started < 2


def test_a_failing_endpoint_rests_longer_and_longer_up_to_a_minute(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    endpoint = endpoint_at(receiver(500).url)
    rests = []
    for number in range(8):
        tell(client_app, number=number)
        notifier.deliver_due(seconds=5, threads=1)
        endpoint.refresh_from_db()
        assert endpoint.not_before is not None
        rests.append(round((endpoint.not_before - timezone.now()).total_seconds()))
        WebhookEndpoint.objects.update(not_before=None)
        Delivery.objects.filter(attempts__gt=0).update(due_at=timezone.now() + timedelta(days=1))

    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_switched_off_app_is_sent_nothing(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver()
    endpoint_at(server.url)
    tell(client_app)
    ApiClient.objects.update(is_active=False)

    assert notifier.deliver_due(seconds=5, threads=1) == 0
    assert server.received == []


def test_looking_for_work_costs_the_same_whatever_has_been_delivered(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt, django_assert_num_queries: object
) -> None:
    endpoint_at(receiver().url)
    for number in range(3):
        tell(client_app, number=number)
    notifier.deliver_due(seconds=5, threads=1)

    with django_assert_num_queries(2):  # type: ignore[operator]
        assert notifier.deliver_due(seconds=5, threads=1) == 0
