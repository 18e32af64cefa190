"""Query parameters (contract sections 1.5 and 2.10), refused like members of a body."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from config.errors import InvalidData, Problem
from onboarding.api.parsing import check_text
from onboarding.enums import Lifecycle, Status
from onboarding.intake_values import STATUS_FILTERS, USER_TYPES, VERIFICATION_STATUS_FILTERS
from onboarding.models import EndUser

MOST: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_CURSOR: Final = re.compile(r"[0-9]{1,18}")
_LIFECYCLES: Final = {
    "ACTIVE": Lifecycle.ACTIVE,
    "INACTIVE": Lifecycle.CLOSED,
    "SUSPENDED": Lifecycle.SUSPENDED,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which end users, and which part of them."""

    limit: int
    offset: int
    condition: Q

    def of(self, end_users: QuerySet[EndUser]) -> QuerySet[EndUser]:
        return end_users.filter(self.condition)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on in the feed: behind this position."""

    position: int
    limit: int


class _Query:
    """The parameters of one request; collects what is wrong with them."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = parameters
        self.problems: list[Problem] = []

    def text(self, name: str) -> str | None:
        value = self.parameters.get(name) or None
        if value is not None:
            try:
                check_text(value, path=name)
            except InvalidData as error:
                self.problems += error.problems
                return None
        return value

    def number(self, name: str, *, default: int, least: int, most: int | None = None) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not _NUMBER.fullmatch(value):
            self.wrong(name, "Expected number, received string", "invalid_type")
            return default
        found = int(value)
        if found < least:
            self.wrong(name, f"Number must be greater than or equal to {least}", "too_small")
        if most is not None and found > most:
            self.wrong(name, f"Number must be less than or equal to {most}", "too_big")
        return found

    def word(self, name: str, words: tuple[str, ...], *, upper: bool) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        found = value.upper() if upper else value.lower()
        if found not in words:
            listed = " | ".join(f"'{word}'" for word in words)
            message = f"Invalid enum value. Expected {listed}, received '{value[:100]}'"
            self.wrong(name, message, "invalid_enum_value")
            return None
        return found

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            day = parse_date(value)
            found = datetime.combine(day, time()) if day else parse_datetime(value.replace(" ", "+"))
            if found is not None:
                return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.wrong(name, "Invalid datetime", "invalid_string")
        return None

    def wrong(self, name: str, message: str, code: str) -> None:
        self.problems.append(Problem(name, message, code))

    def finish(self) -> None:
        if self.problems:
            raise InvalidData(self.problems)


def read_filters(parameters: Mapping[str, str]) -> Filters:
    """The filters of `GET /v1/users`. Raises `InvalidData` with every parameter that is wrong."""
    query = _Query(parameters)
    limit = query.number("limit", default=10, least=1, most=MOST)
    offset = query.number("offset", default=0, least=0)
    condition = _state(query)
    if type_ := query.word("type", USER_TYPES, upper=False):
        condition &= Q(type=type_.upper())
    if email := query.text("email"):
        condition &= Q(email=email[:254])
    if after := query.moment("created_after"):
        condition &= Q(created_at__gte=after)
    if before := query.moment("created_before"):
        condition &= Q(created_at__lt=before)
    query.finish()
    return Filters(limit, offset, condition)


def _state(query: _Query) -> Q:
    condition = Q()
    status = query.word("status", STATUS_FILTERS, upper=True)
    if status in _LIFECYCLES:
        condition &= Q(lifecycle=_LIFECYCLES[status])
    elif status:
        condition &= Q(status=status)
    legacy = query.word("verification_status", VERIFICATION_STATUS_FILTERS, upper=True)
    if legacy:
        is_verified = Q(status=Status.VERIFIED)
        condition &= is_verified if legacy == "VERIFIED" else ~is_verified
    return condition


def read_cursor(parameters: Mapping[str, str]) -> Cursor:
    """`cursor` and `limit` of a feed. Raises `InvalidData`."""
    query = _Query(parameters)
    limit = query.number("limit", default=MOST, least=1, most=MOST)
    text, position = query.text("cursor"), 0
    if text is not None:
        found = _opened(text)
        if found is None:
            query.wrong("cursor", "Invalid cursor", "invalid_string")
        else:
            position = found
    query.finish()
    return Cursor(position, limit)


def cursor_at(position: int) -> str:
    """The opaque text of a cursor."""
    return urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def _opened(text: str) -> int | None:
    try:
        plain = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return None
    return int(plain[1:]) if plain[:1] == "p" and _CURSOR.fullmatch(plain[1:]) else None
