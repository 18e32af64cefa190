"""Single values in the form Kira takes them."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

Body = dict[str, Any]


def present(body: Mapping[str, object]) -> Body:
    """Null, an empty text and an empty list are not sent; false is."""
    return {name: value for name, value in body.items() if value is not None and value not in ("", [], {})}


def as_json(value: object) -> object:
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case tuple() | list():
            return [as_json(item) for item in value]
        case Mapping():
            return {str(name): as_json(item) for name, item in sorted(value.items())}
    return value


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(as_json(value))


def as_yes_no(value: object) -> object:
    """Kira's texts, with a capital (2.4)."""
    words = {"yes": "Yes", "no": "No"}
    return words.get(value.strip().casefold(), value) if isinstance(value, str) else as_json(value)


def encode(body: Mapping[str, Any]) -> bytes:
    """The bytes of a body: compact, members in the order given, so that equal bodies are equal bytes."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")


def canonical_uuid(value: object) -> str | None:
    """A UUID in its usual spelling, or None."""
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None
