"""A small validator that complains in the words of Zod, contract section 1.7.

A check takes a value and its path, appends what is wrong to `issues`, and answers the value to keep.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from iso3166 import countries_by_alpha2, countries_by_alpha3

from onboarding.sandbox.kira.answers import Issue

Check = Callable[[Any, str, list[Issue]], Any]
FILE_LIMIT = 10 * 1024 * 1024
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
PHONE = re.compile(r"\+[1-9]\d{1,14}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATA_URI = re.compile(r"data:(image/jpeg|image/png|application/pdf);base64,(.+)", re.DOTALL)


def json_type(value: Any) -> str:
    """The name JavaScript has for the type of a JSON value."""
    names = {bool: "boolean", str: "string", list: "array", dict: "object", int: "number", float: "number"}
    return names.get(type(value), "null")


def expect(wanted: str, value: Any, path: str, issues: list[Issue]) -> bool:
    found = json_type(value)
    if found != wanted:
        issues.append(Issue(path, f"Expected {wanted}, received {found}", "invalid_type"))
    return found == wanted


def below(path: str, member: str | int) -> str:
    return f"{path}.{member}" if path else str(member)


def text(minimum: int = 0) -> Check:
    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if expect("string", value, path, issues) and len(value) < minimum:
            issues.append(Issue(path, f"String must contain at least {minimum} character(s)", "too_small"))
        return value

    return check


def shaped(fits: Callable[[str], object], message: str) -> Check:
    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if expect("string", value, path, issues) and not fits(value):
            issues.append(Issue(path, message, "invalid_string"))
        return value

    return check


def one_of(allowed: Iterable[str]) -> Check:
    values = tuple(allowed)
    listed = " | ".join(f"'{value}'" for value in values)

    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if expect("string", value, path, issues) and value not in values:
            message = f"Invalid enum value. Expected {listed}, received '{value}'"
            issues.append(Issue(path, message, "invalid_enum_value"))
        return value

    return check


def yes_or_no(value: Any, path: str, issues: list[Issue]) -> Any:
    """`Yes` or `No` in any case, section 2.4."""
    folded = value.capitalize() if isinstance(value, str) else value
    return one_of(("Yes", "No"))(folded, path, issues)


def flag(value: Any, path: str, issues: list[Issue]) -> Any:
    expect("boolean", value, path, issues)
    return value


def number(low: float, high: float) -> Check:
    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if expect("number", value, path, issues):
            if value < low:
                issues.append(Issue(path, f"Number must be greater than or equal to {low:g}", "too_small"))
            if value > high:
                issues.append(Issue(path, f"Number must be less than or equal to {high:g}", "too_big"))
        return value

    return check


def listing(item: Check) -> Check:
    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if not expect("array", value, path, issues):
            return value
        return [item(each, below(path, index), issues) for index, each in enumerate(value)]

    return check


def pairs(item: Check) -> Check:
    """An object with free names whose values all pass `item`."""

    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if not expect("object", value, path, issues):
            return value
        return {name: item(each, below(path, name), issues) for name, each in value.items()}

    return check


def record(
    members: Mapping[str, Check],
    required: Iterable[str] = (),
    *,
    strict: bool = False,
    never_null: Iterable[str] = (),
) -> Check:
    """An object with known names. Others are dropped, or refused when `strict`.

    Null is as good as absent, except for members that are `required` or `never_null`.
    """
    needed = tuple(required)
    solid = (*needed, *never_null)

    def check(value: Any, path: str, issues: list[Issue]) -> Any:
        if not expect("object", value, path, issues):
            return value
        kept: dict[str, Any] = {}
        for name in value:
            if name in members and (value[name] is not None or name in solid):
                kept[name] = members[name](value[name], below(path, name), issues)
            elif name in members:
                kept[name] = None
        for name in needed:
            if name not in value:
                issues.append(Issue(below(path, name), "Required", "invalid_type"))
        unknown = [name for name in value if name not in members]
        if strict and unknown:
            named = ", ".join(f"'{name}'" for name in unknown)
            issues.append(Issue(path, f"Unrecognized key(s) in object: {named}", "unrecognized_keys"))
        return kept

    return check


def is_date(value: str) -> bool:
    try:
        return len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def is_moment(value: str) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)


def is_country(value: str) -> bool:
    return value in countries_by_alpha3 or value in countries_by_alpha2


def alpha3(value: str | None) -> str | None:
    """The three-letter code of a country given with two or three; None for nothing."""
    known = countries_by_alpha2.get(value or "")
    return known.alpha3 if known else value


def data_uri(value: Any, path: str, issues: list[Issue]) -> Any:
    """A base64 data URI of an allowed type; only its type, size and digest are kept."""
    if not expect("string", value, path, issues):
        return value
    match = DATA_URI.fullmatch(value)
    try:
        content = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        content = b""
    if match is None or not content:
        issues.append(Issue(path, "Invalid file. Expected a base64 data URI", "invalid_string"))
        return value
    if len(content) > FILE_LIMIT:
        issues.append(Issue(path, "File must not exceed 10MB", "too_big"))
    return {"content_type": match[1], "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


email = shaped(EMAIL.fullmatch, "Invalid email")
phone = shaped(PHONE.fullmatch, "Invalid phone number")
day = shaped(is_date, "Invalid date")
moment = shaped(is_moment, "Invalid datetime")
url = shaped(is_url, "Invalid url")
country = shaped(is_country, "Invalid country code")
uuid = shaped(UUID.fullmatch, "Invalid uuid")
