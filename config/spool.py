"""The embedded broker: kombu's directory transport, with files that appear whole or not at all.

Kombu opens a message file and then writes it, so that a consumer may move an empty one and die of it; its table of
queues has the same gap when it is new. Losing a message is harmless: rows are the memory, and the sweeps find them.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """One host, POSIX, thousands of messages; not for a network file system."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        unfinished = Path(self.data_folder_out, f"{name}.unfinished")
        unfinished.write_text(dumps(payload), encoding="utf-8")
        os.rename(unfinished, Path(self.data_folder_out, name))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] == f"{queue}.msg":
                taken = Path(self.data_folder_in, f"{name}.taken")
                try:
                    os.rename(Path(self.data_folder_in, name), taken)
                except FileNotFoundError:  # another consumer was faster
                    continue
                message: dict[str, Any] = loads(taken.read_text(encoding="utf-8"))
                taken.unlink()
                return message
        raise Empty

    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:
        with self._guard(fcntl.LOCK_SH):
            return list(super().get_table(exchange))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        with self._guard(fcntl.LOCK_EX):
            super()._queue_bind(exchange, routing_key, pattern, queue)

    @contextmanager
    def _guard(self, kind: int) -> Iterator[None]:
        with Path(self.control_folder, ".lock").open("a") as file:
            fcntl.flock(file, kind)
            yield


class Transport(filesystem.Transport):
    """`spool://` in CELERY_BROKER_URL."""

    Channel = Channel


TRANSPORT_ALIASES["spool"] = "config.spool:Transport"
