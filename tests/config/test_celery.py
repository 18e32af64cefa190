import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from kombu.connection import Connection
from pytest_django import Settings

from config import celery
from config.celery import HOURLY, SWEEPS, Bell, OwnClock, app, configuration
from config.spool import Channel


@pytest.fixture(autouse=True, scope="module")
def registered_tasks() -> None:
    """As a worker does at its start, which also sets logging up."""
    app.loader.import_default_modules()


@pytest.fixture
def spool(settings: Settings, tmp_path: Path) -> Iterator[Connection]:
    settings.VAR_DIR = tmp_path
    settings.CELERY_BROKER_URL = "spool://localhost//"
    options = configuration()["broker_transport_options"]
    with Connection(settings.CELERY_BROKER_URL, transport_options=options) as connection:
        yield connection


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    return tmp_path / "broker" / "messages"


@pytest.fixture
def name() -> str:
    """A queue of this test's own: kombu remembers, per process, which queues it has bound."""
    return f"work-{uuid4().hex}"


def given_sweep(name: str, act: Any) -> Iterator[list[str]]:
    """The registry with a stand-in for one task, as the worker of this test."""
    kept = app.tasks[name]
    ran: list[str] = []

    def run() -> None:
        ran.append(threading.current_thread().name)
        act()

    del app.tasks[name]
    app.task(run, name=name)
    yield ran
    app.tasks[name] = kept


@pytest.fixture
def sweep() -> Iterator[list[str]]:
    yield from given_sweep(SWEEPS[0], lambda: None)


def test_messages_are_json_and_acknowledged_late() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert app.conf.task_ignore_result
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.worker_pool == "threads"
    assert app.conf.enable_utc


def test_publishing_gives_up_soon_and_is_not_repeated() -> None:
    assert app.conf.broker_connection_timeout <= 1
    assert app.conf.task_publish_retry is False


def test_a_worker_waits_for_its_broker_for_ever() -> None:
    assert app.conf.broker_connection_max_retries is None
    assert app.conf.broker_connection_retry_on_startup is True


def test_redis_gives_unfinished_messages_back_after_the_longest_task(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:6379/9"
    found = configuration()
    options = found["broker_transport_options"]

    assert options["visibility_timeout"] > found["task_time_limit"]
    assert options["unacked_restore_throttle"] == 1
    assert options["socket_timeout"] <= 1


def test_rabbitmq_confirms_what_it_takes_into_a_quorum_queue(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "amqps://user:pw@broker.example.com//"
    found = configuration()

    assert found["task_default_queue_type"] == "quorum"
    assert found["broker_transport_options"]["confirm_publish"] is True


def test_every_sweep_is_rung_in_utc_and_every_name_is_a_task() -> None:
    schedule = app.conf.beat_schedule

    assert set(schedule) == {*SWEEPS, *HOURLY}
    assert set(schedule) <= set(app.tasks)
    assert {schedule[name]["schedule"] for name in SWEEPS} == {settings.SWEEP_SECONDS}
    assert all("args" not in entry and "kwargs" not in entry for entry in schedule.values())
    assert app.conf.timezone == "UTC"


def test_nothing_of_beat_or_the_broker_lies_outside_var(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.CELERY_BROKER_URL = "spool://localhost//"
    found = configuration()

    assert Path(found["beat_schedule_filename"]).parent == tmp_path
    assert Path(found["broker_transport_options"]["data_folder_in"]).is_relative_to(tmp_path)


def test_a_spooled_message_arrives_once_and_leaves_nothing_behind(
    spool: Connection, name: str, messages: Path
) -> None:
    queue = spool.SimpleQueue(name)
    queue.put({"number": 1})

    assert queue.get(timeout=2).payload == {"number": 1}
    with pytest.raises(Empty):
        queue.get(block=False)
    assert list(messages.iterdir()) == []


def test_a_half_written_message_is_not_seen(spool: Connection, name: str, messages: Path) -> None:
    queue = spool.SimpleQueue(name)
    (messages / f"1_a.{name}.msg.unfinished").write_text("", encoding="utf-8")

    with pytest.raises(Empty):
        queue.get(block=False)


def test_many_publishers_and_consumers_lose_and_double_nothing(
    spool: Connection, name: str, tmp_path: Path
) -> None:
    options = spool.transport_options
    taken: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def guarded(act: Any) -> threading.Thread:
        def run() -> None:
            try:
                with Connection(spool.as_uri(), transport_options=options) as own:
                    act(own.SimpleQueue(name))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def publish(first: int) -> Any:
        return lambda queue: [queue.put(first + number) for number in range(100)]

    def consume(queue: Any) -> None:
        while not done.is_set():
            try:
                message = queue.get(block=False)
            except Empty:
                time.sleep(0.001)
                continue
            taken.append(message.payload)
            message.ack()

    consumers = [guarded(consume) for _ in range(2)]
    publishers = [guarded(publish(first)) for first in (0, 100, 200)]
    for thread in publishers:
        thread.join()
    deadline = time.monotonic() + 20
    while len(taken) < 300 and time.monotonic() < deadline:
        time.sleep(0.05)
    done.set()
    for thread in consumers:
        thread.join()

    assert failures == []
    assert sorted(taken) == list(range(300))


def test_publishing_writes_under_another_name_first(
    spool: Connection, name: str, messages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = spool.SimpleQueue(name)
    seen: list[list[str]] = []
    write = Path.write_text

    def spy(path: Path, *args: Any, **kwargs: Any) -> int:
        seen.append([path.suffix])
        return write(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", spy)
    queue.put({"number": 1})

    assert seen == [[".unfinished"]]
    assert [path.suffix for path in messages.iterdir()] == [".msg"]
    assert Channel._put.__module__ == "config.spool"


def test_a_bell_says_whether_the_broker_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Bell(SWEEPS[0]).ring() is True

    monkeypatch.setattr(app, "send_task", lambda *a, **k: (_ for _ in ()).throw(OSError("no broker")))
    assert Bell(SWEEPS[0]).ring() is False


def test_a_frozen_broker_holds_a_bell_up_for_two_seconds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    thaw = threading.Event()
    monkeypatch.setattr(app, "send_task", lambda *a, **k: thaw.wait(30))
    bell = Bell(SWEEPS[0])

    started = time.monotonic()
    first, second = bell.ring(), bell.ring()
    waited = time.monotonic() - started
    thaw.set()

    assert (first, second) == (False, False)
    assert 1.5 < waited < 3


@pytest.mark.django_db
def test_without_a_broker_a_worker_runs_the_sweeps_itself(
    sweep: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWEEP_SECONDS = 0.05
    monkeypatch.setattr(celery, "SWEEPS", SWEEPS[:1])
    monkeypatch.setattr(app, "send_task", lambda *a, **k: (_ for _ in ()).throw(OSError("no broker")))
    clock = OwnClock(None)

    clock.start(None)
    deadline = time.monotonic() + 5
    while len(sweep) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    clock.stop(None)

    assert len(sweep) >= 3
    assert sweep[0] == f"clock-{SWEEPS[0]}"


@pytest.mark.django_db
def test_with_a_broker_a_worker_only_rings(
    sweep: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWEEP_SECONDS = 0.05
    rung: list[str] = []
    monkeypatch.setattr(celery, "SWEEPS", SWEEPS[:1])
    monkeypatch.setattr(app, "send_task", lambda name, **k: rung.append(name))
    clock = OwnClock(None)

    clock.start(None)
    time.sleep(0.5)
    clock.stop(None)

    assert len(rung) >= 3
    assert sweep == []


@pytest.mark.django_db
def test_a_worker_that_hears_nothing_for_long_works_itself(
    sweep: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWEEP_SECONDS = 0.05
    monkeypatch.setattr(celery, "SWEEPS", SWEEPS[:1])
    monkeypatch.setattr(celery, "UNHEARD_SECONDS", 0.3)
    monkeypatch.setattr(app, "send_task", lambda *a, **k: None)
    clock = OwnClock(None)

    clock.start(None)
    time.sleep(1)
    clock.stop(None)

    assert 1 <= len(sweep) <= 4


def test_a_sweep_that_fails_is_logged_and_the_clock_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    failing = given_sweep(SWEEPS[0], fail)
    ran = next(failing)

    celery._run_here(SWEEPS[0])
    celery._run_here(SWEEPS[0])

    assert len(ran) == 2
    assert f"the sweep {SWEEPS[0]} failed" in caplog.text
    next(failing, None)


def test_published_messages_hold_no_arguments(spool: Connection, messages: Path) -> None:
    with app.connection_for_write(spool.as_uri(), transport_options=spool.transport_options) as connection:
        app.send_task(SWEEPS[0], connection=connection)

    [message] = [path for path in messages.iterdir() if path.suffix == ".msg"]
    assert '"argsrepr": "()"' in io.StringIO(message.read_text()).getvalue()
    assert '"kwargsrepr": "{}"' in message.read_text()
