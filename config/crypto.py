"""Sealing of small values and of files, blind indexes, and masks for people's eyes.

Everything here is AES-256-GCM (NIST SP 800-38D), HKDF-SHA256 (RFC 5869) and HMAC-SHA256 (RFC 2104). Two
settings feed it:

``ENCRYPTION_KEYS``
    The key ring, newest first. The first key seals, every key unseals. Each entry is any text of at least
    32 characters (44 characters of base64 from a random generator are the usual form); the AES key and its
    four-byte id come from it by HKDF. **A key that is lost takes its data with it.**
``BLIND_INDEX_KEY``
    The stable root of everything that must *not* change when the ring rotates: blind indexes and
    `derive_key`.
"""

import hashlib
import hmac
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import forms
from django.conf import settings
from django.core import checks, validators
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError
from django.db import models
from django.db.models.expressions import Combinable

SEAL_VERSION: Final = b"\x01"
KEY_ID_SIZE: Final = 4
HEADER_SIZE: Final = 1 + KEY_ID_SIZE
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
MINIMUM_KEY_LENGTH: Final = 32

STREAM_MAGIC: Final = b"VLT\x01"
STREAM_SALT_SIZE: Final = 16
STREAM_HEADER_SIZE: Final = len(STREAM_MAGIC) + STREAM_SALT_SIZE
CHUNK_SIZE: Final = 64 * 1024


class SealError(Exception):
    """A sealed value cannot be opened. The text never holds key, plaintext or ciphertext."""


class SealBroken(SealError):
    """The value was altered, cut, moved to another place, or sealed with another key."""


class KeyMissing(SealError):
    """The value names a key that is not in ``ENCRYPTION_KEYS``."""


# --- The key ring ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ring:
    newest: bytes
    ciphers: dict[bytes, AESGCM]


def _hkdf(material: bytes, *, info: str, length: int = 32, salt: bytes | None = None) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info.encode()).derive(material)


@lru_cache(maxsize=8)
def _build_ring(keys: tuple[str, ...]) -> _Ring:
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS is empty: nothing can be sealed.")
    ciphers: dict[bytes, AESGCM] = {}
    for position, text in enumerate(keys, start=1):
        material = text.strip().encode()
        if len(material) < MINIMUM_KEY_LENGTH:
            raise ImproperlyConfigured(
                f"Key {position} of ENCRYPTION_KEYS is shorter than {MINIMUM_KEY_LENGTH} characters."
            )
        key_id = _hkdf(material, info="vouch/seal/id", length=KEY_ID_SIZE)
        if key_id in ciphers:
            raise ImproperlyConfigured(f"Key {position} of ENCRYPTION_KEYS repeats the id of an earlier one.")
        ciphers[key_id] = AESGCM(_hkdf(material, info="vouch/seal/key"))
    return _Ring(newest=next(iter(ciphers)), ciphers=ciphers)


def _ring() -> _Ring:
    return _build_ring(tuple(settings.ENCRYPTION_KEYS))


# --- Sealing small values -------------------------------------------------------------------------


def seal(plaintext: bytes, *, context: str) -> bytes:
    """Encrypt `plaintext` with the newest key, bound to `context`.

    The result is version (1 byte), key id (4), nonce (12), ciphertext and tag (16): 33 bytes more than the
    plaintext. Sealing twice gives two different values. Only `unseal` with the same `context` opens it.
    """
    ring = _ring()
    header = SEAL_VERSION + ring.newest
    nonce = os.urandom(NONCE_SIZE)
    return header + nonce + ring.ciphers[ring.newest].encrypt(nonce, plaintext, header + context.encode())


def unseal(sealed: bytes | memoryview, *, context: str) -> bytes:
    """Open what `seal` made. Raises `SealBroken`, or `KeyMissing` when its key is not in the ring."""
    value = bytes(sealed)
    header, nonce, body = value[:HEADER_SIZE], value[HEADER_SIZE : HEADER_SIZE + NONCE_SIZE], value[17:]
    if len(body) < TAG_SIZE or header[:1] != SEAL_VERSION:
        raise SealBroken(f"A value of {context} is not a sealed value.")
    cipher = _ring().ciphers.get(header[1:])
    if cipher is None:
        raise KeyMissing(f"A value of {context} needs key {header[1:].hex()}, absent from ENCRYPTION_KEYS.")
    try:
        return cipher.decrypt(nonce, body, header + context.encode())
    except InvalidTag:
        raise SealBroken(f"A value of {context} does not open: altered, moved or sealed otherwise.") from None


def newest_header() -> bytes:
    """The first five bytes of everything sealed with the newest key: what rotation looks for."""
    return SEAL_VERSION + _ring().newest


def is_newest(sealed: bytes | memoryview) -> bool:
    """Whether the newest key sealed this value."""
    return bytes(sealed[:HEADER_SIZE]) == newest_header()


def rewrap(sealed: bytes | memoryview, *, context: str) -> bytes:
    """The same plaintext under the newest key. Raises what `unseal` raises."""
    return seal(unseal(sealed, context=context), context=context)


# --- Keys and indexes that outlive the ring -------------------------------------------------------


@lru_cache(maxsize=128)
def _derive(root: str, label: str) -> bytes:
    if len(root.strip()) < MINIMUM_KEY_LENGTH:
        raise ImproperlyConfigured(f"BLIND_INDEX_KEY is shorter than {MINIMUM_KEY_LENGTH} characters.")
    return _hkdf(root.strip().encode(), info=f"vouch/derived/{label}")


def derive_key(label: str) -> bytes:
    """32 bytes for one use, from ``BLIND_INDEX_KEY``: the same for ever, whatever happens to the key ring."""
    return _derive(settings.BLIND_INDEX_KEY, label)


def normalise_number(value: str) -> str:
    """A document or tax number without what people add: NFKC, upper case, letters and digits only."""
    return "".join(
        character for character in unicodedata.normalize("NFKC", value).upper() if character.isalnum()
    )


def normalise_email(value: str) -> str:
    """An e-mail address for comparison: outer blanks gone, case folded."""
    return unicodedata.normalize("NFKC", value).strip().casefold()


def blind_index(value: str, *, purpose: str, normalise: Callable[[str], str] = normalise_number) -> str:
    """A keyed fingerprint (64 hex digits) that finds equal values without showing them.

    Equal after `normalise` and equal `purpose` give the same index; another purpose gives an unrelated one.
    A value of which normalising leaves nothing ("--") is indexed by its own stripped text. Callers do not
    index absent values.
    """
    material = normalise(value) or f"raw:{value.strip()}"
    key = derive_key(f"blind-index/{purpose}")
    return hmac.new(key, material.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


# --- Masks ----------------------------------------------------------------------------------------


def mask(value: str, visible: int = 4) -> str:
    """`value` with everything but its last characters replaced by "*", of the same length.

    Eight characters or more keep `visible` of them, but never more than half; five to seven keep two at
    most; four or fewer keep none, for there the tail would be the value.
    """
    length = len(value)
    limit = length // 2 if length >= 8 else 2 if length >= 5 else 0
    kept = max(0, min(visible, limit))
    return "*" * (length - kept) + value[length - kept :]


def mask_email(value: str) -> str:
    """`ana.diaz@example.com` as `a***@example.com`. Text that is no address, or has a short name, shows no
    letter."""
    name, at, domain = value.rpartition("@")
    if not at or not name or not domain:
        return "***"
    return f"{name[0] if len(name) >= 3 else ''}***@{domain}"


# --- Model fields ---------------------------------------------------------------------------------

_ST = TypeVar("_ST", contravariant=True)
_GT = TypeVar("_GT", covariant=True)

if TYPE_CHECKING:

    class _Field(models.Field[_ST, _GT]):
        pass

else:

    class _Field(models.Field):
        def __class_getitem__(cls, item: object) -> type:
            return cls


class SealedField(_Field[_ST, _GT]):
    """A column of sealed bytes that reads and writes as a Python value.

    The context is ``app.Model.field``, so a value copied to another column does not open. `sealed_as` pins
    that name when a model or a field is renamed. NULL stays NULL. The database can neither compare nor sort
    sealed bytes: every lookup but ``isnull`` raises `FieldError`. Reading raises `SealBroken` or
    `KeyMissing`, never returns rubbish.
    """

    def __init__(self, *args: Any, sealed_as: str | None = None, **kwargs: Any) -> None:
        self.sealed_as = sealed_as
        super().__init__(*args, **kwargs)

    @property
    def seal_context(self) -> str:
        """The name that every value of this column is bound to."""
        return self.sealed_as or f"{self.model._meta.label}.{self.name}"

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.sealed_as is not None:
            kwargs["sealed_as"] = self.sealed_as
        return name, path, args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found: list[checks.CheckMessage] = list(super().check(**kwargs))
        if self.primary_key or self.unique or getattr(self, "db_index", False):
            hint = "Keep a blind index beside it and make that unique or indexed."
            found.append(
                checks.Error(
                    "A sealed field cannot be a key or indexed.", hint=hint, obj=self, id="config.E101"
                )
            )
        return found

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(
            f"{self.seal_context} is sealed: the database cannot apply '{lookup_name}' to it. "
            "Search a blind index kept beside it (config.crypto.blind_index); only isnull works here."
        )

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(
            f"{self.seal_context} is sealed: the database cannot look inside it by '{lookup_name}'. "
            "Search a blind index kept beside it (config.crypto.blind_index)."
        )

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        plain = value if prepared else self.get_prep_value(value)
        if plain is None:
            return None
        return connection.Database.Binary(seal(self.to_sealable(plain), context=self.seal_context))

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:
        if value is None:
            return None
        return self.from_sealable(unseal(value, context=self.seal_context))

    def to_sealable(self, value: Any) -> bytes:
        """The bytes to seal for a Python value that is not None."""
        raise NotImplementedError

    def from_sealable(self, plaintext: bytes) -> Any:
        """The Python value that `to_sealable` was given."""
        raise NotImplementedError


class EncryptedCharField(SealedField[_ST, _GT]):
    """Text at rest as sealed bytes. "" stays "", sealed. `max_length` counts characters and is checked by
    validation."""

    _pyi_private_set_type: str | Combinable
    _pyi_private_get_type: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            self.validators.append(validators.MaxLengthValidator(self.max_length))

    def to_python(self, value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else str(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def to_sealable(self, value: Any) -> bytes:
        try:
            return str(value).encode()
        except UnicodeEncodeError:
            raise ValidationError(
                "This text holds characters that cannot be stored.", code="invalid"
            ) from None

    def from_sealable(self, plaintext: bytes) -> str:
        return plaintext.decode()

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{"max_length": self.max_length, "empty_value": None if self.null else "", **kwargs}
        )


class EncryptedDateField(SealedField[_ST, _GT]):
    """A date at rest as sealed bytes. Text in ISO 8601 is accepted where Django's own date field accepts
    it."""

    _pyi_private_set_type: str | date | Combinable
    _pyi_private_get_type: date
    empty_strings_allowed = False

    def to_python(self, value: Any) -> date | None:
        parsed: date | None = models.DateField().to_python(value)
        return parsed

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def to_sealable(self, value: Any) -> bytes:
        return date.isoformat(value).encode()

    def from_sealable(self, plaintext: bytes) -> date:
        return date.fromisoformat(plaintext.decode())

    def value_to_string(self, obj: models.Model) -> str:
        value: Any = self.value_from_object(obj)
        return "" if value is None else date.isoformat(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": forms.DateField, **kwargs})


class EncryptedJSONField(SealedField[_ST, _GT]):
    """A JSON value at rest as sealed bytes. None is NULL. `encoder` as in Django's own field; NaN is
    refused."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    empty_strings_allowed = False

    def __init__(self, *args: Any, encoder: type[json.JSONEncoder] | None = None, **kwargs: Any) -> None:
        self.encoder = encoder
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.encoder is not None:
            kwargs["encoder"] = self.encoder
        return name, path, args, kwargs

    def to_sealable(self, value: Any) -> bytes:
        return json.dumps(value, cls=self.encoder, separators=(",", ":"), allow_nan=False).encode()

    def from_sealable(self, plaintext: bytes) -> Any:
        return json.loads(plaintext)

    def value_to_string(self, obj: models.Model) -> Any:
        return self.value_from_object(obj)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": forms.JSONField, "encoder": self.encoder, **kwargs})


# --- Files ----------------------------------------------------------------------------------------


def new_data_key() -> bytes:
    """A fresh 256-bit key for one file. Keep it only sealed: ``seal(key, context=...)``."""
    return AESGCM.generate_key(256)


def encrypt_stream(source: Iterable[bytes | memoryview], data_key: bytes, context: str) -> Iterator[bytes]:
    """Encrypt a file piece by piece; holds about two chunks of 64 KiB at a time.

    The header is magic with version (4 bytes) and a random salt (16). Each chunk is AES-256-GCM under a key
    derived from `data_key`, salt and `context`; its nonce is the chunk's number and a flag on the last one
    (the STREAM construction), so that cutting, repeating, reordering, appending and swapping between files
    are all found out.
    """
    salt = os.urandom(STREAM_SALT_SIZE)
    cipher = _stream_cipher(data_key, salt=salt, context=context)
    yield STREAM_MAGIC + salt
    for number, (chunk, last) in enumerate(_with_last(_exact_chunks(source, CHUNK_SIZE))):
        yield cipher.encrypt(_chunk_nonce(number, last=last), chunk, STREAM_MAGIC)


def decrypt_stream(source: Iterable[bytes | memoryview], data_key: bytes, context: str) -> Iterator[bytes]:
    """The plaintext of `encrypt_stream`, however the ciphertext is cut into pieces.

    Every chunk handed out is authentic and in its place. `SealBroken` is raised at the first one that is
    not, which for a file cut short is its end: treat what came before as unusable until the iterator
    finishes.
    """
    pieces = iter(source)
    header, rest = _take_header(pieces)
    if header[: len(STREAM_MAGIC)] != STREAM_MAGIC or len(header) != STREAM_HEADER_SIZE:
        raise SealBroken(f"The file of {context} is not an encrypted file of a known version.")
    cipher = _stream_cipher(data_key, salt=header[len(STREAM_MAGIC) :], context=context)
    body = _exact_chunks(_chain(rest, pieces), CHUNK_SIZE + TAG_SIZE)
    for number, (chunk, last) in enumerate(_with_last(body)):
        try:
            yield cipher.decrypt(_chunk_nonce(number, last=last), chunk, STREAM_MAGIC)
        except (InvalidTag, ValueError):
            raise SealBroken(f"The file of {context} does not open from chunk {number} on.") from None


def _stream_cipher(data_key: bytes, *, salt: bytes, context: str) -> AESGCM:
    return AESGCM(_hkdf(data_key, salt=salt, info=f"vouch/file/{context}"))


def _chunk_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_SIZE - 1, "big") + (b"\x01" if last else b"\x00")


def _take_header(pieces: Iterator[bytes | memoryview]) -> tuple[bytes, bytes]:
    head = b""
    while len(head) < STREAM_HEADER_SIZE:
        piece = next(pieces, None)
        if piece is None:
            break
        head += piece
    return head[:STREAM_HEADER_SIZE], head[STREAM_HEADER_SIZE:]


def _chain(first: bytes, rest: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield first
    yield from rest


def _exact_chunks(source: Iterable[bytes | memoryview], size: int) -> Iterator[bytes | memoryview]:
    """Pieces of exactly `size` bytes, the last one shorter or empty; an empty source gives one empty
    piece."""
    held = bytearray()
    given = False
    for piece in source:
        view = memoryview(piece)
        while len(view):
            if not held and len(view) >= size:
                yield view[:size]
                view, given = view[size:], True
                continue
            missing = size - len(held)
            held += view[:missing]
            view = view[missing:]
            if len(held) == size:
                yield bytes(held)
                held, given = bytearray(), True
    if held or not given:
        yield bytes(held)


def _with_last(chunks: Iterator[bytes | memoryview]) -> Iterator[tuple[bytes | memoryview, bool]]:
    current = next(chunks)
    for following in chunks:
        yield current, False
        current = following
    yield current, True
