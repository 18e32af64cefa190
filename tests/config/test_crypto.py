"""Sealing, blind indexes, masks, sealed fields and encrypted files."""

import datetime as dt
from collections.abc import Iterable
from itertools import permutations

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError
from django.db import connection, models
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from config import crypto
from onboarding.models import ApiClient, AssociatedPerson, EndUser

OLD, NEW = "o" * 40, "n" * 40
CHUNK = crypto.CHUNK_SIZE


# --- Sealing ----------------------------------------------------------------------------------------


@given(plaintext=st.binary(max_size=500), context=st.text(max_size=50))
def test_what_was_sealed_opens_again(plaintext: bytes, context: str) -> None:
    sealed = crypto.seal(plaintext, context=context)

    assert crypto.unseal(sealed, context=context) == plaintext
    assert len(sealed) == len(plaintext) + 33


def test_sealing_twice_gives_two_values() -> None:
    assert crypto.seal(b"x", context="a") != crypto.seal(b"x", context="a")


def test_a_sealed_value_does_not_open_in_another_place() -> None:
    sealed = crypto.seal(b"123-45-6789", context="onboarding.EndUser.document_number")

    with pytest.raises(crypto.SealBroken):
        crypto.unseal(sealed, context="onboarding.Identification.number")


def test_every_changed_byte_and_every_cut_is_found_out() -> None:
    sealed = crypto.seal(b"secret", context="a")
    changed = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    cut = [sealed[:i] for i in range(len(sealed))]

    for value in [*changed, *cut, sealed + b"\0"]:
        with pytest.raises(crypto.SealError):
            crypto.unseal(value, context="a")


def test_a_value_under_a_removed_key_says_so(settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = crypto.seal(b"x", context="a")
    settings.ENCRYPTION_KEYS = [NEW]

    with pytest.raises(crypto.KeyMissing):
        crypto.unseal(sealed, context="a")


def test_old_keys_open_and_the_newest_seals(settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = crypto.seal(b"x", context="a")
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    assert crypto.unseal(sealed, context="a") == b"x"
    assert not crypto.is_newest(sealed)
    rewrapped = crypto.rewrap(sealed, context="a")
    assert crypto.is_newest(rewrapped)
    settings.ENCRYPTION_KEYS = [NEW]
    assert crypto.unseal(rewrapped, context="a") == b"x"


@pytest.mark.parametrize("ring", [[], ["short"], [OLD, OLD], [OLD, f" {OLD} "]])
def test_an_unfit_key_ring_is_refused_without_repeating_it(settings, ring: list[str]) -> None:
    settings.ENCRYPTION_KEYS = ring

    with pytest.raises(ImproperlyConfigured) as refused:
        crypto.seal(b"x", context="a")
    assert OLD not in str(refused.value)


def test_no_error_repeats_the_value_it_is_about() -> None:
    sealed = crypto.seal(b"123-45-6789", context="a")

    with pytest.raises(crypto.SealBroken) as broken:
        crypto.unseal(sealed[:-1], context="a")
    assert "123-45-6789" not in str(broken.value)
    assert sealed.hex() not in str(broken.value)


# --- Derived keys, blind indexes, masks -------------------------------------------------------------


def test_derived_keys_differ_by_label_and_survive_rotation(settings) -> None:
    before = crypto.derive_key("audit")
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    assert crypto.derive_key("audit") == before
    assert crypto.derive_key("other") != before
    assert len(before) == 32


@pytest.mark.parametrize("spelling", ["ab-123 456", " AB123456 ", "ab.123.456", "ＡＢ１２３４５６"])
def test_spellings_of_one_number_have_one_blind_index(spelling: str) -> None:
    assert crypto.blind_index(spelling, purpose="p") == crypto.blind_index("AB123456", purpose="p")


def test_blind_indexes_tell_numbers_and_purposes_apart() -> None:
    index = crypto.blind_index("AB123456", purpose="passport")

    assert len(index) == 64
    assert int(index, 16)
    assert index != crypto.blind_index("AB123457", purpose="passport")
    assert index != crypto.blind_index("AB123456", purpose="ssn")


def test_numbers_without_letters_or_digits_are_not_all_the_same() -> None:
    assert crypto.blind_index("--", purpose="p") != crypto.blind_index("//", purpose="p")


def test_a_blind_index_can_be_normalised_for_email() -> None:
    def index(value: str) -> str:
        return crypto.blind_index(value, purpose="email", normalise=crypto.normalise_email)

    assert index(" Ana@Example.com") == index("ana@example.com")
    assert index("a.na@example.com") != index("ana@example.com")


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("123-45-6789", "*******6789"),
        ("123456789", "*****6789"),
        ("12345678", "****5678"),
        ("1234567", "*****67"),
        ("12345", "***45"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_masks_keep_four_characters_or_fewer(value: str, masked: str) -> None:
    assert crypto.mask(value) == masked


@given(value=st.text(max_size=60), visible=st.integers(-5, 100))
def test_a_mask_never_shows_more_than_half(value: str, visible: int) -> None:
    masked = crypto.mask(value, visible)
    hidden = len(value) - max(0, min(visible, len(value) // 2))

    assert len(masked) == len(value)
    assert masked[:hidden] == "*" * hidden


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ana.diaz@example.com", "a***@example.com"),
        ("al@example.com", "***@example.com"),
        ("no address", "***"),
        ("@example.com", "***"),
        ("", "***"),
    ],
)
def test_masked_addresses_keep_their_host(value: str, masked: str) -> None:
    assert crypto.mask_email(value) == masked


# --- Fields -----------------------------------------------------------------------------------------


def new_end_user(**values: object) -> EndUser:
    client, _ = ApiClient.objects.get_or_create(name="crypto-tests")
    return EndUser(client=client, type="INDIVIDUAL", email="ana@example.com", display_name="Ana", **values)


@pytest.fixture
def end_user(db: None) -> EndUser:
    made = new_end_user(document_number="AB123456", additional_info={"note": "ж", "list": [1, None]})
    made.save()
    return made


def stored_bytes(model: type[models.Model], column: str, pk: object) -> bytes | None:
    with connection.cursor() as cursor:
        prepared = model._meta.pk.get_db_prep_value(pk, connection)
        cursor.execute(f"SELECT {column} FROM {model._meta.db_table} WHERE id = %s", [prepared])
        value = cursor.fetchone()[0]
    return None if value is None else bytes(value)


def test_fields_read_back_what_was_written_and_store_neither(end_user: EndUser) -> None:
    read = EndUser.objects.get(pk=end_user.pk)

    assert read.document_number == "AB123456"
    assert read.additional_info == {"note": "ж", "list": [1, None]}
    stored = stored_bytes(EndUser, "document_number", end_user.pk)
    assert stored is not None
    assert b"AB123456" not in stored
    assert crypto.unseal(stored, context="onboarding.EndUser.document_number") == b"AB123456"


def test_null_stays_null_and_empty_text_is_sealed(end_user: EndUser) -> None:
    EndUser.objects.update(document_number="", additional_info=None)

    read = EndUser.objects.get(pk=end_user.pk)
    assert (read.document_number, read.additional_info) == ("", None)
    assert stored_bytes(EndUser, "document_number", end_user.pk)
    assert stored_bytes(EndUser, "additional_info", end_user.pk) is None


def test_dates_read_back_as_dates(end_user: EndUser) -> None:
    person = AssociatedPerson.objects.create(
        end_user=end_user, first_name="Eva", last_name="Roth", birth_date=dt.date(1990, 2, 28)
    )
    AssociatedPerson.objects.create(
        end_user=end_user, first_name="Bo", last_name="Lee", birth_date="1988-02-29"
    )

    assert set(AssociatedPerson.objects.values_list("birth_date", flat=True)) == {
        dt.date(1988, 2, 29),
        dt.date(1990, 2, 28),
    }
    with pytest.raises(ValidationError):
        AssociatedPerson.objects.filter(pk=person.pk).update(birth_date="1990-02-30")


def test_bulk_writes_and_partial_reads_work(db: None) -> None:
    EndUser.objects.bulk_create([new_end_user(document_number=n) for n in ("1", "2", None)])
    for row in EndUser.objects.all():
        row.document_number = f"{row.document_number}!"
        EndUser.objects.bulk_update([row], ["document_number"])

    numbers = {"1!", "2!", "None!"}
    assert set(EndUser.objects.values_list("document_number", flat=True)) == numbers
    assert {row["document_number"] for row in EndUser.objects.values("document_number")} == numbers
    assert {row.document_number for row in EndUser.objects.only("document_number")} == numbers


def test_only_isnull_can_be_asked_of_a_sealed_column(end_user: EndUser) -> None:
    assert EndUser.objects.filter(document_number__isnull=False).count() == 1
    assert EndUser.objects.exclude(additional_info__isnull=True).count() == 1
    lookups = ({"document_number": "x"}, {"document_number__in": ["x"]}, {"document_number__icontains": "x"})
    for lookup in (*lookups, {"additional_info__note": "ж"}):
        with pytest.raises(FieldError, match="blind index"):
            EndUser.objects.filter(**lookup).exists()


def test_a_value_copied_to_another_column_does_not_open(end_user: EndUser) -> None:
    EndUser.objects.update(document_number=F("additional_info"))

    with pytest.raises(crypto.SealBroken):
        EndUser.objects.get(pk=end_user.pk)


def test_text_that_is_not_unicode_is_a_validation_error(db: None) -> None:
    with pytest.raises(ValidationError):
        new_end_user(document_number="\ud800").save()


def test_fields_describe_themselves_to_migrations() -> None:
    field = crypto.EncryptedCharField(null=True, max_length=9, sealed_as="onboarding.Old.name")
    field.set_attributes_from_name("name")
    _, path, args, kwargs = field.deconstruct()

    assert path == "config.crypto.EncryptedCharField"
    assert (list(args), kwargs) == ([], {"null": True, "max_length": 9, "sealed_as": "onboarding.Old.name"})
    assert field.seal_context == "onboarding.Old.name"
    assert field.clone().max_length == 9


@pytest.mark.parametrize("option", [{"unique": True}, {"db_index": True}])
def test_a_sealed_field_may_not_be_indexed(option: dict[str, bool]) -> None:
    field = crypto.EncryptedCharField(**option)
    field.set_attributes_from_name("name")
    field.model = EndUser

    assert "config.E101" in [found.id for found in field.check()]


def test_forms_validate_the_plain_value() -> None:
    form_field = crypto.EncryptedCharField(max_length=3, null=True, blank=True).formfield()

    assert form_field.clean("") is None
    with pytest.raises(ValidationError):
        form_field.clean("four")
    assert crypto.EncryptedDateField().formfield().clean("2001-02-03") == dt.date(2001, 2, 3)
    assert crypto.EncryptedJSONField().formfield().clean('{"a": 1}') == {"a": 1}


# --- Files ------------------------------------------------------------------------------------------


KEY = b"k" * 32


def encrypted(plain: bytes, *, key: bytes = KEY, context: str = "file") -> bytes:
    return b"".join(crypto.encrypt_stream([plain], key, context))


def decrypted(pieces: Iterable[bytes], *, key: bytes = KEY, context: str = "file") -> bytes:
    return b"".join(crypto.decrypt_stream(pieces, key, context))


def chunks_of(ciphertext: bytes) -> tuple[bytes, list[bytes]]:
    header, body = ciphertext[: crypto.STREAM_HEADER_SIZE], ciphertext[crypto.STREAM_HEADER_SIZE :]
    step = CHUNK + crypto.TAG_SIZE
    return header, [body[i : i + step] for i in range(0, len(body), step)]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])
def test_files_of_every_length_read_back(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)

    assert decrypted([encrypted(plain[:size])]) == plain[:size]


@given(data=st.data())
def test_it_does_not_matter_how_the_pieces_are_cut(data: st.DataObject) -> None:
    plain = b"abcdefgh" * 20_000
    cuts = sorted(data.draw(st.lists(st.integers(0, len(plain)), max_size=6)))
    pieces = [plain[a:b] for a, b in zip([0, *cuts], [*cuts, len(plain)], strict=True)]
    ciphertext = b"".join(crypto.encrypt_stream(pieces, KEY, "file"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ciphertext)), max_size=6)))
    pieces = [ciphertext[a:b] for a, b in zip([0, *cuts], [*cuts, len(ciphertext)], strict=True)]

    assert len(ciphertext) == 20 + len(plain) + 3 * 16
    assert decrypted(pieces) == plain


@given(position=st.integers(0, 200_000))
def test_a_file_cut_anywhere_does_not_open(position: int) -> None:
    ciphertext = encrypted(b"x" * 150_000)

    with pytest.raises(crypto.SealBroken):
        decrypted([ciphertext[: position % len(ciphertext)]])


def test_a_file_cut_between_chunks_does_not_open() -> None:
    header, chunks = chunks_of(encrypted(b"x" * 4 * CHUNK))

    for kept in range(len(chunks)):
        with pytest.raises(crypto.SealBroken):
            decrypted([header, *chunks[:kept]])


def test_reordered_repeated_and_dropped_chunks_are_found_out() -> None:
    header, chunks = chunks_of(encrypted(b"a" * CHUNK + b"b" * CHUNK + b"c" * CHUNK))
    orders = [list(order) for order in permutations(chunks) if list(order) != chunks]

    for order in [*orders, chunks[1:], [chunks[0], *chunks], [*chunks, chunks[-1]]]:
        with pytest.raises(crypto.SealBroken):
            decrypted([header, *order])


def test_appended_bytes_are_found_out() -> None:
    ciphertext = encrypted(b"x" * CHUNK)

    for more in (b"\0", b"\0" * 16, b"\0" * 200_000, ciphertext):
        with pytest.raises(crypto.SealBroken):
            decrypted([ciphertext, more])


def test_chunks_and_headers_of_two_files_do_not_mix() -> None:
    (header_a, chunks_a), (header_b, chunks_b) = (chunks_of(encrypted(x * 2 * CHUNK)) for x in (b"a", b"b"))

    for pieces in ([header_a, *chunks_b], [header_b, *chunks_a], [header_a, chunks_a[0], chunks_b[1]]):
        with pytest.raises(crypto.SealBroken):
            decrypted(pieces)


def test_another_key_another_context_and_another_version_do_not_open() -> None:
    ciphertext = encrypted(b"x" * 100)

    with pytest.raises(crypto.SealBroken):
        decrypted([ciphertext], key=b"j" * 32)
    with pytest.raises(crypto.SealBroken):
        decrypted([ciphertext], context="another file")
    with pytest.raises(crypto.SealBroken):
        decrypted([b"VLT\x02" + ciphertext[4:]])


def test_decryption_hands_out_only_authentic_chunks() -> None:
    header, chunks = chunks_of(encrypted(b"a" * CHUNK + b"b" * CHUNK + b"c"))
    pieces = crypto.decrypt_stream([header, chunks[0], b"\0" * len(chunks[1]), chunks[2]], KEY, "file")

    assert next(pieces) == b"a" * CHUNK
    with pytest.raises(crypto.SealBroken):
        next(pieces)
