"""The product's database options, for servers that must not differ from it in them. Needs nothing but Django."""

from typing import Any
from urllib.parse import urlsplit


def database(url: str) -> dict[str, Any]:
    """What `config.env` makes of the same address by default: a pool of ten, health checks, the same time-outs."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c statement_timeout=30000 -c lock_timeout=10000 "
            "-c idle_in_transaction_session_timeout=60000",
            "pool": {"min_size": 0, "max_size": 10, "timeout": 10, "max_idle": 60},
        },
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
