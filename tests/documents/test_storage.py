"""Both storages keep the same promises: all or nothing, only our names, and a clear error when they cannot."""

import os
import stat
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from moto.server import ThreadedMotoServer

from documents.storage import Storage, StorageUnavailable, StoredFileMissing, storage


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, settings, monkeypatch) -> Storage:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = f"vault-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=s3_server).create_bucket(Bucket=bucket)
    settings.DOCUMENTS_URL, settings.S3_ENDPOINT_URL = f"s3://{bucket}/some/prefix", s3_server
    return storage()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> Storage:
    return request.getfixturevalue("s3") if request.param == "s3" else storage()


def new_name() -> str:
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name[2:4]}/{name}"


def test_what_was_put_can_be_opened_and_deleted(store: Storage) -> None:
    name = new_name()
    store.put(name, [b"a" * 10, b"", b"b" * 200_000])

    assert store.exists(name)
    assert b"".join(store.open(name)) == b"a" * 10 + b"b" * 200_000
    assert [found for found, _ in store.names()] == [name]
    store.delete(name)
    store.delete(name)
    assert not store.exists(name)
    assert list(store.names()) == []


def test_a_large_file_goes_through_in_pieces(store: Storage) -> None:
    name = new_name()
    pieces = [bytes([n % 256]) * 65_552 for n in range(200)]
    store.put(name, iter(pieces))

    assert b"".join(store.open(name)) == b"".join(pieces)


def test_an_interrupted_write_leaves_nothing(store: Storage) -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        raise RuntimeError("the sender went away")

    name = new_name()
    with pytest.raises(RuntimeError, match="went away"):
        store.put(name, interrupted())
    assert not store.exists(name)
    assert list(store.names()) == []


def test_a_missing_file_is_said_at_once(store: Storage) -> None:
    with pytest.raises(StoredFileMissing):
        store.open(new_name())


def test_names_tell_when_they_were_written(store: Storage) -> None:
    store.put(new_name(), [b"x"])

    ((_, changed_at),) = store.names()
    assert abs(timezone.now() - changed_at) < timedelta(minutes=1)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "ab/cd/x", "ab/cd/" + "A" * 32, ""])
def test_only_names_of_the_vault_are_touched(store: Storage, name: str) -> None:
    for act in (store.open, store.delete, store.exists, lambda bad: store.put(bad, [b"x"])):
        with pytest.raises(ValueError, match="not a name"):
            act(name)


def test_files_are_for_their_owner_only(folder: Path) -> None:
    name = new_name()
    storage().put(name, [b"x"])

    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for place in list((folder / name).parents)[:3]:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_folder_that_takes_nothing_is_an_unavailable_store(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")

    with pytest.raises(StorageUnavailable):
        storage().put(new_name(), [b"x"])


def test_a_full_disk_is_an_unavailable_store_and_leaves_nothing(folder: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable):
        storage().put(new_name(), [b"x"])
    assert list(storage().names()) == []


def test_a_bucket_that_is_not_there_is_an_unavailable_store(s3: Storage, settings) -> None:
    settings.DOCUMENTS_URL = "s3://no-such-bucket-anywhere"
    gone = storage()

    for act in (
        lambda: gone.put(new_name(), [b"x"]),
        lambda: gone.open(new_name()),
        lambda: list(gone.names()),
    ):
        with pytest.raises(StorageUnavailable):
            act()


@pytest.mark.parametrize("url", ["", "file://relative/path", "ftp://host/x", "s3://", "/var/documents"])
def test_an_unfit_address_stops_the_start(settings, url: str) -> None:
    settings.DOCUMENTS_URL = url

    with pytest.raises(ImproperlyConfigured):
        storage()
