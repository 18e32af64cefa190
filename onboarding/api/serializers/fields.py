"""Fields that read JSON strictly and refuse in the contract's words (section 1.7): Zod messages, Zod codes.

They are DRF fields, so the API description is made from the very objects that validate. Their `run_validation` raises
`InvalidData` with paths relative to the field; serializers put the names in front. No value is converted silently:
a number is no text, a text is no number. Null means "not told".
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, NoReturn
from urllib.parse import urlsplit

import iso3166
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import EmailValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from config.errors import InvalidData, Problem
from documents import vault
from documents.files import DecodedFile, FileRefused
from documents.vault import Prepared
from onboarding.api.parsing import FileText
from onboarding.intake_values import YES_NO

SHOWN: Final = 100
EARLIEST_BIRTH: Final = date(1900, 1, 1)
EARLIEST_COMPANY: Final = date(1000, 1, 1)
ADULT_AGE: Final = 18

UUID_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_COUNTRY: Final = re.compile(r"[A-Za-z]{2,3}")
_LINE_BREAKS: Final = re.compile("[\t\n\r\u2028\u2029]")
_ALPHA3: Final = {
    **{country.alpha2: country.alpha3 for country in iso3166.countries},
    **{country.alpha3: country.alpha3 for country in iso3166.countries},
    "XK": "XKX",  # Kosovo: in use, in no standard
    "XKX": "XKX",
}
# Letters and marks that Unicode draws as nothing (Default_Ignorable_Code_Point), and the blank of Braille.
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, range(0xFE00, 0xFE10))
)
_check_email: Final = EmailValidator()


def json_type(value: Any) -> str:
    """The contract's word for the type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str() | FileText():
            return "string"
        case list():
            return "array"
    return "object"


def refuse(message: str, code: str = "custom", *, path: str = "") -> NoReturn:
    """Refuse one member for one reason."""
    raise InvalidData([Problem(path, message, code)])


def wrong_type(expected: str, value: Any) -> NoReturn:
    refuse(f"Expected {expected}, received {json_type(value)}", "invalid_type")


def within(problems: Sequence[Problem], name: str | int) -> list[Problem]:
    """The problems of a member, seen from its parent."""
    return [
        Problem(f"{name}.{problem.path}" if problem.path else str(name), problem.message, problem.code)
        for problem in problems
    ]


def today() -> date:
    """The day in UTC; ages and "not in the future" are judged by it."""
    return datetime.now(UTC).date()


class StrictField(serializers.Field):  # type: ignore[type-arg]
    """A member. `expected` is its JSON type in the contract's words; `read` gives the value or refuses."""

    expected: ClassVar[str] = "string"

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty:
            if self.required:
                refuse("Required", "invalid_type")
            raise serializers.SkipField
        if data is None:
            if self.allow_null:
                return None
            wrong_type(self.expected, data)
        return self.read(data)

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    def to_internal_value(self, data: Any) -> Any:
        return self.read(data)

    def to_representation(self, value: Any) -> Any:
        return value


def _is_blank(text: str) -> bool:
    """Whether nobody would see anything: white space, format characters such as U+200B, and fillers."""
    return all(
        sign.isspace() or sign in _FILLERS or unicodedata.category(sign) in ("Cf", "Cc") for sign in text
    )


class Text(StrictField, serializers.CharField):
    """Text, byte for byte as sent. Empty or invisible text counts as not told where the member may be absent."""

    def __init__(self, *, limit: int = 255, is_multiline: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("allow_blank", not kwargs.get("required", False))
        kwargs.setdefault("allow_null", not kwargs.get("required", False))
        kwargs.setdefault("required", False)
        super().__init__(max_length=limit, trim_whitespace=False, **kwargs)
        self.limit = limit
        self.is_multiline = is_multiline

    def read(self, value: Any) -> str | None:
        if not isinstance(value, str):
            wrong_type("string", value)
        if _is_blank(value):
            if self.allow_blank:
                return None
            refuse("String must contain at least 1 character(s)", "too_small")
        if len(value) > self.limit:
            refuse(f"String must contain at most {self.limit} character(s)", "too_big")
        if not self.is_multiline and _LINE_BREAKS.search(value):
            refuse("Line breaks and tabs are not allowed here")
        return self.check(value)

    def check(self, value: str) -> str:
        """What a subclass asks beyond the length; returns the value to keep."""
        return value


class RequiredText(Text):
    """Text that must be there and hold more than blanks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=True, allow_blank=False, allow_null=False, **kwargs)


@extend_schema_field(OpenApiTypes.EMAIL)
class Email(Text):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(limit=254, **kwargs)

    def check(self, value: str) -> str:
        try:
            _check_email(value)
        except DjangoValidationError:
            refuse("Invalid email", "invalid_string")
        return value


@extend_schema_field({"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$", "examples": ["+12025550123"]})
class Phone(Text):
    """E.164: a plus sign, a country code, 15 digits at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(limit=255, **kwargs)

    def check(self, value: str) -> str:
        if not _PHONE.fullmatch(value):
            refuse("Invalid phone number, expected E.164 such as +12025550123", "invalid_string")
        return value


@extend_schema_field(
    {
        "type": "string",
        "pattern": "^[A-Za-z]{2,3}$",
        "description": "ISO 3166-1 alpha-3; alpha-2 is accepted and kept as alpha-3.",
        "examples": ["USA", "MEX"],
    }
)
class Country(Text):
    def check(self, value: str) -> str:
        code = _ALPHA3.get(value.upper()) if _COUNTRY.fullmatch(value) else None
        if code is None:
            refuse("Invalid country, expected an ISO 3166-1 alpha-3 code", "invalid_string")
        return code


@extend_schema_field(OpenApiTypes.URI)
class Url(Text):
    """An http or https address with a host and without credentials."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(limit=2000, **kwargs)

    def check(self, value: str) -> str:
        try:
            parts = urlsplit(value)
            is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
            _ = parts.port
        except ValueError:
            is_right = False
        if not is_right or re.search(r"[\s<>\"{}|\\^`]", value):
            refuse("Invalid url", "invalid_string")
        return value


@extend_schema_field(OpenApiTypes.DATE)
class Date(Text):
    """`YYYY-MM-DD`, between `earliest` and `latest` (a function, read at each use)."""

    earliest: date = EARLIEST_COMPANY

    def check(self, value: str) -> Any:
        try:
            found = date.fromisoformat(value) if _DATE.fullmatch(value) else None
        except ValueError:
            found = None
        if found is None:
            refuse("Invalid date", "invalid_string")
        if found < self.earliest:
            refuse(f"Date must be on or after {self.earliest.isoformat()}", "too_small")
        self.judge(found)
        return found

    def judge(self, found: date) -> None:
        """What a subclass asks of the day itself."""


class PastDate(Date):
    """Not in the future, by the day in UTC."""

    def judge(self, found: date) -> None:
        if found > today():
            refuse("Date must not be in the future", "too_big")


class BirthDate(PastDate):
    earliest = EARLIEST_BIRTH


class AdultBirthDate(BirthDate):
    """Of somebody of 18 years or more, by the day in UTC; who was born on 29 February ages on 1 March."""

    def judge(self, found: date) -> None:
        super().judge(found)
        on = today()
        if on.year - found.year - ((on.month, on.day) < (found.month, found.day)) < ADULT_AGE:
            refuse(f"User must be at least {ADULT_AGE} years old")


class Choice(StrictField, serializers.ChoiceField):
    """One of a closed list of words."""

    def __init__(self, words: Sequence[str], **kwargs: Any) -> None:
        kwargs.setdefault("allow_null", not kwargs.get("required", False))
        kwargs.setdefault("required", False)
        super().__init__(choices=list(words), **kwargs)
        self.words = frozenset(words)
        self.listed = " | ".join(f"'{word}'" for word in words)

    def read(self, value: Any) -> str | None:
        if not isinstance(value, str):
            wrong_type(self.listed, value)
        if not value and self.allow_null:
            return None
        if value not in self.words:
            refuse(
                f"Invalid enum value. Expected {self.listed}, received '{value[:SHOWN]}'",
                "invalid_enum_value",
            )
        return value


class YesNo(Choice):
    """`Yes` or `No` in any case; kept with a capital."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(YES_NO, **kwargs)

    def read(self, value: Any) -> str | None:
        return super().read(value.capitalize() if isinstance(value, str) else value)


class Flag(StrictField, serializers.BooleanField):
    expected = "boolean"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            wrong_type("boolean", value)
        return value


@extend_schema_field({"type": "number", "minimum": 0, "maximum": 100})
class Percentage(StrictField):
    """An exact share of 100, with six decimals at most."""

    expected = "number"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def read(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            wrong_type("number", value)
        share = Decimal(value)
        if share < 0:
            refuse("Number must be greater than or equal to 0", "too_small")
        if share > 100:
            refuse("Number must be less than or equal to 100", "too_big")
        if share != round(share, 6):
            refuse("Number must have at most 6 decimals")
        return round(share, 6)


class Words(StrictField, serializers.ListField):
    """A list of texts or of words of a closed list."""

    expected = "array"

    def __init__(self, *, child: StrictField, limit: int, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("allow_null", True)
        child.allow_null = False
        if isinstance(child, Text):
            child.allow_blank = False
        super().__init__(child=child, max_length=limit, **kwargs)
        self.limit = limit

    def read(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            wrong_type("array", value)
        if len(value) > self.limit:
            refuse(f"Array must contain at most {self.limit} element(s)", "too_big")
        problems: list[Problem] = []
        found = []
        for index, item in enumerate(value):
            try:
                found.append(self.child.run_validation(item))
            except InvalidData as error:
                problems += within(error.problems, index)
        if problems:
            raise InvalidData(problems)
        return found


class Pairs(StrictField, serializers.DictField):
    """`metadata`: the caller's own pairs, texts only (reading C-20)."""

    expected = "object"
    child = serializers.CharField(max_length=2_000)
    most: ClassVar[int] = 200

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            wrong_type("object", value)
        if len(value) > self.most:
            refuse(f"Object must contain at most {self.most} pairs", "too_big")
        problems = [problem for name, item in value.items() for problem in _problems_of_pair(name, item)]
        if problems:
            raise InvalidData(problems)
        return dict(value)


def _problems_of_pair(name: str, item: Any) -> list[Problem]:
    if not isinstance(item, str):
        return [Problem(name, f"Expected string, received {json_type(item)}", "invalid_type")]
    if len(item) > 2_000:
        return [Problem(name, "String must contain at most 2000 character(s)", "too_big")]
    return []


@extend_schema_field(
    {
        "type": "string",
        "description": "JPEG, PNG or PDF as `data:<type>;base64,<data>`; 10 MB decoded at most.",
        "examples": ["data:image/png;base64,iVBORw0KGgo="],
    }
)
class FileMember(StrictField):
    """A file in a body: checked by its bytes, ready for the vault (contract section 3.4)."""

    def read(self, value: Any) -> Prepared:
        if not isinstance(value, FileText):
            wrong_type("string", value)
        if value.refusal is not None:
            refuse_file(value.refusal)
        return prepare(value.file)


def prepare(file: DecodedFile | None) -> Prepared:
    """Judge decoded bytes. Raises `InvalidData`."""
    if file is None:
        refuse("The file is empty.")
    try:
        return vault.prepare(source=file.data, declared_content_type=file.content_type)
    except FileRefused as refusal:
        refuse_file(refusal)


def refuse_file(refusal: FileRefused) -> NoReturn:
    """A refusal of the vault, as a problem of the member."""
    refuse(refusal.message, "too_big" if refusal.code == "too_large" else "custom")


@extend_schema_field(OpenApiTypes.UUID)
class UUIDMember(Text):
    """An id of ours."""

    def check(self, value: str) -> str:
        if not UUID_FORM.fullmatch(value):
            refuse("Invalid uuid", "invalid_string")
        return value
