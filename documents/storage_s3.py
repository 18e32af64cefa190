"""The vault's files in an S3-compatible bucket. Imported only where ``DOCUMENTS_URL`` begins with s3://.

Credentials come from where boto3 looks for them: the environment, a profile, or the machine's role.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from documents.storage import READ_SIZE, StorageUnavailable, StoredFileMissing, checked_name

PART_SIZE: Final = 5 * 2**20  # the smallest part that S3 takes; a writer holds about one at a time
_CLIENT: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
)
_TRANSFER: Final = TransferConfig(
    multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, use_threads=False, max_concurrency=1
)


class S3Storage:
    """One object per document below the prefix of the URL. Interrupted uploads are aborted, never visible."""

    def __init__(self, url: str, *, endpoint: str | None) -> None:
        parts = urlsplit(url)
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, config=_CLIENT)

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        with _faults_named():
            body = io.BufferedReader(_Pull(chunks), READ_SIZE)
            self._client.upload_fileobj(body, self._bucket, self._key(name), Config=_TRANSFER)

    def open(self, name: str) -> Iterator[bytes]:
        with _faults_named():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"]
            except ClientError as error:
                if _is_missing(error):
                    raise StoredFileMissing(name) from None
                raise
        return self._pieces(body)

    def delete(self, name: str) -> None:
        with _faults_named():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def exists(self, name: str) -> bool:
        with _faults_named():
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._key(name))
            except ClientError as error:
                if _is_missing(error):
                    return False
                raise
        return True

    def names(self) -> Iterator[tuple[str, datetime]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        with _faults_named():
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix), entry["LastModified"]

    def _key(self, name: str) -> str:
        return self._prefix + checked_name(name)

    @staticmethod
    def _pieces(body: Any) -> Iterator[bytes]:
        with _faults_named():
            try:
                yield from body.iter_chunks(READ_SIZE)
            finally:
                body.close()


class _Pull(io.RawIOBase):
    """Makes a file of an iterator, because that is what the client reads from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            following = next(self._chunks, None)
            if following is None:
                return 0
            self._held = memoryview(following)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


@contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise StorageUnavailable from error


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound"}
