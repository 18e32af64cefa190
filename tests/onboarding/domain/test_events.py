import threading

import pytest
from django.db import connection, transaction

from onboarding.domain import events
from onboarding.enums import EventName, ReviewPolicy
from onboarding.models import ApiClient, Event
from tests.onboarding.factories import NOON, make_client, register


def _put(client: ApiClient) -> Event:
    return events.put(client=client, end_user=None, name=EventName.ENDPOINT_TEST, data={}, at=NOON)


@pytest.mark.django_db
def test_the_feed_hands_out_events_in_order_and_only_once() -> None:
    client = make_client()
    put = [_put(client) for _ in range(5)]
    first = events.feed(client=client, after=0, limit=3)
    rest = events.feed(client=client, after=first[-1].position or 0, limit=10)
    assert {event.pk for event in first + rest} == {event.pk for event in put}
    assert [event.position for event in first + rest] == [1, 2, 3, 4, 5]


@pytest.mark.django_db
def test_an_app_never_sees_the_events_of_another() -> None:
    client, other = make_client(), make_client()
    _put(other)
    assert events.feed(client=client, after=0, limit=10) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_cursor_never_jumps_over_an_event_that_was_slow_to_commit() -> None:
    client = make_client()
    written, go = threading.Event(), threading.Event()
    slow: list[Event] = []

    def commit_late() -> None:
        with transaction.atomic():
            slow.append(_put(client))
            written.set()
            go.wait(10)
        connection.close()

    thread = threading.Thread(target=commit_late)
    thread.start()
    written.wait(10)
    quick = _put(client)
    seen = events.feed(client=client, after=0, limit=10)
    assert [event.pk for event in seen] == [quick.pk]
    go.set()
    thread.join()
    later = events.feed(client=client, after=seen[-1].position or 0, limit=10)
    assert [event.pk for event in later] == [slow[0].pk]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_readers_and_writers_at_once_leave_neither_gap_nor_double() -> None:
    client = make_client()
    seen: list[int] = []

    def write() -> None:
        for _ in range(25):
            _put(client)
        connection.close()

    def read() -> None:
        for _ in range(40):
            events.assign_positions(client=client)
        connection.close()

    threads = [threading.Thread(target=target) for target in (write, write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [event.position or 0 for event in events.feed(client=client, after=0, limit=100)]
    assert seen == list(range(1, 51))


@pytest.mark.django_db
def test_a_held_end_user_is_told_as_created_before_it_is_told_as_in_review() -> None:
    client = make_client(review_policy=ReviewPolicy.REVIEW_FIRST)
    register(client=client)
    names = [event.name for event in events.feed(client=client, after=0, limit=10)]
    assert names == ["user.created", "user.status_changed"]
