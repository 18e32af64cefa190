"""The only reader of the environment.

A settings module reads every value through one `Environment`. Nothing raises while reading: what is missing or unfit
is collected, and `stop_if_unfit` names all of it in one message, so that an operator repairs a deployment in one go
(twelve-factor, factor III). The message names variables and rules, never values.
"""

import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

CHECKOUT = Path(__file__).resolve().parent.parent

PLACEHOLDER = re.compile(r"<[A-Za-z0-9][^<>]*>|^(?:change-?me|django-insecure|your-)", re.IGNORECASE)
TRUE_WORDS = frozenset(environ.Env.BOOLEAN_TRUE_STRINGS)
FALSE_WORDS = frozenset({"false", "off", "no", "n", "0", "f", ""})

Value = TypeVar("Value")


class Environment:
    """Typed reads of a mapping of variables.

    An absent default means that the variable is required, and that a placeholder is no value for it.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: dict[str, str] = {}

    def text(self, name: str, default: str | None = None) -> str:
        """The value without surrounding white space; an empty value counts as not given."""
        return self._found(name, self._variables.get(name, "").strip(), default)

    def optional(self, name: str, default: str) -> str:
        """Like `text`, but an empty value is a value: it switches the thing off."""
        return self._variables.get(name, default).strip()

    def secret(self, name: str, default: str | None = None, *, at_least: int = 0) -> str:
        """Like `text`; `<name>_FILE` may name a file that holds the value, as container secrets do.

        Values shorter than `at_least` characters are refused when no default exists.
        """
        value = self._found(name, self._variables.get(name, "").strip() or self._from_file(name), default)
        if default is None and value and len(value) < at_least:
            self.refuse(name, f"must have at least {at_least} characters")
        return value

    def secrets(self, name: str, default: str | None = None, *, at_least: int = 0) -> list[str]:
        """Comma-separated secrets, newest first."""
        values = _split(self.secret(name, default))
        if default is None and any(len(value) < at_least for value in values):
            self.refuse(name, f"every entry must have at least {at_least} characters")
        return values

    def listing(self, name: str, default: str | None = None) -> list[str]:
        """Comma-separated words."""
        return _split(self.text(name, default))

    def flag(self, name: str, default: bool) -> bool:
        """on/off, true/false, yes/no, 1/0."""
        word = self._variables.get(name, "").strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return default if word == "" else False
        self.refuse(name, "must be on or off")
        return default

    def integer(self, name: str, default: int, *, at_least: int = 0) -> int:
        """A whole number, not below `at_least`."""
        return self._number(name, int, default, at_least)

    def number(self, name: str, default: float, *, at_least: float = 0) -> float:
        """A decimal number, not below `at_least`."""
        return self._number(name, float, default, at_least)

    def durations(self, name: str, default: str) -> list[float]:
        """Comma-separated numbers of seconds, none of them negative."""
        words = self.listing(name, default)
        if not words or not all(re.fullmatch(r"\d{1,9}(\.\d{1,3})?", word) for word in words):
            self.refuse(name, "must be numbers of seconds with commas between them")
            words = _split(default)
        return [float(word) for word in words]

    def choice(self, name: str, default: str, *, allowed: Iterable[str]) -> str:
        """One word of a closed list."""
        value = self.text(name, default)
        if value not in set(allowed):
            self.refuse(name, f"must be one of {', '.join(allowed)}")
        return value

    def url(self, name: str, default: str | None = None, *, schemes: Iterable[str]) -> str:
        """An address with one of `schemes`, without a trailing slash."""
        value = self.text(name, default)
        parts = _split_url(value)
        if value and (parts is None or parts.scheme not in set(schemes) or not (parts.netloc or parts.path)):
            self.refuse(
                name, f"must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}"
            )
        return value.rstrip("/") if parts and parts.scheme in {"http", "https"} else value

    def database(
        self, name: str, default: str | None = None, *, pool_size: int, timeout: int
    ) -> dict[str, Any]:
        """Django's `DATABASES["default"]` for a sqlite or postgres URL.

        A relative SQLite path counts from the checkout. SQLite gets the three options without which our own load
        fails with "database is locked"; PostgreSQL gets a pool of at most `pool_size` connections per process
        (0 switches it off) and stops a statement after `timeout` seconds (0: never, for long migrations).
        """
        url = self.url(name, default, schemes=("postgres", "postgresql", "sqlite"))
        if not url or name in self.problems:
            return {"ENGINE": "django.db.backends.dummy"}
        try:
            parsed: dict[str, Any] = environ.Env.db_url_config(url)
        except (ValueError, ImproperlyConfigured):
            self.refuse(name, "is not a database address")
            return {"ENGINE": "django.db.backends.dummy"}
        return _sqlite(parsed) if url.startswith("sqlite") else _postgres(parsed, pool_size, timeout)

    def cache(self, name: str, default: str) -> dict[str, Any]:
        """Django's `CACHES["default"]` for an address such as redis://host:6379/1."""
        try:
            return dict(environ.Env.cache_url_config(self.text(name, default)))
        except (ValueError, KeyError, ImproperlyConfigured):
            self.refuse(name, "is not the address of a cache")
            return dict(environ.Env.cache_url_config(default))

    def rate(self, name: str, default: str) -> str:
        """How much in which time: a number, a slash and s, m, h or d, as in 100/s."""
        value = self.text(name, default)
        if not re.fullmatch(r"[1-9]\d{0,8}/[smhd]", value):
            self.refuse(name, "must look like 100/s, with s, m, h or d")
            return default
        return value

    def refuse(self, name: str, reason: str) -> None:
        """Remember that `name` is unfit; the first reason stays."""
        self.problems.setdefault(name, reason)

    def stop_if_unfit(self) -> None:
        """Raise `ImproperlyConfigured` with the name of everything that is missing or unfit."""
        if self.problems:
            lines = [f"  {name} {reason}" for name, reason in self.problems.items()]
            raise ImproperlyConfigured(
                "Vouch does not start: the environment is incomplete (see docs/settings.md).\n"
                + "\n".join(lines)
            )

    def _found(self, name: str, value: str, default: str | None) -> str:
        if value:
            if default is None and PLACEHOLDER.search(value):
                self.refuse(name, "is still the placeholder of the example")
            return value
        if default is None:
            self.refuse(name, "is missing")
            return ""
        return default

    def _from_file(self, name: str) -> str:
        path = self._variables.get(f"{name}_FILE", "").strip()
        if not path:
            return ""
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.refuse(name, f"cannot be read from the file named by {name}_FILE")
            return ""

    def _number(self, name: str, cast: Callable[[str], Any], default: Value, at_least: float) -> Value:
        text = self._variables.get(name, "").strip()
        if not text:
            return default
        try:
            value: Value = cast(text)
        except ValueError:
            self.refuse(name, "must be a whole number" if cast is int else "must be a number")
            return default
        if not float(at_least) <= float(value) < float("inf"):  # type: ignore[arg-type]
            self.refuse(name, f"must be at least {at_least:g}")
            return default
        return value


def current() -> Environment:
    """The environment of this process."""
    return Environment(os.environ)


def process_variables(**changes: str) -> dict[str, str]:
    """A copy of this process's variables for a child process."""
    return {**os.environ, **changes}


def generated_keys(folder: Path) -> dict[str, str]:
    """SECRET_KEY, ENCRYPTION_KEYS and BLIND_INDEX_KEY of an embedded run, made once and kept in `folder`.

    Safe when several processes start at once: each offers its own file by a hard link, the first one wins, and all
    read the winner's. The file is readable by its owner only. Losing it loses the embedded run's personal data.
    """
    kept = folder / "keys.env"
    if not kept.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        offer = folder / f".keys-{secrets.token_hex(8)}"
        lines = [f"{name}={_new_key()}" for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEY")]
        write_private(offer, "\n".join(lines) + "\n")
        try:
            os.link(offer, kept)
        except FileExistsError:
            pass
        finally:
            offer.unlink()
    pairs = (line.partition("=") for line in kept.read_text(encoding="utf-8").splitlines())
    return {name: value for name, _, value in pairs}


def write_private(path: Path, text: str) -> None:
    """Create `path` with mode 0600 and `text`; `FileExistsError` when it exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _new_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _split(value: str) -> list[str]:
    return [word for word in (part.strip() for part in value.split(",")) if word]


def _split_url(value: str) -> SplitResult | None:
    try:
        return None if re.search(r"\s", value) else urlsplit(value)
    except ValueError:
        return None


def _sqlite(parsed: dict[str, Any]) -> dict[str, Any]:
    name = str(parsed["NAME"] or ":memory:")
    if name != ":memory:":
        path = CHECKOUT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        name = str(path)
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON"
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": options,
        "ATOMIC_REQUESTS": False,
    }


def _postgres(parsed: dict[str, Any], pool_size: int, timeout: int) -> dict[str, Any]:
    limits = {
        "statement_timeout": timeout * 1000,
        "lock_timeout": min(timeout, 10) * 1000,
        "idle_in_transaction_session_timeout": timeout * 2000,
    }
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        **parsed.get("OPTIONS", {}),
    }
    if pool_size:
        options["pool"] = {"min_size": 0, "max_size": pool_size, "timeout": 10, "max_idle": 60}
    return {
        **parsed,
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": options,
        "CONN_MAX_AGE": 0 if pool_size else 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
